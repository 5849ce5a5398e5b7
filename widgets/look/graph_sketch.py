"""A graph in miniature, with what differs from another in colour: come, gone, changed; also told in words."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.graph.differences import DrawingDifference
from core.graph.sketch import Sketch, State
from widgets.look.language import tr
from widgets.look.theme import theme

NODE = (180.0, 70.0)  # of a block, scene units
LARGEST = 0.7  # scale
LEAST_TITLE = 46.0  # pixels of a box that has a title


class GraphSketch(QWidget):
    """Boxes with their titles and lines, as large as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._sketch = Sketch()
        self.setMinimumSize(320, 180)
        self.setAccessibleName(tr("What differs, drawn"))

    def show_sketch(self, sketch: Sketch, words: str = "") -> None:
        """Draw this one; ``words`` say the same to who cannot see it."""
        self._sketch = sketch
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme().canvas))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rects = self._rects()
        for line in sorted(self._sketch.lines, key=lambda line: line.state != "same"):
            a, b = rects[line.start], rects[line.end]
            painter.setPen(pen_of(line.state, 1.4 if line.state == "same" else 2.4))
            painter.drawLine(QPointF(a.right(), a.center().y()), QPointF(b.left(), b.center().y()))
        for rect, box in zip(rects, self._sketch.boxes, strict=True):
            painter.setPen(pen_of(box.state, 1.2 if box.state == "same" else 2.4))
            painter.setBrush(QColor(theme().raised))
            painter.drawRoundedRect(rect, 4, 4)
            if rect.width() >= LEAST_TITLE:
                painter.setPen(QColor(theme().muted if box.state in ("same", "removed") else theme().text))
                room = rect.adjusted(4, 0, -4, 0)
                title = painter.fontMetrics().elidedText(box.title, Qt.TextElideMode.ElideRight, int(room.width()))
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, title)
        painter.end()

    def _rects(self) -> list[QRectF]:
        boxes = self._sketch.boxes
        if not boxes:
            return []
        left, top = min(box.x for box in boxes), min(box.y for box in boxes)
        wide = max(box.x for box in boxes) + NODE[0] - left
        high = max(box.y for box in boxes) + NODE[1] - top
        scale = min((self.width() - 20) / wide, (self.height() - 20) / high, LARGEST)
        across, down = (self.width() - wide * scale) / 2, (self.height() - high * scale) / 2
        return [
            QRectF(across + (box.x - left) * scale, down + (box.y - top) * scale, NODE[0] * scale, NODE[1] * scale)
            for box in boxes
        ]


def pen_of(state: State, width: float) -> QPen:
    """Come is green, gone is red and broken, changed is amber."""
    colours = theme()
    colour = {"added": colours.good, "removed": colours.bad, "changed": colours.warning}.get(state, colours.edge)
    return QPen(QColor(colour), width, Qt.PenStyle.DashLine if state == "removed" else Qt.PenStyle.SolidLine)


def difference_words(difference: DrawingDifference) -> str:
    """A drawing's difference, a line each."""
    if difference.is_same():
        return "  " + tr("The graphs are the same.")
    lines = [f"  + {tr('block {name}', name=name)}" for name in difference.added]
    lines += [f"  − {tr('block {name}', name=name)}" for name in difference.removed]
    lines += [f"  ~ {node}: {name.replace('_', ' ')} {was} → {now}" for node, name, was, now in difference.changed]
    lines += [f"  + {tr('wire {name}', name=name.replace('>', ' → '))}" for name in difference.wires_added]
    lines += [f"  − {tr('wire {name}', name=name.replace('>', ' → '))}" for name in difference.wires_removed]
    return "\n".join(lines)


def in_short(difference: DrawingDifference, recipe: int) -> str:
    """How much differs, in one line."""
    parts = [
        (len(difference.added), tr("blocks added: {n}")), (len(difference.removed), tr("blocks removed: {n}")),
        (len(difference.changed) + recipe, tr("settings: {n}")),
        (len(difference.wires_added) + len(difference.wires_removed), tr("wires: {n}")),
    ]  # fmt: skip
    return " · ".join(words.format(n=count) for count, words in parts if count) or tr("as it is now")
