"""The one way to a context menu: filled for one showing, gone with it.

What it shows belongs to it. A menu or an action that lives elsewhere is never put inside: whatever a menu is put into
deletes it, and then every button that showed it is dead (``Internal C++ object already deleted``).
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget


def popup(owner: QWidget, menu: QMenu | None = None) -> QMenu:
    """An empty menu (or Qt's own of a text field) that is deleted once it is closed; what is disabled says why."""
    menu = menu if menu is not None else QMenu(owner)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setToolTipsVisible(True)
    return menu
