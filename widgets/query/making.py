"""How many images to make, from which seed on, how closely to the text, and where to walk; or rebuild the image in the well."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.query.values import MakingWish, Ways

MOST, LARGEST_SEED = 64, 2**31 - 1
SAME = -1  # the seed at the other end is that of the beginning


class MakingForm(QWidget):
    """Asks for images that a block makes."""

    generateWanted = Signal(object)  # MakingWish, its sentence empty
    reconstructWanted = Signal(int, object)  # how many, the first seed
    guidanceTurned = Signal(float)
    codeBookWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count, self.seed, self.to_seed = QSpinBox(), QSpinBox(), QSpinBox()
        self.guidance, self.to = QDoubleSpinBox(), QLineEdit()
        self.generate, self.reconstruct = QPushButton(tr("Make images")), QPushButton(tr("Reconstruct"))
        self.codes = QPushButton(tr("Open the code book"))
        self._fields = QFormLayout()
        self._set_ranges()
        self._lay_out()
        self.generate.clicked.connect(lambda: self.generateWanted.emit(self.wish()))
        self.reconstruct.clicked.connect(lambda: self.reconstructWanted.emit(self.count.value(), self.seed.value()))
        self.guidance.valueChanged.connect(self.guidanceTurned)
        self.codes.clicked.connect(self.codeBookWanted)

    def wish(self) -> MakingWish:
        """What is to be made, without its sentence."""
        seed, text, there = self.seed.value(), self.to.text().strip(), self.to_seed.value()
        walks = self._fields.isRowVisible(self.to) and (text or there != SAME)
        return MakingWish(
            count=self.count.value(), seed=seed, to=(text, seed if there == SAME else there) if walks else None
        )

    def set_possible(self, ways: Ways, why_not: str) -> None:
        """Show what this run can make; ``why_not`` is why nothing can be asked now. Guidance can be turned all the while."""
        makes, rebuilds = ways.gives("generate"), ways.gives("reconstruct")
        self.setVisible(makes or rebuilds or ways.has_codes)
        for button, there in ((self.generate, makes), (self.reconstruct, rebuilds), (self.codes, ways.has_codes)):
            button.setVisible(there)
            button.setEnabled(not why_not)
            button.setToolTip(plain_tip(why_not))
        self._fields.setRowVisible(self.guidance, makes and ways.guidance is not None)
        self._fields.setRowVisible(self.to, makes and ways.walks and ways.paints_sentences)
        self._fields.setRowVisible(self.to_seed, makes and ways.walks)

    def set_guidance(self, guidance: float | None) -> None:
        """As the run is set; told to nobody."""
        if guidance is not None:
            self.guidance.blockSignals(True)
            self.guidance.setValue(guidance)
            self.guidance.blockSignals(False)

    def _set_ranges(self) -> None:
        self.count.setRange(1, MOST)
        self.count.setValue(8)
        self.seed.setRange(0, LARGEST_SEED)
        self.to_seed.setRange(SAME, LARGEST_SEED)
        self.to_seed.setValue(SAME)
        self.to_seed.setSpecialValueText(tr("the same"))
        self.guidance.setRange(0, 30)
        self.guidance.setSingleStep(0.5)
        self.guidance.setDecimals(1)
        self.guidance.setToolTip(
            tr("1 as learned; more is closer to the text and less varied. It can be turned while images are made.")
        )
        self.to.setPlaceholderText(tr("another text"))
        self.to.setToolTip(tr("Images on the way from the text above to this one."))
        self.to.setClearButtonEnabled(True)

    def _lay_out(self) -> None:
        self._fields.setContentsMargins(0, 0, 0, 0)
        for text, field in (
            (tr("How many images"), self.count), (tr("First seed"), self.seed), (tr("Guidance"), self.guidance),
            (tr("Walk to"), self.to), (tr("Walk to seed"), self.to_seed),
        ):  # fmt: skip
            field.setAccessibleName(text)
            self._fields.addRow(text, field)
        buttons = QHBoxLayout()
        buttons.addWidget(self.generate)
        buttons.addWidget(self.reconstruct)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._fields)
        column.addLayout(buttons)
        column.addWidget(self.codes)
