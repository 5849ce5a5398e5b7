"""What was painted of the canvas, kept as tiles: a frame in which nothing changed only copies them.

Tiles lie on a grid that starts at the scene's origin; each holds the same pixels whichever part of the drawing is in view,
so a scrolled view needs only the tiles that came into it, and a change only the parts of tiles that it soiled. For every
scale there is a level of tiles. While the view zooms, kept levels are drawn larger or smaller, and tiles of a level near
the scale in view are painted for them, as many a frame as there is time for. No part out of date is ever shown: what is
drawn of a soiled tile is painted first. Memory is bounded; the tiles not drawn for longest go.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtGui import QColor, QPainter, QPixmap, QRegion, QTransform

from widgets.canvas import ink
from widgets.canvas.scene import FAR_BELOW, CanvasScene
from widgets.look.theme import theme

WIDE, HIGH = 512, 256  # of a tile, device pixels
PADDING, PADDING_PIXELS = 8.0, 2  # scene units and pixels: pens and marks reach so far over an item's rectangle
MOST_UNSEEN = 1000  # rectangles; a level with more of them is painted anew
LEAST_KEPT, VIEWS_KEPT = 128, 3  # tiles; as many views are kept as fit, but no fewer tiles than that
NEAREST, FARTHEST = 0.55, 2.2  # a level stands for scales of so many times its own without being painted anew
FAR_STEP = FAR_BELOW - 0.01
BASE_WIDE = 1024  # pixels of the whole drawing in the level that fills what no other has
DOT_STEP, DOTS_FROM = 24, 0.45
Key = tuple[int, int]  # column and row


@dataclass(frozen=True, kw_only=True)
class Look:
    """From where a frame is painted."""

    scale: float
    sharpness: float  # device pixels a pixel of the widget
    origin: QPoint  # where the scene's origin is, device pixels

    @property
    def ratio(self) -> float:
        """Device pixels a scene unit."""
        return self.scale * self.sharpness

    @property
    def base(self) -> QTransform:
        """From the scene to the widget."""
        return QTransform(
            self.scale, 0, 0, self.scale, self.origin.x() / self.sharpness, self.origin.y() / self.sharpness
        )


@dataclass(kw_only=True)
class Tile:
    """A piece of the picture."""

    pixels: QPixmap
    soiled: QRect | None  # the part that is out of date
    drawn: int = 0  # the frame that drew it last


@dataclass
class Level:
    """The tiles of one scale."""

    scale: float
    sharpness: float
    tiles: dict[Key, Tile] = field(default_factory=dict)
    unseen: list[QRectF] = field(default_factory=list)  # soiled while the level was not looked at

    @property
    def ratio(self) -> float:
        """Device pixels a scene unit."""
        return self.scale * self.sharpness

    def catch_up(self) -> None:
        """The level is about to be looked at: know what is out of date on it."""
        for rect in self.unseen:
            self._soil(rect)
        self.unseen.clear()

    def _soil(self, rect: QRectF) -> None:
        """A rectangle of the scene looks different now."""
        around = rect.adjusted(-PADDING, -PADDING, PADDING, PADDING)
        found = _outer(around, self.ratio).adjusted(-PADDING_PIXELS, -PADDING_PIXELS, PADDING_PIXELS, PADDING_PIXELS)
        for key in self.there(found):
            tile = self.tiles[key]
            part = found.translated(-key[0] * WIDE, -key[1] * HIGH).intersected(QRect(0, 0, WIDE, HIGH))
            tile.soiled = part if tile.soiled is None else tile.soiled.united(part)

    def there(self, rect: QRect) -> list[Key]:
        """The tiles there are in a rectangle of the level's pixels."""
        if rect.isEmpty():
            return []
        left, top, right, bottom = _grid(rect)
        if (right - left + 1) * (bottom - top + 1) > len(self.tiles):
            return [(x, y) for x, y in self.tiles if left <= x <= right and top <= y <= bottom]
        return [key for key in keys_in(rect) if key in self.tiles]


class Tiles:
    """The kept picture of one scene."""

    def __init__(self, board: CanvasScene) -> None:
        self._board = board
        self._levels: dict[tuple[float, float], Level] = {}
        self._frame = 0
        self._spare: dict[float, QPixmap] = {}  # what a part of a tile is painted on, by sharpness

    def forget(self) -> None:
        """Everything looks different now."""
        self._levels.clear()

    @property
    def count(self) -> int:
        """How many are kept."""
        return sum(len(level.tiles) for level in self._levels.values())

    def paint(self, painter: QPainter, exposed: QRect, now: Look) -> None:
        """The sharp picture; ``exposed`` in device pixels, the painter's unit."""
        self._begin()
        level = self._level(now.scale, now.sharpness)
        level.catch_up()
        seen = self._drawn(exposed, now)
        self._paper(painter, QRegion(exposed) - QRegion(seen.translated(now.origin)), now)
        for key in keys_in(seen):
            tile = self._fresh(level, key)
            part = QRect(key[0] * WIDE, key[1] * HIGH, WIDE, HIGH) & seen
            at = part.topLeft() + now.origin
            painter.drawPixmap(at, tile.pixels, part.translated(-key[0] * WIDE, -key[1] * HIGH))
        self._end(exposed)

    def paint_moving(self, painter: QPainter, exposed: QRect, now: Look, seconds: float, exact: bool) -> bool:
        """The picture while it zooms, from whatever is kept; paints for ``seconds`` towards what is wanted.

        ``exact`` where the view rests again: then tiles of this very scale are wanted. Gives whether all are there.
        """
        until, took = time.perf_counter() + seconds, 0.0
        self._begin()
        seen = self._drawn(exposed, now)
        self._paper(painter, QRegion(exposed) - QRegion(seen.translated(now.origin)), now)
        for level in self._levels.values():
            level.catch_up()
        wanted = self._level(now.scale if exact else _step(now.scale), now.sharpness)
        mosaic = Mosaic(seen, now.ratio)
        for level in self._by_likeness(now):
            if level is wanted or (not exact and NEAREST <= now.ratio / level.ratio <= FARTHEST):
                mosaic.add(level, level.there(mosaic.on_level(level)))
        missing = [key for key in keys_in(mosaic.on_level(wanted)) if mosaic.needs(wanted, key)]
        whole = not missing
        for number, key in enumerate(_from_the_middle(missing)):
            started = time.perf_counter()
            if number and started + took > until:
                break
            self._fresh(wanted, key)
            took = time.perf_counter() - started
            mosaic.add(wanted, [key])
            whole = number + 1 == len(missing)
        for level in self._by_likeness(now) if not mosaic.is_full else ():
            mosaic.add(level, level.there(mosaic.on_level(level)))
        if not mosaic.is_full:
            base = self._base(now.sharpness)
            mosaic.add(base, [key for key in keys_in(mosaic.on_level(base)) if mosaic.needs(base, key)])
        for level, key, target in mosaic.pieces():
            painter.drawPixmap(target.translated(now.origin), self._fresh(level, key).pixels, QRect(0, 0, WIDE, HIGH))
        self._end(exposed)
        return whole

    def _begin(self) -> None:
        self._frame += 1
        soiled = self._board.take_soiled()
        if soiled is None:
            self.forget()
            return
        for level in self._levels.values():
            level.unseen += soiled
            if len(level.unseen) > MOST_UNSEEN:
                level.tiles.clear()
                level.unseen.clear()

    def _end(self, exposed: QRect) -> None:
        """Keep no more than there is room for."""
        most = max(LEAST_KEPT, VIEWS_KEPT * (exposed.width() // WIDE + 2) * (exposed.height() // HIGH + 2))
        if self.count > most:
            kept = sorted(
                (tile.drawn, k, key) for k, level in self._levels.items() for key, tile in level.tiles.items()
            )
            for drawn, k, key in kept[: len(kept) - most]:
                if drawn < self._frame:
                    del self._levels[k].tiles[key]
        self._levels = {k: level for k, level in self._levels.items() if level.tiles}

    def _level(self, scale: float, sharpness: float) -> Level:
        return self._levels.setdefault((scale, sharpness), Level(scale, sharpness))

    def _base(self, sharpness: float) -> Level:
        reach = self._board.reach()
        ratio = min(BASE_WIDE / max(reach.width(), 1.0), BASE_WIDE / max(reach.height(), 1.0), 1.0)
        return self._level(_step(ratio / sharpness), sharpness)

    def _by_likeness(self, now: Look) -> list[Level]:
        """Levels with tiles; those nearest in scale first."""
        found = [level for level in self._levels.values() if level.tiles]
        return sorted(found, key=lambda level: abs(math.log(level.ratio / now.ratio)))

    def _drawn(self, exposed: QRect, now: Look) -> QRect:
        """The part of what is exposed in which there is more than paper; pixels from the scene's origin."""
        reach = self._board.reach()
        if reach.isNull():
            return QRect()
        around = _outer(reach.adjusted(-PADDING, -PADDING, PADDING, PADDING), now.ratio)
        return around.adjusted(-PADDING_PIXELS, -PADDING_PIXELS, PADDING_PIXELS, PADDING_PIXELS) & exposed.translated(
            -now.origin
        )

    def _fresh(self, level: Level, key: Key) -> Tile:
        """A tile with nothing out of date on it."""
        tile = level.tiles.get(key)
        if tile is None:
            pixels = QPixmap(WIDE, HIGH)
            self._paint_part(level, key, pixels, QRect(0, 0, WIDE, HIGH))
            tile = level.tiles[key] = Tile(pixels=pixels, soiled=None)
        elif tile.soiled is not None:
            self._renew(level, key, tile, tile.soiled)
            tile.soiled = None
        tile.drawn = self._frame
        return tile

    def _renew(self, level: Level, key: Key, tile: Tile, part: QRect) -> None:
        """Paint a part anew: on a tile of its own, for a line cut off at a clip may run a pixel beside itself."""
        spare = self._spare.setdefault(level.sharpness, QPixmap(WIDE, HIGH))
        self._paint_part(level, key, spare, part)
        tile.pixels.setDevicePixelRatio(1.0)
        painter = QPainter(tile.pixels)
        painter.drawPixmap(part.topLeft(), spare, part)
        painter.end()

    def _paint_part(self, level: Level, key: Key, pixels: QPixmap, part: QRect) -> None:
        corner = QPoint(key[0] * WIDE, key[1] * HIGH)
        look_there = Look(scale=level.scale, sharpness=level.sharpness, origin=-corner)
        pixels.setDevicePixelRatio(1.0)
        painter = QPainter(pixels)
        self._paper(painter, QRegion(part), look_there)
        painter.end()
        pixels.setDevicePixelRatio(level.sharpness)
        painter = QPainter(pixels)
        pad = PADDING + PADDING_PIXELS / level.ratio
        place = part.translated(corner)
        seen = QRectF(
            place.x() / level.ratio, place.y() / level.ratio, place.width() / level.ratio, place.height() / level.ratio
        ).adjusted(-pad, -pad, pad, pad)
        self._board.draw(painter, look_there.base, seen, level.scale)
        painter.end()
        pixels.setDevicePixelRatio(1.0)

    def _paper(self, painter: QPainter, region: QRegion, now: Look) -> None:
        """Paper without anything on it; ``region`` in device pixels."""
        step = round(DOT_STEP * now.ratio * (1 if now.scale >= 0.8 else 2))
        dots = ink.dotted_paper(step, max(round(now.sharpness), 1)) if now.scale >= DOTS_FROM else None
        for rect in region:
            if dots is None:
                painter.fillRect(rect, QColor(theme().canvas))
            else:
                side = dots.width()
                start = rect.topLeft() - now.origin
                painter.drawTiledPixmap(rect, dots, QPoint(start.x() % side, start.y() % side))


class Mosaic:
    """Tiles of several levels that together cover a rectangle, each place by the level that was added first."""

    def __init__(self, area: QRect, ratio: float) -> None:
        self._area, self._ratio = area, ratio
        self._left = QRegion(area)
        self._pieces: list[tuple[Level, Key, QRect]] = []

    @property
    def is_full(self) -> bool:
        """Whether nothing is left uncovered."""
        return self._left.isEmpty()

    def on_level(self, level: Level) -> QRect:
        """The rectangle in a level's pixels."""
        share = level.ratio / self._ratio
        area = QRectF(self._area)
        return _outer(area, share)

    def target(self, level: Level, key: Key) -> QRect:
        """Where a tile is drawn; neighbours share their edges."""
        share = self._ratio / level.ratio
        left, right = round(key[0] * WIDE * share), round((key[0] + 1) * WIDE * share)
        top, bottom = round(key[1] * HIGH * share), round((key[1] + 1) * HIGH * share)
        return QRect(left, top, right - left, bottom - top)

    def needs(self, level: Level, key: Key) -> bool:
        """Whether a tile would cover something that is not covered yet."""
        return self._left.intersects(self.target(level, key))

    def add(self, level: Level, keys: list[Key]) -> None:
        """Cover what these tiles cover."""
        for key in keys:
            target = self.target(level, key)
            if self._left.intersects(target):
                self._pieces.append((level, key, target))
                self._left -= QRegion(target)

    def pieces(self) -> Iterator[tuple[Level, Key, QRect]]:
        """What to draw, in that order: a piece may lie over one that was added after it."""
        return reversed(self._pieces)


def keys_in(rect: QRect) -> Iterator[Key]:
    """The tiles of the grid that a rectangle touches."""
    if rect.isEmpty():
        return
    left, top, right, bottom = _grid(rect)
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            yield column, row


def _grid(rect: QRect) -> tuple[int, int, int, int]:
    return rect.left() // WIDE, rect.top() // HIGH, rect.right() // WIDE, rect.bottom() // HIGH


def _from_the_middle(keys: list[Key]) -> list[Key]:
    if not keys:
        return keys
    x, y = sum(key[0] for key in keys) / len(keys), sum(key[1] for key in keys) / len(keys)
    return sorted(keys, key=lambda key: (key[0] - x) ** 2 + ((key[1] - y) * HIGH / WIDE) ** 2)


def _outer(rect: QRectF, ratio: float) -> QRect:
    """The whole pixels that a rectangle touches when it is drawn so many times as large."""
    left, top = math.floor(rect.left() * ratio), math.floor(rect.top() * ratio)
    return QRect(left, top, math.ceil(rect.right() * ratio) - left, math.ceil(rect.bottom() * ratio) - top)


def _step(scale: float) -> float:
    """One of a row of scales, each twice the one before, that stands for this one, rather coarser than finer.

    One of the row is just far enough to be painted in batches.
    """
    return FAR_STEP * 2.0 ** round(math.log2(scale / FAR_STEP) - 0.43)
