"""Menus and keys from the folder of actions and the canvas's own table: nothing is listed here."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.canvas.commands import commands, declared
from widgets.canvas.menus import inside
from widgets.canvas.view import CanvasView
from widgets.look import keys
from widgets.look.icons import icon, load
from widgets.look.keys import Binding
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme

MENUS = ("File", "Edit", "View", "Run", "Help")


class Menus(QObject):
    """Every command as a QAction, grouped; enabled as the session allows, saying why where not."""

    def __init__(self, session: Session, window: QWidget, canvas: CanvasView) -> None:
        super().__init__(window)  # ends with the window, and its connections with it
        self._session = session
        self._commands: dict[str, tuple[Action, QAction]] = {}
        self._on_canvas: list[tuple[str, str, QAction]] = []
        self.whole = QMenu(window)  # all menus under one button; those below are its own
        self.menus = {name: self.whole.addMenu(tr(name)) for name in MENUS}
        entries = sorted(actions.items(), key=lambda item: (item[1].menu, item[1].order))
        for key, cls in entries:
            self._add(key, cls(), window)
        self._add_canvas_commands(canvas)
        look.changed.connect(self._tint)
        session.stateChanged.connect(self.refresh)
        keys.news.changed.connect(self._rekey)
        self._rekey()

    def _add(self, key: str, command: Action, window: QWidget) -> None:
        entry = QAction(tr(command.text), window)
        entry.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        entry.triggered.connect(lambda: self._do(command))
        window.addAction(entry)
        self._commands[key] = (command, entry)
        menu = self.menus.get(command.menu)
        if menu is not None:
            if command.separated:
                menu.addSeparator()
            menu.addAction(entry)

    def _add_canvas_commands(self, canvas: CanvasView) -> None:
        """The canvas keeps its own keys while it has the focus; the menu shows them and does the same."""
        group = -1
        for command in commands():
            if command.on == "wire":
                continue
            menu = self.menus["View" if command.group == 5 else "Edit"]
            if command.group != group:
                menu.addSeparator()
                group = command.group
            entry = QAction(command.text, menu)
            entry.triggered.connect(lambda _=False, method=command.method: getattr(canvas, method)())
            inside(menu, command.inside).addAction(entry)
            self._on_canvas.append((command.key, command.text, entry))

    def _do(self, command: Action) -> None:
        why_not = command.possible(self._session)
        if why_not:
            self._session.say(why_not, "warning")
            return
        command.do(self._session)

    def entry(self, key: str) -> QAction:
        """The QAction of a command."""
        return self._commands[key][1]

    def entries(self) -> dict[str, QAction]:
        """Every command of the menus by its key."""
        return {key: entry for key, (_, entry) in self._commands.items()}

    def all(self) -> list[QAction]:
        """Every command, for the palette of commands."""
        return [entry for _, entry in self._commands.values()] + [entry for _, _, entry in self._on_canvas]

    def bindings(self) -> tuple[Binding, ...]:
        """Every command with its keys: those of the window, then those of the canvas."""
        found = [
            Binding(
                key=key, text=entry.text(), where="window", keys=keys.keys_of(key, command.keys), default=command.keys
            )
            for key, (command, entry) in self._commands.items()
        ]
        own = {command.key: command for command in reversed(declared())}
        names = dict.fromkeys(key for key, _, _ in self._on_canvas)
        return (*found, *(
            Binding(key=key, text=own[key].text, where="canvas", keys=keys.keys_of(key, own[key].keys), default=own[key].keys)
            for key in names
        ))  # fmt: skip

    def _rekey(self) -> None:
        """Menus and tooltips show the keys there are now."""
        for key, (command, entry) in self._commands.items():
            entry.setShortcuts([QKeySequence(one) for one in keys.keys_of(key, command.keys)])
        now = {command.key: command.keys for command in reversed(commands())}
        for key, text, entry in self._on_canvas:
            entry.setText(f"{text}\t{now[key][0]}" if now[key] else text)
        self.refresh()

    def refresh(self) -> None:
        """Enable what is possible; the rest says why not."""
        for command, entry in self._commands.values():
            why_not = command.possible(self._session)
            entry.setEnabled(not why_not)
            entry.setText(command.words(self._session))
            words = entry.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            title = entry.text() + (f"  ({words})" if words else "")
            entry.setToolTip(plain_tip(f"{title}\n{why_not}" if why_not else title))

    def _tint(self) -> None:
        for command, entry in self._commands.values():
            if command.icon:
                entry.setIcon(icon(command.icon, theme().on_accent if entry.objectName() == "accent" else ""))

    def load_icons(self) -> None:
        """After the first picture."""
        self._commands["run"][1].setObjectName("accent")
        load()
        self._tint()
