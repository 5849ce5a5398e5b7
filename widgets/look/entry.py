"""A line of a list of named things: a modality dot, the name, and a muted word at the right."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from widgets.look.shapes import modality_of, shape
from widgets.look.theme import theme

BLOCK_MIME = "application/x-crossmodal-block"  # a dragged entry: the block's key in UTF-8
KEY, COLOUR, ASIDE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2


class EntryDelegate(QStyledItemDelegate):
    """Paints an entry; items say their key, the dot's colour and the muted word under KEY, COLOUR and ASIDE."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(120, max(24, option.fontMetrics.height() + 8))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = option.palette.color(QPalette.ColorRole.HighlightedText) if chosen else None
        left = self._paint_dot(painter, option.rect, index.data(COLOUR), ring)
        aside = index.data(ASIDE) or ""
        room = QRect(left, option.rect.top(), option.rect.right() - left - 8, option.rect.height())
        painter.setFont(option.font)
        wide = option.fontMetrics.horizontalAdvance(aside) + 12 if aside else 0
        ink = option.palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)
        painter.setPen(ink)
        if room.width() - wide < 60:
            wide = 0
        cut = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width() - wide)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, cut)
        if wide:
            painter.setPen(ink if chosen else QColor(theme().muted))
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, aside)
        painter.restore()

    def _paint_dot(self, painter: QPainter, box: QRect, colour: str | None, ring: QColor | None) -> int:
        if not colour:
            return box.left() + 6
        painter.setPen(QPen(ring, 1.5) if ring else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        middle = QPointF(box.left() + 11, box.center().y() + 0.5)
        painter.drawPath(shape(modality_of(colour) if theme().is_high else "any", middle, 4.5))
        return box.left() + 24
