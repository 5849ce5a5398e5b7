"""The advisor's list: what could be better, why, from where that is known, how sure it is; applied, put off or never heard again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.advice.proposal import Proposal
from widgets.look.language import in_a_row, said, tr
from widgets.look.stacked import StackedRows
from widgets.look.theme import look, theme


class AdviceCard(QFrame):
    """One proposal; a click on its block goes there."""

    nodeRequested = Signal()
    applyPressed = Signal()
    laterPressed = Signal()
    neverPressed = Signal()
    exampleRequested = Signal(str)

    def __init__(self, proposal: Proposal, place: str, example: str) -> None:
        super().__init__()
        self.proposal = proposal
        self.setObjectName("adviceCard")
        self.setAccessibleName(in_a_row(said(proposal.what), said(proposal.reason)))
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(4)
        column.addWidget(_line(said(proposal.what), bold=True))
        if place:
            column.addWidget(_link(place, tr("Go to {name}", name=place), self.nodeRequested.emit))
        column.addWidget(_line(said(proposal.reason)))
        for words in (
            said(proposal.evidence.figure),
            "  ".join(f"arXiv:{paper}" for paper in proposal.evidence.papers),
        ):
            if words:
                column.addWidget(_line(words, muted=True))
        if example:
            column.addWidget(
                _link(
                    tr("Example: {name}", name=example), tr("Open the example {name}", name=example),
                    lambda: self.exampleRequested.emit(proposal.evidence.example),
                )
            )  # fmt: skip
        column.addWidget(_line(tr("How sure: {text}", text=tr(proposal.sure)), muted=True))
        self.apply_button, self.later_button = QPushButton(tr("Apply")), QPushButton(tr("Not now"))
        self.never_button = _link(tr("Don't propose this again"), "", self.neverPressed.emit)
        self.apply_button.clicked.connect(self.applyPressed)
        self.later_button.clicked.connect(self.laterPressed)
        for button in (self.apply_button, self.later_button, self.never_button):
            button.setAccessibleDescription(said(proposal.what))
        row = QHBoxLayout()
        row.addWidget(self.apply_button)
        row.addWidget(self.later_button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.never_button)
        self.setStyleSheet(f"#adviceCard {{ border: none; border-bottom: 1px solid {theme().line}; }}")


class AdvicePanel(QWidget):
    """Shows proposals, what was measured first; says so where there are none."""

    nodeRequested = Signal(str)
    applyRequested = Signal(object)  # Proposal
    laterRequested = Signal(object)  # Proposal
    neverRequested = Signal(object)  # Proposal
    allRequested = Signal()  # what was put aside is to be proposed again
    exampleRequested = Signal(str)
    shown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: list[AdviceCard] = []
        self._proposals: tuple[Proposal, ...] = ()
        self._titles: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._aside, self._sentence = 0, tr("The graph is being read…")
        self.summary = _line("", muted=True)
        self.summary.setContentsMargins(10, 6, 10, 6)
        self.aside_button = _link("", "", self.allRequested.emit)
        self.aside_button.setContentsMargins(10, 4, 10, 6)
        self._list = StackedRows(tr("Advice"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.summary)
        column.addWidget(self._list, 1)
        column.addWidget(self.aside_button)
        look.changed.connect(self._show)
        self._show()

    def set_proposals(
        self, proposals: Iterable[Proposal], *, sentence: str, aside: int, titles: Mapping[str, str], names: Mapping[str, str]
    ) -> None:  # fmt: skip
        """Show these under a sentence; ``aside`` more are put off. ``titles`` of nodes, ``names`` of examples."""
        given = tuple(proposals), dict(titles), dict(names)
        changed = given != (self._proposals, self._titles, self._names)
        (self._proposals, self._titles, self._names), self._sentence, self._aside = given, sentence, aside
        (self._show if changed else self._show_words)()

    def _show(self) -> None:
        self.cards = [self._card(proposal) for proposal in self._proposals]
        self._list.set_rows(self.cards)
        self._show_words()

    def _show_words(self) -> None:
        self.summary.setText(self._sentence)
        self.aside_button.setVisible(self._aside > 0)
        words = tr("Put aside: {n}. Show them again", n=self._aside)
        self.aside_button.setText(_anchor(words))
        self.aside_button.setAccessibleName(words)

    def _card(self, proposal: Proposal) -> AdviceCard:
        title = self._titles.get(proposal.node, proposal.node)
        card = AdviceCard(proposal, title, self._names.get(proposal.evidence.example, ""))
        card.nodeRequested.connect(lambda: self.nodeRequested.emit(proposal.node))
        card.applyPressed.connect(lambda: self.applyRequested.emit(proposal))
        card.laterPressed.connect(lambda: self.laterRequested.emit(proposal))
        card.neverPressed.connect(lambda: self.neverRequested.emit(proposal))
        card.exampleRequested.connect(self.exampleRequested)
        return card

    def showEvent(self, event: object) -> None:
        """Whoever opens it wants to know now."""
        super().showEvent(event)  # type: ignore[arg-type]
        self.shown.emit()


def _line(text: str, *, muted: bool = False, bold: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("muted", muted)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if bold:
        label.setStyleSheet("font-weight: 600;")
    return label


def _link(text: str, name: str, act: Callable[[], None]) -> QLabel:
    """Words to click, for what is done rarely."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
    )
    label.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    label.setAccessibleName(name or text)
    label.linkActivated.connect(lambda _: act())
    label.setText(_anchor(text))
    return label


def _anchor(text: str) -> str:
    return f'<a href="#" style="color: {theme().accent}; text-decoration: none;">{escape(text)}</a>'
