"""Pens, brushes, fonts and laid-out text for the canvas, made once a theme: painting must not make objects."""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap, QStaticText, QTransform
from PySide6.QtWidgets import QApplication

from widgets.look.theme import look, theme

SIZES = {"title": 13, "port": 12, "detail": 11, "chip": 11, "far_s": 22, "far_m": 30, "far_l": 42}  # scene units
FILLING = (*range(13, 31), 32, 34, 36, 38, 40, 43, 46, 50)  # sizes of a title that fills its box, scene units
SIZES |= {f"fill_{size}": size for size in FILLING}
LEAST_PIXELS, MOST_PIXELS = 9.0, 14.0  # of a title on the screen, seen from some distance
ZOOM_STEP = 1.06
DOTS = 10  # a side of a piece of paper


@cache
def font(role: str) -> QFont:
    """The font of a role: title, port, detail, chip, and the large titles of the far view."""
    made = QFont(QApplication.font())
    made.setPixelSize(SIZES[role])
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if role == "title" or role.startswith(("far", "fill")):
        made.setWeight(QFont.Weight.DemiBold)
    return made


@cache
def metrics(role: str) -> QFontMetricsF:
    """Measures of a role's font."""
    return QFontMetricsF(font(role))


@lru_cache(maxsize=16_384)
def text_width(role: str, text: str) -> float:
    """How wide a text is, in scene units."""
    return metrics(role).horizontalAdvance(text)


@lru_cache(maxsize=16_384)
def elided(role: str, text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than ``width``."""
    return metrics(role).elidedText(text, Qt.TextElideMode.ElideRight, width)


def zoom_step(scale: float) -> int:
    """Which step of the zoom a scale is in; titles are fitted once a step, so that zooming does not fit them anew."""
    return math.floor(math.log(max(scale, 0.05), ZOOM_STEP) + 1e-9)


def least_scale(step: int) -> float:
    """The smallest scale of a step of the zoom."""
    return ZOOM_STEP**step


@lru_cache(maxsize=4096)
def filling(text: str, width: float, height: float, scale: float) -> tuple[str, tuple[str, ...]]:
    """A role and lines at which a text uses a box (scene units) best: as large as fits in whole words.

    On the screen no letter is under 9 pixels or over 14; what does not fit at the least is cut.
    """
    wanted = [size for size in FILLING if LEAST_PIXELS <= size * scale <= MOST_PIXELS]
    least = next((size for size in FILLING if size * scale >= LEAST_PIXELS), FILLING[-1])
    for size in reversed(wanted or [least]):
        lines = _wrapped(f"fill_{size}", text, width)
        if len(lines) * size * LINE <= height and all(text_width(f"fill_{size}", line) <= width for line in lines):
            return f"fill_{size}", lines
    role, most = f"fill_{least}", max(1, int(height / (least * LINE)))
    lines = _wrapped(role, text, width)
    rest = (*lines[: most - 1], " ".join(lines[most - 1 :])) if len(lines) > most else lines
    return role, tuple(elided(role, line, width) for line in rest)


LINE = 1.22  # of a line over its letters' size


@lru_cache(maxsize=1024)
def written(role: str, text: str, width: float, height: float) -> tuple[str, ...]:
    """The lines of a text in a box, with its own line breaks; the last that has room ends in dots where more follow."""
    lines = [line for part in text.splitlines() for line in _wrapped(role, part, width)]
    most = max(1, int(height / (SIZES[role] * LINE)))
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return tuple(elided(role, line, width) for line in lines)


def _wrapped(role: str, text: str, width: float) -> tuple[str, ...]:
    """Lines of whole words; between Chinese characters a line may end anywhere."""
    lines = [""]
    for piece in re.findall(r"\s*(?:[\u2e80-\u9fff]|[^\s\u2e80-\u9fff]+)", text):
        if lines[-1] and text_width(role, lines[-1] + piece) > width:
            lines.append(piece.strip())
        else:
            lines[-1] = (lines[-1] + piece).lstrip()
    return tuple(lines)


@lru_cache(maxsize=16_384)
def laid_out(role: str, text: str) -> QStaticText:
    """A text ready to be drawn many times; shared by all nodes that say the same."""
    static = QStaticText(text)
    static.setTextFormat(Qt.TextFormat.PlainText)
    static.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    static.prepare(QTransform(), font(role))
    return static


@lru_cache(maxsize=4096)
def lettered(
    title: str, left: float, middle: float, width: float, height: float, step: int
) -> tuple[str, tuple[tuple[QPointF, str], ...]]:
    """A title's role and its lines with their places in a room; shared by all nodes that say the same."""
    role, lines = filling(title, width, height, least_scale(step))
    line = SIZES[role] * LINE
    top = middle - line * (len(lines) - 1) / 2
    return role, tuple(
        (QPointF(left, top + number * line - laid_out(role, text).size().height() / 2), text)
        for number, text in enumerate(lines)
    )


@lru_cache(maxsize=1024)
def pen(colour: str, width: float = 1.0, strength: int = 255, dashed: bool = False) -> QPen:
    """A pen; dashed for what is switched off. A strength under 255 is mixed with the paper beforehand: a stroke
    with real transparency costs Qt's raster engine eight times as much.
    """
    made = QPen(mixed(colour, strength), width)
    made.setStyle(Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
    made.setCapStyle(Qt.PenCapStyle.FlatCap if dashed else Qt.PenCapStyle.SquareCap)
    return made


@lru_cache(maxsize=1024)
def brush(colour: str, strength: int = 255) -> QBrush:
    """An opaque brush, mixed with the paper like a pen."""
    return QBrush(mixed(colour, strength))


@lru_cache(maxsize=1024)
def mixed(colour: str, strength: int = 255) -> QColor:
    """A colour as it would look on the paper with an opacity of 0 to 255."""
    over, under, part = QColor(colour), QColor(theme().canvas), strength / 255
    return QColor(
        round(over.red() * part + under.red() * (1 - part)),
        round(over.green() * part + under.green() * (1 - part)),
        round(over.blue() * part + under.blue() * (1 - part)),
    )


@lru_cache(maxsize=1024)
def shade(colour: str, alpha: int = 255) -> QColor:
    """A truly transparent colour with an opacity of 0 to 255, for the few places that need one."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


@cache
def node_fill() -> QBrush:
    """What a node is filled with."""
    colours = theme()
    return QBrush(QColor(colours.raised if colours.is_dark else colours.panel))


@lru_cache(maxsize=24)
def dotted_paper(step: int, size: int) -> QPixmap:
    """Paper with a dot of ``size`` pixels every ``step`` pixels; a large piece, so that few are laid."""
    piece = QPixmap(step * DOTS, step * DOTS)
    piece.fill(QColor(theme().canvas))
    painter = QPainter(piece)
    for x in range(DOTS):
        for y in range(DOTS):
            painter.fillRect(x * step, y * step, size, size, QColor(theme().line))
    painter.end()
    return piece


def modality_colour(modality: str) -> str:
    """The colour of a modality; unknown ones are grey."""
    colours = theme().modality
    return colours.get(modality, colours["any"])


class _Forgetting(QObject):
    """Drops fonts and theme colours when the look changes."""

    def forget(self) -> None:
        """Make everything again at its next use."""
        for cached in (
            font, metrics, text_width, elided, filling, laid_out, lettered, node_fill, dotted_paper, pen, brush, mixed,
        ):  # fmt: skip
            cached.cache_clear()


_forgetting = _Forgetting()
look.changed.connect(_forgetting.forget)
