"""Views with a name: look at one, save what is looked at, carry them as a file."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton, QWidget

from core.exploring.views import View
from widgets.look.files import open_file, save_file
from widgets.look.language import tr
from widgets.look.plain import plain_tip


class ViewsButton(QToolButton):
    """A button with the views in its menu."""

    chosen = Signal(object)  # View
    saveRequested = Signal(str)  # name
    removeRequested = Signal(str)  # name
    exportRequested = Signal(str)  # path
    importRequested = Signal(str)  # path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._views: tuple[View, ...] = ()
        self.setText(tr("Saved views"))
        self.setAccessibleName(self.text())
        self.setToolTip(plain_tip(tr("Columns, filter, groups and charts, kept under a name")))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)

    def set_views(self, views: Sequence[View]) -> None:
        """Those with a name."""
        self._views = tuple(view for view in views if view.name)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for view in self._views:
            menu.addAction(view.name, lambda view=view: self.chosen.emit(view))
        if self._views:
            menu.addSeparator()
        menu.addAction(tr("Save this view…"), self._save)
        remove = menu.addMenu(tr("Remove a view"))
        remove.setEnabled(bool(self._views))
        for view in self._views:
            remove.addAction(view.name, lambda name=view.name: self.removeRequested.emit(name))
        menu.addSeparator()
        menu.addAction(tr("Export views…"), self._export).setEnabled(bool(self._views))
        menu.addAction(tr("Import views…"), self._import)

    def _save(self) -> None:
        name, wanted = QInputDialog.getText(self, tr("Save this view…"), tr("Name"))
        if wanted and name.strip():
            self.saveRequested.emit(name.strip())

    def _export(self) -> None:
        if path := save_file(self, tr("Export views…"), "views.json", "JSON (*.json)", what="views"):
            self.exportRequested.emit(path)

    def _import(self) -> None:
        if path := open_file(self, tr("Import views…"), "JSON (*.json)", what="views"):
            self.importRequested.emit(path)
