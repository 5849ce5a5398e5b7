"""Pens, brushes, fonts and laid-out text for the canvas, made once a theme: painting must not make objects."""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPen, QStaticText, QTransform
from PySide6.QtWidgets import QApplication

from widgets.look.theme import look, theme

SIZES = {"title": 13, "port": 12, "detail": 11, "chip": 11}  # scene units


@cache
def font(role: str) -> QFont:
    """The font of a role: title, port, detail, chip."""
    made = QFont(QApplication.font())
    made.setPixelSize(SIZES[role])
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if role == "title":
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


@lru_cache(maxsize=16_384)
def laid_out(role: str, text: str) -> QStaticText:
    """A text ready to be drawn many times; shared by all nodes that say the same."""
    static = QStaticText(text)
    static.setTextFormat(Qt.TextFormat.PlainText)
    static.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    static.prepare(QTransform(), font(role))
    return static


@lru_cache(maxsize=1024)
def pen(colour: str, width: float = 1.0, alpha: int = 255, dashed: bool = False) -> QPen:
    """A pen; dashed for what is switched off."""
    made = QPen(shade(colour, alpha), width)
    made.setStyle(Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
    made.setCapStyle(Qt.PenCapStyle.FlatCap)
    return made


@lru_cache(maxsize=1024)
def brush(colour: str, alpha: int = 255) -> QBrush:
    """A brush."""
    return QBrush(shade(colour, alpha))


@lru_cache(maxsize=1024)
def shade(colour: str, alpha: int = 255) -> QColor:
    """A colour with an opacity of 0 to 255."""
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


@cache
def node_fill() -> QBrush:
    """What a node is filled with."""
    colours = theme()
    return QBrush(QColor(colours.raised if colours.is_dark else colours.panel))


def modality_colour(modality: str) -> str:
    """The colour of a modality; unknown ones are grey."""
    colours = theme().modality
    return colours.get(modality, colours["any"])


class _Forgetting(QObject):
    """Drops fonts and theme colours when the look changes."""

    def forget(self) -> None:
        """Make everything again at its next use."""
        for cached in (font, metrics, text_width, elided, laid_out, node_fill):
            cached.cache_clear()


_forgetting = _Forgetting()
look.changed.connect(_forgetting.forget)
