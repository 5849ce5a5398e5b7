"""The bar along the top: what is open, which page is shown, run, pause and stop, and the device at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from widgets.look.icons import icon
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme
from widgets.run_chip import RunChip


class TopBar(QWidget):
    """Name, pages, run controls, device."""

    pageRequested = Signal(str)

    def __init__(self, pages: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(44)
        self.setAutoFillBackground(True)
        self._title, self._name, self._device = QLabel("Crossmodal Studio"), QLabel(), QLabel()
        for label in (self._title, self._name, self._device):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._pages = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 12, 0)
        row.setSpacing(6)
        self._menu_button = QToolButton()
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu_button.setAccessibleName(tr("Menu"))
        self._menu_button.setToolTip(tr("Menu"))
        row.addWidget(self._menu_button)
        row.addWidget(self._title)
        row.addWidget(self._name)
        row.addStretch(1)
        for key, text in pages:
            row.addWidget(self._page_button(key, text))
        row.addStretch(1)
        self.run = RunChip()
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
        button.setMinimumWidth(74)
        button.setFixedHeight(30)
        button.clicked.connect(lambda: self.pageRequested.emit(key))
        self._pages.addButton(button)
        self._buttons[key] = button
        return button

    def set_controls(self, run: QAction, others: Sequence[QAction], run_menu: QMenu) -> None:
        """The run button with its menu, then plain buttons."""
        button = QToolButton()
        button.setDefaultAction(run)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setMenu(run_menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        button.setObjectName("run")
        button.setFixedHeight(30)
        button.setMinimumWidth(92)
        self._controls.addWidget(button)
        for action in others:
            plain = QToolButton()
            plain.setDefaultAction(action)
            plain.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            plain.setFixedSize(34, 30)
            self._controls.addWidget(plain)

    def set_menu(self, menu: QMenu) -> None:
        """What the button at the left opens."""
        self._menu_button.setMenu(menu)

    def set_name(self, name: str, changed: bool) -> None:
        """The document's name; a dot where it is not saved."""
        self._name.setText(f"{name} •" if changed else name)
        self._name.setToolTip(tr("Not saved yet") if changed else "")

        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Nothing is cut: what matters least makes room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        row, first_out = self.layout(), (self._title, self._device, self._name)
        for label in first_out:
            label.setVisible(True)
        for button in self._buttons.values():
            button.setMinimumWidth(74)
        for label in first_out:
            if row.minimumSize().width() <= self.width():
                return
            label.setVisible(False)
        for button in self._buttons.values():
            button.setMinimumWidth(0)

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
        self._device.setToolTip(plain_tip(tip))
        self._fit()

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self._menu_button.setText("☰")
        self.setStyleSheet(
            f"TopBar {{ background: {c.panel}; border-bottom: 1px solid {c.line}; }}"
            f"QToolButton {{ background: transparent; color: {c.muted}; padding: 3px 10px; }}"
            f"QToolButton:hover {{ background: {c.raised}; color: {c.text}; }}"
            f"QToolButton:checked {{ background: {c.raised}; color: {c.text}; border-bottom: 2px solid {c.accent};"
            " border-radius: 0; }"
            f"QToolButton#run {{ background: {c.accent}; color: {c.on_accent}; font-weight: 600; padding-right: 20px; }}"
            f"QToolButton#run:disabled {{ background: {c.line}; color: {c.muted}; }}"
            "QToolButton::menu-indicator { image: none; }"
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
