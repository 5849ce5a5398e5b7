"""How many images to make, from which seed on; or rebuild the image in the well."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.query.values import Ways

MOST, LARGEST_SEED = 64, 2**31 - 1


class MakingForm(QWidget):
    """Asks for images that a block makes."""

    generateWanted = Signal(int, object)  # how many, the first seed
    reconstructWanted = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count, self.seed = QSpinBox(), QSpinBox()
        self.generate, self.reconstruct = QPushButton(tr("Make images")), QPushButton(tr("Reconstruct"))
        self.count.setRange(1, MOST)
        self.count.setValue(8)
        self.seed.setRange(0, LARGEST_SEED)
        self.count.setAccessibleName(tr("How many images"))
        self.seed.setAccessibleName(tr("First seed"))
        fields = QFormLayout()
        fields.setContentsMargins(0, 0, 0, 0)
        fields.addRow(tr("How many images"), self.count)
        fields.addRow(tr("First seed"), self.seed)
        buttons = QHBoxLayout()
        buttons.addWidget(self.generate)
        buttons.addWidget(self.reconstruct)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(fields)
        column.addLayout(buttons)
        self.generate.clicked.connect(lambda: self.generateWanted.emit(self.count.value(), self.seed.value()))
        self.reconstruct.clicked.connect(lambda: self.reconstructWanted.emit(self.count.value(), self.seed.value()))

    def set_possible(self, ways: Ways, why_not: str) -> None:
        """Show what this run can make; ``why_not`` is why nothing can be asked now."""
        makes, rebuilds = ways.gives("generate"), ways.gives("reconstruct")
        self.setVisible(makes or rebuilds)
        for button, there in ((self.generate, makes), (self.reconstruct, rebuilds)):
            button.setVisible(there)
            button.setEnabled(not why_not)
            button.setToolTip(plain_tip(why_not))
