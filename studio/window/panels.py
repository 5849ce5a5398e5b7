"""The panels beside the page Design: hidden and brought back, moved while their title bars are out, put back as they were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from studio.open.preferences import Preferences

PLACES: Mapping[str, Qt.DockWidgetArea] = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea, "inspector": Qt.DockWidgetArea.RightDockWidgetArea,
    "monitors": Qt.DockWidgetArea.BottomDockWidgetArea,
}  # fmt: skip


class Panels(QObject):
    """What a person hid stays hidden, here and in the next window; a panel that floats keeps its title bar."""

    def __init__(
        self, window: QMainWindow, docks: Mapping[str, QDockWidget], preferences: Preferences, sized: Callable[[], None]
    ) -> None:
        super().__init__(window)
        self._window, self._docks, self._preferences, self._sized = window, docks, preferences, sized
        self.is_arranging = False
        for dock in docks.values():
            dock.setFeatures(
                QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetFloatable
            )
            dock.topLevelChanged.connect(lambda _: self._dress())
        self._dress()

    def show(self, designing: bool, folded: bool) -> None:
        """Those that belong to the page; ``folded``: the window is too narrow for the list of blocks."""
        for key, dock in self._docks.items():
            dock.setVisible(designing and self.is_wanted(key) and not (key == "left" and folded))

    def is_wanted(self, key: str) -> bool:
        """Whether nobody hid it."""
        return key not in self._preferences.hidden_panels

    def toggle(self, key: str) -> None:
        """Hide a panel, or bring it back."""
        hidden = set(self._preferences.hidden_panels) ^ {key}
        self._preferences.hidden_panels = tuple(sorted(hidden))
        self._docks[key].setVisible(key not in hidden)

    def bring(self, key: str) -> None:
        """It is asked for: it comes back where it was hidden."""
        if not self.is_wanted(key):
            self.toggle(key)
        self._docks[key].show()

    def arrange(self, on: bool) -> None:
        """Title bars to drag the panels by, or none."""
        self.is_arranging = on
        self._dress()

    def _dress(self) -> None:
        for dock in self._docks.values():
            bare = not (self.is_arranging or dock.isFloating())  # each panel has a header of its own
            if bare != (dock.titleBarWidget() is not None):
                old = dock.titleBarWidget()
                dock.setTitleBarWidget(QWidget(dock) if bare else None)  # type: ignore[arg-type]
                if old is not None:
                    old.deleteLater()

    def reset(self) -> None:
        """Every panel where the window was made with it, in sight, as large as it was."""
        self._preferences.forget_layouts()
        self.arrange(False)
        for key, dock in self._docks.items():
            dock.setFloating(False)
            self._window.addDockWidget(PLACES[key], dock)
            dock.show()
        self._sized()
