"""How a caption of the image in the well is written: always the likeliest word, or drawn with a temperature from a seed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.query.values import Ways

LARGEST_SEED = 2**31 - 1


class CaptionForm(QWidget):
    """Asks for a sentence that a block writes."""

    captionWanted = Signal(float, object)  # temperature, seed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption, self.temperature, self.seed = QPushButton(tr("Write a caption")), QDoubleSpinBox(), QSpinBox()
        self.temperature.setRange(0, 5)
        self.temperature.setSingleStep(0.1)
        self.temperature.setSpecialValueText(tr("likeliest word"))
        self.temperature.setAccessibleName(tr("Temperature"))
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setAccessibleName(tr("Seed"))
        fields = QFormLayout()
        fields.setContentsMargins(0, 0, 0, 0)
        fields.addRow(tr("Temperature"), self.temperature)
        fields.addRow(tr("Seed"), self.seed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(fields)
        column.addWidget(self.caption)
        self.caption.clicked.connect(lambda: self.captionWanted.emit(self.temperature.value(), self.seed.value()))

    def set_possible(self, ways: Ways, why_not: str) -> None:
        """Show it where this run writes; ``why_not`` is why nothing can be written now."""
        self.setVisible(ways.gives("caption") and not (ways.hears("caption") or ways.sees("caption")))
        self.caption.setEnabled(not why_not)
        self.caption.setToolTip(plain_tip(why_not))
