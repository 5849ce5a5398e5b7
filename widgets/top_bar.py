"""The bar along the top: what is open, which page is shown, run, pause and stop, and the device at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from widgets.look.icons import icon
from widgets.look.labels import LooseLabel
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme
from widgets.run_chip import RunChip

PAGE = 54  # pixels of a page's button where there is room
AIR, TIGHT = 10, 3  # pixels beside a page's word
LEAST_NAME = 150  # of the document's name
NARROWEST = 640


class TopBar(QWidget):
    """Name, pages, run controls, device."""

    pageRequested = Signal(str)

    def __init__(self, pages: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(44)
        self.setAutoFillBackground(True)
        self._title, self._name, self._device = QLabel("Crossmodal Studio"), LooseLabel(), QLabel()
        for label in (self._title, self._device):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._name.setMinimumWidth(LEAST_NAME)
        self.run = RunChip()
        self._run: QToolButton | None = None
        self._narrower: tuple[Callable[[bool], object], ...] = (
            self._title.setHidden, self._device.setHidden, self._name.setHidden, self._tighten, self.run.yield_room,
            self._squeeze, self._shorten,
        )  # fmt: skip
        self._fitted: tuple[int, int] = (0, 0)  # for which width, and which of the device's chip
        self._pages = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 12, 0)
        row.setSpacing(6)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        self._menu_button = QToolButton()
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu_button.setAccessibleName(tr("Menu"))
        self._menu_button.setToolTip(tr("Menu"))
        self._menu_button.setFixedSize(44, 30)
        row.addWidget(self._menu_button)
        row.addWidget(self._title)
        row.addWidget(self._name, 1)
        for key, text in pages:
            row.addWidget(self._page_button(key, text))
        row.addStretch(1)
        row.addWidget(self.run)
        self._controls = QHBoxLayout()
        row.addLayout(self._controls)
        self._device.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._device.setFixedHeight(28)
        row.addSpacing(8)
        row.addWidget(self._device, 0, Qt.AlignmentFlag.AlignVCenter)
        look.changed.connect(self.restyle)
        self.restyle()

    def _page_button(self, key: str, text: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setCheckable(True)
        button.setFixedHeight(30)
        button.clicked.connect(lambda: self.pageRequested.emit(key))
        self._pages.addButton(button)
        self._buttons[key] = button
        return button

    def set_controls(self, run: QAction, others: Sequence[QAction | Sequence[QAction]], run_menu: QMenu) -> None:
        """The run button with its menu, then plain buttons; of several actions the first, the others in a menu beside it."""
        button = QToolButton()
        button.setDefaultAction(run)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setMenu(run_menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        button.setObjectName("run")
        button.setFixedHeight(30)
        button.setMinimumWidth(92)
        self._run = button
        self._controls.addWidget(button)
        self._fitted = (0, 0)
        for one in others:
            action, *more = (one,) if isinstance(one, QAction) else one
            plain = QToolButton()
            plain.setDefaultAction(action)
            plain.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            plain.setFixedSize(50 if more else 34, 30)
            if more:
                menu = QMenu(plain)
                menu.addActions(more)
                plain.setMenu(menu)
                plain.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
            self._controls.addWidget(plain)

    def set_menu(self, menu: QMenu) -> None:
        """What the button at the left opens."""
        self._menu_button.setMenu(menu)

    def set_name(self, name: str, changed: bool) -> None:
        """The document's name; a dot where it is not saved."""
        self._name.setText(f"{name} •" if changed else name)
        self._name.setToolTip(plain_tip("\n".join(filter(None, (name, tr("Not saved yet") if changed else "")))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Nothing is cut: what matters least makes room."""
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """The bar makes room by itself; it never makes the window wider."""
        return QSize(NARROWEST, self.height())

    def _fit(self) -> None:
        """Name of the studio, device, name of the document, air around the pages, words of the chip, the word beside the
        arrow: in this order. What a run or a document says changes nothing, so nothing moves under the mouse.
        """
        asked = self.width(), self._device.minimumWidth()
        if asked == self._fitted:
            return
        self._fitted = asked
        for step in range(len(self._narrower) + 1):
            for number, make in enumerate(self._narrower):
                make(number < step)
            if self._needed() <= self.width():
                return

    def _needed(self) -> int:
        row = self.layout()
        for layout in (self._controls, row):  # each remembers what its widgets needed before
            layout.invalidate()
        return row.minimumSize().width()

    def _tighten(self, tight: bool) -> None:
        self._make_pages(0 if tight else PAGE, AIR)

    def _squeeze(self, tight: bool) -> None:
        if tight:
            self._make_pages(0, TIGHT)

    def _make_pages(self, least: int, air: int) -> None:
        for button in self._buttons.values():
            button.setFixedWidth(max(least, button.fontMetrics().horizontalAdvance(button.text()) + 2 * air))

    def _shorten(self, short: bool) -> None:
        if self._run is not None:
            style = Qt.ToolButtonStyle
            self._run.setToolButtonStyle(style.ToolButtonIconOnly if short else style.ToolButtonTextBesideIcon)
            self._run.setMinimumWidth(46 if short else 92)

    def set_page(self, key: str) -> None:
        """Which page is shown."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)
            return
        self._pages.setExclusive(False)
        for button in self._buttons.values():
            button.setChecked(False)
        self._pages.setExclusive(True)

    def set_device(self, text: str, tip: str = "") -> None:
        """One short line: ``GPU 0 · 63 % · 11 GB``."""
        self._device.setText(text)
        self._device.setMinimumWidth(
            max(self._device.minimumWidth(), self._device.sizeHint().width())
        )  # never back and forth
        self._device.setToolTip(plain_tip(tip))
        self._fit()

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self._menu_button.setText("☰")
        self.setStyleSheet(
            f"TopBar {{ background: {c.panel}; border-bottom: 1px solid {c.line}; }}"
            f"QToolButton {{ background: transparent; color: {c.muted}; padding: 3px 0; }}"
            f"QToolButton:hover {{ background: {c.raised}; color: {c.text}; }}"
            f"QToolButton:checked {{ background: {c.raised}; color: {c.text}; border-bottom: 2px solid {c.accent};"
            " border-radius: 0; }"
            f"QToolButton#run {{ background: {c.accent}; color: {c.on_accent}; font-weight: 600;"
            f" padding: 3px 20px 3px {AIR}px; }}"
            f"QToolButton#run:disabled {{ background: {c.line}; color: {c.muted}; }}"
            "QToolButton::menu-indicator { image: none; }"
            "QToolButton::menu-button { border: none; width: 16px; }"
            f"QToolButton#run::menu-button {{ border: none; border-left: 1px solid {c.panel}; width: 18px; }}"
        )
        self._title.setStyleSheet("font-weight: 600; font-size: 14px; padding-left: 4px;")
        self._name.setStyleSheet(f"color: {c.muted}; padding-left: 10px;")
        self._device.setStyleSheet(f"color: {c.text}; background: {c.raised}; border-radius: 6px; padding: 0 12px;")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    @staticmethod
    def run_icon() -> object:
        """The run arrow in the colour of text on the accent."""
        return icon("run", theme().on_accent)
