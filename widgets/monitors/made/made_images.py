"""What blocks made, read at the cursor and decoded on the reader's thread; what was decoded is kept by content, within a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt
from PySide6.QtGui import QImage, QImageReader

from core.exploring.places import same_place
from core.problems import Refused
from core.store.answers import PicturesAt
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.pictures import image_of
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.titles import run_titles

KIND, STEM = "pictures", "made/"
MOST_TILES, MOST_MOMENTS = 64, 40  # of a grid a run, of the strip
TILE_PIXELS = 160  # the longer side of what a tile keeps
MOST_BYTES = 48 << 20  # of decoded tiles
TIMES = 4  # how much brighter a difference is shown than it is
LARGEST_SIDE = 8192  # pixels; what claims to be larger is not decoded


@dataclass(frozen=True, kw_only=True)
class MadeSettings:
    """Which block, which image the strip shows, and whether it is looked at closely."""

    series: str = ""  # empty: the first there is
    chosen: int = 0  # place in the grid
    close: bool = False
    difference: bool = True


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One image as it is painted; without pixels it says why."""

    image: QImage | None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Pane:
    """One image at its own size, for the close look."""

    role: str  # made, original, difference
    run: str  # the name of the run
    uid: str
    step: int
    tile: Tile
    starts: tuple[float, ...] = ()  # of a film, when each of its frames is shown, in seconds: they stand in a row
    error: float | None = None  # of a difference: mean of the absolute differences, 0 to 1


@dataclass(frozen=True, kw_only=True)
class RunMade:
    """What one run had made at the cursor."""

    name: str
    uid: str
    step: int
    tiles: tuple[Tile, ...]
    originals: tuple[Tile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The chosen image at one step."""

    step: int
    tile: Tile


@dataclass(frozen=True, kw_only=True)
class MadeValue:
    """Everything that is drawn at the cursor."""

    all_series: tuple[str, ...]
    series: str
    step: int  # said at
    seeds: tuple[int, ...]
    captions: tuple[str, ...]
    runs: tuple[RunMade, ...]  # the watched one first
    moments: tuple[Moment, ...]
    chosen: int
    count: int  # made at that step, of which so many tiles are shown
    panes: tuple[Pane, ...] = ()  # where it is looked at closely
    broken: int = 0  # tiles without pixels
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


class DecodedTiles:
    """Images by content, the least recently used given up first. Content never changes, so nothing here grows stale."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._images: OrderedDict[str, QImage] = OrderedDict()
        self._lock = threading.Lock()

    def tile(self, reader: RunReader, name: str, frames: int = 1) -> Tile:
        """A file as a tile; of a film's so many frames in a row the middle one."""
        key = name if frames == 1 else f"{name}/{frames}"
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
                return Tile(image=self._images[key])
        tile = decoded(reader.file, name, TILE_PIXELS if frames == 1 else 0)
        if tile.image is not None and frames > 1:
            tile = Tile(image=cut(tile.image, 1, frames)[frames // 2])
        if tile.image is not None:
            self._keep(key, tile.image)
        return tile

    def _keep(self, name: str, image: QImage) -> None:
        with self._lock:
            before = self._images.pop(name, None)
            self.bytes += image.sizeInBytes() - (before.sizeInBytes() if before is not None else 0)
            self._images[name] = image
            while self.bytes > self.most_bytes and len(self._images) > 1:
                self.bytes -= self._images.popitem(last=False)[1].sizeInBytes()


DECODED = DecodedTiles()


def cut(sheet: QImage, rows: int, columns: int) -> tuple[QImage, ...]:
    """The frames on a sheet, in the order of time."""
    wide, high = sheet.width() // columns, sheet.height() // rows
    return tuple(sheet.copy(n % columns * wide, n // columns * high, wide, high) for n in range(rows * columns))


def decoded(read: Callable[[str], bytes], name: str, most_pixels: int = 0) -> Tile:
    """A file as an image; ``most_pixels``: no larger than this. What cannot be read or decoded says why."""
    try:
        data = QByteArray(read(name))
    except Refused as refused:
        return Tile(image=None, problem=refused.problems[0].what)
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    size = reader.size()
    if not size.isValid() or max(size.width(), size.height()) > LARGEST_SIDE:
        return Tile(image=None, problem=tr("This image cannot be decoded."))
    if most_pixels and max(size.width(), size.height()) > most_pixels:
        reader.setScaledSize(size.scaled(QSize(most_pixels, most_pixels), Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        return Tile(image=None, problem=tr("This image cannot be decoded."))
    return Tile(image=image.convertToFormat(QImage.Format.Format_RGB32))


def read_made(settings: MadeSettings, readers: Sequence[RunReader], cursor: Cursor) -> MadeValue | None:
    """What is drawn; None where the watched run had made nothing by then."""
    first = readers[0]
    names = tuple(series_names(first, cursor, (STEM,), kind=KIND))
    series = settings.series if settings.series in names else next(iter(names), "")
    found = first.pictures_at(series, cursor.step) if series else None
    if found is None:
        return None
    places = [(reader, same_place(first, cursor.step, reader, cursor.axis)) for reader in readers[1:]]
    beside = [(reader, at) for reader, step in places if (at := reader.pictures_at(series, step)) is not None]
    several = [(first, found), *beside]
    chosen = min(settings.chosen, min(len(found.made), MOST_TILES) - 1)
    runs = tuple(_run(reader, at) for reader, at in several)
    moments = tuple(
        Moment(step=at.step, tile=DECODED.tile(first, at.made[chosen], _frames(at, chosen)))
        for at in first.pictures_over(series, upto=cursor.step, most=MOST_MOMENTS)
        if chosen < len(at.made)
    )
    panes = [pane for reader, at in several for pane in _panes(reader, at, chosen, settings.difference)]
    tiles = [tile for run in runs for tile in (*run.tiles, *run.originals)] + [moment.tile for moment in moments]
    return MadeValue(
        all_series=names, series=series, step=found.step, seeds=found.seeds[:MOST_TILES], captions=found.titles[:MOST_TILES],
        runs=runs, moments=moments, chosen=chosen, count=len(found.made), panes=tuple(panes) if settings.close else (),
        broken=sum(tile.image is None for tile in tiles), titles=run_titles(first),
    )  # fmt: skip


def _frames(at: PicturesAt, place: int) -> int:
    """How many frames stand in a row: one of an image."""
    return max(len(at.frames[place]), 1) if place < len(at.frames) else 1


def _run(reader: RunReader, at: PicturesAt) -> RunMade:
    facts = reader.facts()
    return RunMade(
        name=facts.name, uid=facts.uid, step=at.step,
        tiles=tuple(DECODED.tile(reader, name, _frames(at, n)) for n, name in enumerate(at.made[:MOST_TILES])),
        originals=tuple(DECODED.tile(reader, name) for name in at.originals[:MOST_TILES]),
    )  # fmt: skip


def _panes(reader: RunReader, at: PicturesAt, chosen: int, with_difference: bool) -> list[Pane]:
    """The chosen image of one run at its own size, its original before it, and by how much they differ."""
    if chosen >= len(at.made):
        return []
    facts = reader.facts()
    made = decoded(reader.file, at.made[chosen])

    def pane(role: str, tile: Tile, error: float | None = None) -> Pane:
        starts = at.frames[chosen] if chosen < len(at.frames) else ()
        return Pane(role=role, run=facts.name, uid=facts.uid, step=at.step, tile=tile, starts=starts, error=error)

    if not at.originals:
        return [pane("made", made)]
    original = decoded(reader.file, at.originals[chosen])
    panes = [pane("original", original), pane("made", made)]
    return [*panes, pane("difference", *difference_between(original, made))] if with_difference else panes


def difference_between(original: Tile, made: Tile) -> tuple[Tile, float | None]:
    """By how much two images differ, brightened, and the mean of the absolute differences, 0 to 1; why not where they cannot be compared."""
    if original.image is None or made.image is None or original.image.size() != made.image.size():
        return Tile(image=None, problem=tr("The original has another size, or one of the two is missing.")), None
    one, other = (pixels_of(tile.image).astype(np.int16) for tile in (original, made))
    apart = np.abs(one - other)
    return Tile(image=image_of(np.minimum(apart * TIMES, 255).astype(np.uint8))), float(apart.mean()) / 255


def pixels_of(image: QImage) -> np.ndarray:
    """An image as uint8 [H, W, 3], copied: Qt's memory ends with the image."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
