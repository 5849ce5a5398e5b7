"""A shape for every modality, so that colour is not the only thing that tells them apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPolygonF

from widgets.look.theme import theme

CORNERS: Final[Mapping[str, tuple[int, float]]] = {  # modality -> corners, and how far the first is turned from the right
    "image": (4, 45.0), "text": (4, 0.0), "audio": (3, -90.0), "video": (6, 0.0), "loss": (5, -90.0),
}  # fmt: skip


def shape(modality: str, middle: QPointF, radius: float) -> QPainterPath:
    """Square for images, diamond for text, triangle for audio, hexagon for videos, pentagon for losses; else a circle."""
    path = QPainterPath()
    corners, turn = CORNERS.get(modality, (0, 0.0))
    if not corners:
        path.addEllipse(middle, radius, radius)
        return path
    reach = radius * 1.25  # as large to the eye as a circle
    angles = [math.radians(turn + 360.0 * number / corners) for number in range(corners)]
    path.addPolygon(QPolygonF([middle + QPointF(math.cos(a), math.sin(a)) * reach for a in angles]))
    path.closeSubpath()
    path.setFillRule(Qt.FillRule.WindingFill)
    return path


def modality_of(colour: str) -> str:
    """Whose colour it is."""
    return next((name for name, own in theme().modality.items() if own == colour), "any")
