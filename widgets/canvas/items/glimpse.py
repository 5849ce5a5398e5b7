"""What flows out of a block for one sample, small enough for the block's own box: pictures side by side, then words."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter

from widgets.canvas import ink
from widgets.look.pictures import fitted
from widgets.look.theme import theme

GAP = 4.0
FADED = 0.35


@dataclass(frozen=True, kw_only=True, eq=False)
class Glimpse:
    """Made behind the window; the canvas only paints it."""

    images: tuple[QImage, ...] = ()
    words: str = ""
    is_stale: bool = False  # something before the block has changed, and what flows now is still computed


def paint_glimpse(painter: QPainter, glimpse: Glimpse, room: QRectF) -> None:
    """As much of it as there is room for, from left to right; no picture is stretched."""
    if glimpse.is_stale:
        painter.setOpacity(painter.opacity() * FADED)
    left = room.left()
    for image in glimpse.images:
        within = QRectF(left, room.top(), room.right() - left, room.height())
        if glimpse.words:  # a wide one leaves half of the room to them
            within.setWidth(min(within.width(), room.width() / 2))
        if within.width() < room.height() / 2:
            break
        place = fitted(image.width(), image.height(), within)
        place.moveLeft(left)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.height() > place.height())
        painter.drawImage(place, image)
        left = place.right() + GAP
    if glimpse.words and (wide := round(room.right() - left)) > 2 * GAP:
        painter.setFont(ink.font("detail"))
        painter.setPen(ink.pen(theme().text))
        text = ink.elided("detail", glimpse.words, wide)
        painter.drawStaticText(QPointF(left, room.center().y() - 8), ink.laid_out("detail", text))
