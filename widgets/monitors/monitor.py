"""What every monitor is: a card with a header, a pure read on the reader's thread and a draw on the window's thread.

A monitor never asks the store by itself and never knows whether it is live. :meth:`Monitor.read` is a pure function of
the frozen settings, the readers and the cursor; whoever schedules it hands the answer to :meth:`Monitor.present`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QMenu,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.exploring.tray import Held
from widgets.look.icons import icon
from widgets.look.labels import LooseLabel
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.theme import look, theme
from widgets.monitors.cursor import Cursor

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.reader import RunReader


class Figures(QWidget):
    """The figures at the cursor, right-aligned; where the card is narrow the last of them are left out, whole."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._warns = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        return self._text

    def set_text(self, text: str, *, warns: bool = False) -> None:
        """Show a line; ``warns`` gives it the colour of a warning."""
        if (text, warns) != (self._text, self._warns):
            self._text, self._warns = text, warns
            self.setToolTip(plain_tip(text))
            self.setAccessibleName(text)
            self.update()

    def that_fit(self, width: int) -> str:
        """As many figures as have room, at least the first."""
        parts = self._text.split(" · ")
        while len(parts) > 1 and self.fontMetrics().horizontalAdvance(" · ".join(parts)) > width:
            parts.pop()
        return " · ".join(parts)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self._text) + 4, self.fontMetrics().height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QColor(theme().warning if self._warns else theme().muted))
        cut = self.fontMetrics().elidedText(self.that_fit(self.width()), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, cut)
        painter.end()


class Monitor(QFrame):
    """A card that shows one thing about a run at the cursor."""

    title: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    order: ClassVar[int] = 100
    key: ClassVar[str] = ""
    milliseconds_between: ClassVar[int] = 200  # while live, at most one picture in this time
    empty: ClassVar[str] = "Nothing here yet."
    tools_open: ClassVar[bool] = False
    holds_media: ClassVar[bool] = False  # shows something that can be put on the tray
    compares: ClassVar[bool] = False  # is given the runs beside the watched one, too
    diagnostic: ClassVar[str] = ""  # what must be switched on in the recipe for there to be anything to show

    settingsChanged = Signal()
    cursorRequested = Signal(int)  # a step
    pictureRequested = Signal()  # save what is shown as a picture
    trayRequested = Signal(object)  # Held: put it on the tray
    roomRequested = Signal(bool)  # much room among the other cards, or the usual again

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: Any = None
        self._awaited = ""  # what the run that is looked at is about; empty: none is
        self.figures = Figures()
        self.tools = QWidget(self)  # what is shown without a parent would be a window for a moment
        self.tools_row = QHBoxLayout(self.tools)
        self.tools_row.setContentsMargins(0, 0, 0, 0)
        self.tools_row.setSpacing(6)
        self._more = QToolButton()
        self._body = QStackedLayout()
        self._message = QLabel(self)
        self._lay_out()
        self.show_message(self._nothing())
        look.changed.connect(self._relook)

    # What a monitor file gives

    def settings(self) -> Any:
        """What the person chose in this card, frozen."""
        return None

    @staticmethod
    def read(settings: Any, readers: Sequence[RunReader], cursor: Cursor) -> Any:
        """The value to draw, or None where the run has said nothing of it yet. Runs on the reader's thread."""
        raise NotImplementedError

    def draw(self, value: Any) -> None:
        """Show a value; depends on the value, the size and the theme alone."""
        raise NotImplementedError

    def held_at(self, at: QPoint | None) -> Held | None:
        """What of the monitor lies there, or is chosen where no place is given, to be put on the tray; None: nothing."""
        return None

    def restyle(self) -> None:
        """Take over new colours."""

    # What the scheduler calls

    def present(self, value: Any) -> None:
        """Show what was read: the picture, or what to do where there is none."""
        self._value = value
        if value is None:
            self.figures.set_text("")
            self.show_message(self._nothing())
            return
        self.draw(value)
        if self._body.currentIndex() != 0:
            self._body.setCurrentIndex(0)
            self.tools.setVisible(self._wants_tools())

    def value(self) -> Any:
        """What is shown now."""
        return self._value

    def set_awaited(self, sentence: str) -> None:
        """Why there is nothing of the run that is looked at; empty: none is looked at."""
        before, self._awaited = self._nothing(), sentence
        if self.message() == before:
            self.show_message(self._nothing())

    def _nothing(self) -> str:
        """What is missing, then what it waits for, or what a person can do."""
        then = self._awaited or tr("Press Run, or pick a run in Runs.")
        return tr("{first} {second}", first=tr(self.empty), second=then)

    def clear(self) -> None:
        """Forget the run."""
        self.set_awaited("")
        self.present(None)

    def show_message(self, sentence: str, *, failed: bool = False) -> None:
        """A sentence in the picture's place."""
        self._message.setText(said(sentence))
        self._message.setProperty("failed", failed)
        self._paint_message()
        self._body.setCurrentIndex(1)
        self.tools.setVisible(failed and self._wants_tools())  # without a picture there is nothing to choose

    def _wants_tools(self) -> bool:
        return self.tools_open or self._more.isChecked()

    def message(self) -> str:
        """The sentence in the picture's place; empty while there is a picture."""
        return self._message.text() if self._body.currentIndex() == 1 else ""

    # Building stones

    def set_picture(self, picture: QWidget | QLayout) -> None:
        """The widget under the header."""
        if isinstance(picture, QLayout):
            holder = QWidget()
            picture.setContentsMargins(0, 0, 0, 0)
            holder.setLayout(picture)
            picture = holder
        self._body.insertWidget(0, picture)

    def add_choice(self, label: str, items: Sequence[tuple[str, Any]], current: Any = None) -> QComboBox:
        """A drop-down among the tools; its data are the values."""
        box = QComboBox()
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setMinimumContentsLength(4)
        box.setToolTip(plain_tip(label))
        box.setAccessibleName(label)
        refill(box, items, current)
        box.currentIndexChanged.connect(self.settingsChanged)
        self.tools_row.addWidget(box)
        self._more.setVisible(not self.tools_open)
        return box

    def add_switch(self, label: str, on: bool = False, tip: str = "") -> QCheckBox:
        """A tick box among the tools."""
        box = QCheckBox(label)
        box.setChecked(on)
        box.setToolTip(plain_tip(tip or label))
        box.toggled.connect(self.settingsChanged)
        self.tools_row.addWidget(box)
        self._more.setVisible(not self.tools_open)
        return box

    def add_command(self, text: str, tip: str) -> QToolButton:
        """A command about what is shown, always in the header."""
        button = QToolButton()
        button.setText(text)
        button.setToolTip(plain_tip(tip))
        button.setFixedHeight(20)
        button.setStyleSheet("padding: 0px 6px;")
        self._header.insertWidget(self._header.count() - 1, button)
        return button

    def show_tools(self, shown: bool) -> None:
        """Open or close the row of choices."""
        self._more.setChecked(shown)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = popup(self)
        save = menu.addAction(tr("Save an image with its result card"), self.pictureRequested)
        save.setEnabled(not self.message())
        if self.holds_media:
            self._add_tray(menu, None if event.reason() == QContextMenuEvent.Reason.Keyboard else event.pos())
        menu.popup(event.globalPos())
        event.accept()

    def _add_tray(self, menu: QMenu, at: QPoint | None) -> None:
        held = None if self.message() else self.held_at(at)
        put = menu.addAction(tr("Put on the tray"), lambda: self.trayRequested.emit(held))
        put.setObjectName("put_on_the_tray")
        put.setEnabled(held is not None)
        if held is None:
            put.setToolTip(plain_tip(tr("There is no image, sound or map over an image here.")))

    def sizeHint(self) -> QSize:
        return QSize(360, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 140)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(theme().panel))
        painter.setPen(QPen(QColor(theme().line), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _lay_out(self) -> None:
        name = LooseLabel()  # cut with dots where a command stands beside it in a narrow card
        name.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        name.setText(tr(self.title))
        font = name.font()
        font.setBold(True)
        name.setFont(font)
        name.setToolTip(plain_tip(f"{tr(self.title)}\n{tr(self.summary)}"))
        self.setAccessibleName(tr(self.title))
        self._more.setCheckable(True)
        self._more.setVisible(False)
        self._more.setToolTip(tr("Show or hide the options of this plot"))
        self._more.setAccessibleName(self._more.toolTip())
        self._more.setFixedSize(22, 20)
        self._more.setStyleSheet("padding: 0px;")
        self._more.toggled.connect(self.tools.setVisible)
        self.tools.setVisible(self.tools_open)
        header = self._header = QHBoxLayout()
        header.setSpacing(8)
        header.addWidget(name)
        header.addWidget(self.figures, 1)
        header.addWidget(self._more)
        self._message.setWordWrap(True)
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setMinimumSize(1, 1)
        self._body.addWidget(self._message)
        self._body.setContentsMargins(0, 0, 0, 0)
        page = QVBoxLayout(self)
        page.setContentsMargins(10, 7, 10, 8)
        page.setSpacing(5)
        page.addLayout(header)
        page.addWidget(self.tools)
        page.addLayout(self._body, 1)
        self._relook_tools()

    def _relook_tools(self) -> None:
        self._more.setIcon(icon("settings", theme().muted))

    def _paint_message(self) -> None:
        colour = theme().bad if self._message.property("failed") else theme().muted
        self._message.setStyleSheet(f"color: {colour};")

    def _relook(self) -> None:
        self._relook_tools()
        self._paint_message()
        self.restyle()
        if self._value is not None and not self.message():
            self.draw(self._value)
        self.update()


def refill(box: QComboBox, items: Sequence[tuple[str, Any]], current: Any = None) -> None:
    """Other items in a drop-down, silently; keeps the choice where it is still there."""
    now = [(box.itemText(i), box.itemData(i)) for i in range(box.count())]
    if now == list(items):
        return
    wanted = box.currentData() if current is None else current
    box.blockSignals(True)
    box.clear()
    for text, data in items:
        box.addItem(text, data)
    index = next((i for i, (_, data) in enumerate(items) if data == wanted), 0)
    box.setCurrentIndex(index if items else -1)
    box.blockSignals(False)
