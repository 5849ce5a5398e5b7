"""Small parts that the inspector's pages are made of: headings, facts, papers, a segmented switch, a rate."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from core.knobs import Knob
from widgets.inspector.form import KnobForm
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

ARXIV = "https://arxiv.org/abs/"


def text_label(text: str, muted: bool = False, size: int = 0, bold: bool = False) -> QLabel:
    """A plain text that wraps."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("muted", muted)
    font = label.font()
    if size:
        font.setPixelSize(size)
    font.setBold(bold)
    label.setFont(font)
    return label


def heading(text: str) -> QLabel:
    """A group's heading."""
    label = text_label(text, muted=True, bold=True)
    label.setContentsMargins(0, 4, 0, 2)
    return label


def separator() -> QFrame:
    """A thin line."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setStyleSheet(f"background: {theme().line}; border: none;")
    return line


class Facts(QWidget):
    """Names and values, one a line."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for name, value in lines:
            row = QHBoxLayout()
            row.setSpacing(8)
            label = text_label(name, muted=True, bold=True)
            label.setFixedWidth(64)
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
            words = text_label(value)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            row.addWidget(words, 1)
            layout.addLayout(row)


class Papers(QWidget):
    """Links to a block's papers."""

    linkRequested = Signal(str)

    def __init__(self, numbers: Iterable[str]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for number in numbers:
            link = QPushButton(f"arXiv {number}")
            link.setFlat(True)
            link.setCursor(Qt.CursorShape.PointingHandCursor)
            link.setToolTip(plain_tip(ARXIV + number))
            link.setStyleSheet(
                f"QPushButton {{ color: {theme().accent}; border: none; background: transparent; padding: 0; }}"
            )
            link.clicked.connect(lambda _=False, number=number: self.linkRequested.emit(ARXIV + number))
            layout.addWidget(link)
        layout.addStretch(1)


class Segments(QWidget):
    """A few words side by side, one of them on."""

    chosen = Signal(str)

    def __init__(self, choices: Iterable[tuple[str, str]], name: str) -> None:
        super().__init__()
        self.buttons: dict[str, QPushButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        for key, text in choices:
            button = QPushButton(text)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            button.setAccessibleName(tr("{name}: {text}", name=name, text=text))
            button.clicked.connect(lambda _=False, key=key: self._press(key))
            self.buttons[key] = button
            layout.addWidget(button)
        layout.addStretch(1)
        colours = theme()
        self.setStyleSheet(
            f"QPushButton {{ padding: 3px 9px; border: 1px solid {colours.edge}; color: {colours.muted}; }}"
            f"QPushButton:checked {{ background: {colours.accent}; color: {colours.on_accent}; border-color: {colours.accent}; }}"
        )

    def show_choice(self, key: str) -> None:
        """Which one is on; none for an unknown key."""
        for name, button in self.buttons.items():
            button.setChecked(name == key)

    def _press(self, key: str) -> None:
        self.show_choice(key)
        self.chosen.emit(key)


def rule_knobs(rate: float, decay: float) -> tuple[Knob, ...]:
    """A node's own rate and decay; automatic means as the recipe says."""
    return (
        Knob(
            name="learning_rate", kind="number", default=None, optional=True, low=0, high=10, logarithmic=True,
            title=tr("Learning rate"), help=tr("Empty: the training recipe's rate, {rate}.", rate=f"{rate:g}"),
        ),
        Knob(
            name="weight_decay", kind="number", default=None, optional=True, low=0, high=1,
            title=tr("Weight decay"), help=tr("Empty: the training recipe's decay, {decay}.", decay=f"{decay:g}"),
        ),
    )  # fmt: skip


def repeat_knob() -> Knob:
    """How often a block stands in a row."""
    return Knob(
        name="repeat", kind="integer", default=1, low=1, high=512, title=tr("Repeat"), unit=tr("times"),
        help=tr("So many copies in a row, each with weights of its own."),
    )  # fmt: skip


__all__ = ["Facts", "KnobForm", "Papers", "Segments", "heading", "repeat_knob", "rule_knobs", "separator", "text_label"]
