"""Keys that a person chose: kept in the preferences, used by menus, canvas and outline at once."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from studio.open.preferences import Preferences
from studio.window.menus import Menus
from widgets.keys_sheet import KeysSheet
from widgets.look.keys import Binding, use_keys
from widgets.look.language import tr


class Keys(QObject):
    """Between the sheet, the preferences and everyone who has keys."""

    def __init__(self, preferences: Preferences, menus: Menus, window: QWidget) -> None:
        super().__init__(window)
        self._preferences, self._menus, self._window = preferences, menus, window
        use_keys(preferences.keys)

    def bindings(self) -> tuple[Binding, ...]:
        """Every command with its keys as they are now."""
        return self._menus.bindings()

    def choose(self, key: str, keys: tuple[str, ...], loser: str = "") -> None:
        """A command gets keys; the one that had one of them loses it."""
        chosen = dict(self._preferences.keys)
        known = {one.key: one for one in self.bindings()}
        if loser in known:
            chosen[loser] = tuple(one for one in known[loser].keys if one not in keys)
        chosen[key] = keys
        self._keep({name: some for name, some in chosen.items() if name in known and some != known[name].default})

    def reset(self, key: str) -> None:
        """A command gets its own keys back; whoever has one of them now loses it."""
        known = {one.key: one for one in self.bindings()}
        chosen = {name: some for name, some in self._preferences.keys.items() if name != key}
        for name, some in list(chosen.items()):
            if name in known:
                chosen[name] = tuple(one for one in some if one not in known[key].default)
        self._keep(chosen)

    def reset_all(self) -> None:
        """Every command has its own keys again."""
        self._keep({})

    def _keep(self, chosen: dict[str, tuple[str, ...]]) -> None:
        self._preferences.keys = chosen
        use_keys(chosen)

    def show_sheet(self, fixed: tuple[tuple[str, str], ...]) -> KeysSheet:
        """The sheet, open; it shows every change at once."""
        sheet = KeysSheet(self.bindings(), [(tr(keys), tr(text)) for keys, text in fixed], self._window)
        sheet.keysChosen.connect(self.choose)
        sheet.resetRequested.connect(self.reset)
        sheet.resetAllRequested.connect(self.reset_all)
        for signal in (sheet.keysChosen, sheet.resetRequested, sheet.resetAllRequested):
            signal.connect(lambda *_: sheet.set_bindings(self.bindings()))
        sheet.show()
        return sheet
