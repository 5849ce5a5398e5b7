"""What lies on the tray as it is painted, read from the store: a function of its place alone, whoever trains or replays meanwhile.

Axes: C columns of an outline, h w cells of a map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from core.exploring.tray import Held
from core.problems import Refused
from core.store.answers import PicturesAt, SoundsAt
from core.store.reader import RunReader
from core.telemetry.spans import seconds_of
from widgets.look.heat.side import on_patches
from widgets.look.language import tr
from widgets.look.pictures import difference_of, draw_picture, heat_of, image_of
from widgets.look.sounds import outline_of, spectrogram_of
from widgets.monitors.attention.attention_map import ROLLOUT, AttentionSettings, read_attention, row_for
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.made_images import Tile, cut, decoded, difference_between
from widgets.monitors.made.made_sounds import DECODED_SOUNDS
from widgets.monitors.titles import run_titles, title

LEAST_SIDE = 192  # pixels of a map's image: cells of heat are drawn on it


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One thing on the tray; without anything to see it says why."""

    held: Held
    run: str = ""  # the run's name
    what: str = ""  # the block's title
    seed: int | None = None
    caption: str = ""
    frames: tuple[QImage, ...] = ()  # one of an image; those of a film
    times: int = 1  # pixels of a frame for one of the image that a map lies over
    seconds: tuple[float, ...] = ()  # of a film, when each is shown; of a sound, how long it is
    heat: NDArray[np.float32] | None = None  # [h, w] of a map
    sound: bytes = b""
    outline_2C: NDArray[np.float32] | None = None
    problem: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether it is heard."""
        return self.held.kind in ("sound", "original sound")

    @property
    def is_film(self) -> bool:
        """Whether it has frames in time."""
        return len(self.frames) > 1


def read_shown(held: Held, reader_of: Callable[[str], RunReader]) -> Shown:
    """What is painted of one thing."""
    try:
        reader = reader_of(held.run)
        name = reader.facts().name
        node = held.series.partition("/")[2].partition("/")[0]
        what = title(run_titles(reader), node)
        found = _READ[held.kind](held, reader)
    except Refused as refused:
        return Shown(held=held, problem=refused.problems[0].what)
    except (ValueError, RuntimeError, IndexError):
        return Shown(held=held, problem=tr("It cannot be decoded."))
    return Shown(**{**found.__dict__, "run": name, "what": what})


def _image(held: Held, reader: RunReader) -> Shown:
    at = reader.pictures_at(held.series, held.step)
    names = () if at is None else at.originals if held.kind == "original image" else at.made
    if at is None or at.step != held.step or held.index >= len(names):
        return Shown(held=held, problem=tr("The run no longer says it."))
    tile = decoded(reader.file, names[held.index])
    starts = at.frames[held.index] if held.index < len(at.frames) else ()
    frames = () if tile.image is None else cut(tile.image, 1, len(starts)) if starts else (tile.image,)
    return _described(held, at, frames=frames, seconds=starts, problem=tile.problem)


def _sound(held: Held, reader: RunReader) -> Shown:
    at = reader.sounds_at(held.series, held.step)
    names = () if at is None else at.originals if held.kind == "original sound" else at.made
    if at is None or at.step != held.step or held.index >= len(names):
        return Shown(held=held, problem=tr("The run no longer says it."))
    samples_S = DECODED_SOUNDS.samples(reader, names[held.index])
    return _described(
        held, at, frames=(spectrogram_of(samples_S),), sound=reader.file(names[held.index]),
        outline_2C=outline_of(samples_S), seconds=(seconds_of(len(samples_S), at.hertz),),
    )  # fmt: skip


def _described(held: Held, at: PicturesAt | SoundsAt, **more: object) -> Shown:
    seed = at.seeds[held.index] if held.index < len(at.seeds) else None
    caption = at.titles[held.index] if held.index < len(at.titles) else ""
    return Shown(**{"held": held, "seed": seed, "caption": caption, **more})  # type: ignore[arg-type]


def _attention(held: Held, reader: RunReader) -> Shown:
    node, _, layer = held.series.removeprefix("attention/").rpartition("/")
    settings = AttentionSettings(
        node=node, layer=int(layer), head=held.head, sample=held.index, query=held.query, rollout=held.head == ROLLOUT
    )
    value = read_attention(settings, reader, Cursor(step=held.step, follows_head=False))
    if value is None or value.said_at != held.step or (value.node, value.layer) != (node, int(layer)):
        return Shown(held=held, problem=tr("The run no longer says it."))
    heat = on_patches(value.keys, row_for(value, held.query))
    if heat is None or value.picture is None:
        return Shown(held=held, problem=tr("This map lies over words, and the tray shows maps over images."))
    rows, columns = value.keys.frames_on_sheet
    times = times_of(value.picture.shape[0], value.picture.shape[1])
    return Shown(
        held=held, caption=value.sentence, heat=heat, seconds=value.keys.seconds, times=times,
        frames=cut(with_heat(value.picture, heat_of(heat)), rows, columns)[: max(len(value.keys.seconds), 1)],
    )  # fmt: skip


def times_of(height: int, width: int) -> int:
    """How many times larger an image is painted under a map, so that the map's cells are whole."""
    return max(1, -(-LEAST_SIDE // max(height, width)))


def with_heat(pixels: NDArray[np.uint8], heat: QImage) -> QImage:
    """An image with heat over it, large enough that both are seen cell by cell."""
    bare = image_of(pixels)
    times = times_of(bare.height(), bare.width())
    drawn = bare.scaled(bare.width() * times, bare.height() * times).convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(drawn)
    draw_picture(painter, QRectF(drawn.rect()), drawn.copy(), heat)
    painter.end()
    return drawn


def between(first: Shown, other: Shown) -> Shown:
    """By how much another differs from the first, as a third thing; where they cannot be compared it says why."""
    if (
        first.is_sound
        or other.is_sound
        or first.is_film
        or other.is_film
        or not (first.frames and other.frames)
        or (first.heat is None) != (other.heat is None)
    ):
        return Shown(held=other.held, problem=tr("Only two images or two maps have a difference."))
    if first.heat is not None and other.heat is not None:
        if first.heat.shape != other.heat.shape:
            return Shown(held=other.held, problem=tr("The two maps have different cells."))
        apart = other.heat - first.heat
        image = first.frames[0]
        blank = np.full((image.height() // first.times, image.width() // first.times, 3), 40, dtype=np.uint8)
        words = tr("difference, at most {value}", value=f"{float(np.abs(apart).max()):.1%}")
        return Shown(
            held=other.held, caption=words, frames=(with_heat(blank, difference_of(apart)),), times=first.times
        )
    tile, error = difference_between(Tile(image=first.frames[0]), Tile(image=other.frames[0]))
    if tile.image is None:
        sizes = [f"{each.frames[0].width()}×{each.frames[0].height()}" for each in (first, other)]
        return Shown(
            held=other.held,
            problem=tr("The two images have different sizes: {first} and {second}.", first=sizes[0], second=sizes[1]),
        )
    return Shown(held=other.held, caption=tr("difference, mean {error}", error=f"{error:.1%}"), frames=(tile.image,))


_READ: dict[str, Callable[[Held, RunReader], Shown]] = {
    "image": _image, "original image": _image, "sound": _sound, "original sound": _sound, "attention": _attention,
}  # fmt: skip
