"""What a person chose about the window: theme, language, scale, layout. Kept through QSettings."""

from __future__ import annotations

import json
from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QLocale, QSettings

from widgets.look.desktop import reduces_motion

RECENT = 12
PUT_OFF = 400  # proposals that are remembered


class Preferences:
    """Small typed questions to one settings file."""

    def __init__(self) -> None:
        self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "crossmodal-studio", "window")

    @property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        return str(self._settings.value("theme", "system"))

    @theme.setter
    def theme(self, name: str) -> None:
        self._settings.setValue("theme", name)

    @property
    def contrast(self) -> str:
        """``system``, ``high`` or ``normal``."""
        return str(self._settings.value("contrast", "system"))

    @contrast.setter
    def contrast(self, name: str) -> None:
        self._settings.setValue("contrast", name)

    @property
    def language(self) -> str:
        """``en`` or ``zh_CN``; the desktop's language at first."""
        chosen = self._settings.value("language")
        return str(chosen) if chosen else "zh_CN" if QLocale.system().name().startswith("zh") else "en"

    @language.setter
    def language(self, name: str) -> None:
        self._settings.setValue("language", name)

    @property
    def scale(self) -> float:
        """Size of everything in the window, relative to the desktop's."""
        return min(max(round(float(str(self._settings.value("scale", 1.0))), 2), 0.5), 3.0)

    @scale.setter
    def scale(self, factor: float) -> None:
        self._settings.setValue("scale", factor)

    @property
    def reduced_motion(self) -> bool:
        """No animations: as a person chose, else as the desktop says."""
        chosen = self._settings.value("reduced_motion")
        return reduces_motion() if chosen is None else str(chosen) == "true"

    @reduced_motion.setter
    def reduced_motion(self, reduced: bool) -> None:
        self._settings.setValue("reduced_motion", "true" if reduced else "false")

    @property
    def wheel_zooms(self) -> bool:
        """Whether the mouse wheel zooms on the canvas; else it moves the view, and zooms with Ctrl."""
        return str(self._settings.value("wheel_zooms", "true")) == "true"

    @wheel_zooms.setter
    def wheel_zooms(self, zooms: bool) -> None:
        self._settings.setValue("wheel_zooms", "true" if zooms else "false")

    @property
    def samples(self) -> bool:
        """Whether blocks show what flows out of them."""
        return str(self._settings.value("samples", "false")) == "true"

    @samples.setter
    def samples(self, shown: bool) -> None:
        self._settings.setValue("samples", "true" if shown else "false")

    def follow_desktop(self) -> None:
        """Theme, contrast and motion as the desktop says."""
        self.theme = self.contrast = "system"
        self._settings.remove("reduced_motion")

    @property
    def driven(self) -> bool:
        """Whether scripts may drive the window from its start on."""
        return str(self._settings.value("driven", "false")) == "true"

    @driven.setter
    def driven(self, driven: bool) -> None:
        self._settings.setValue("driven", "true" if driven else "false")

    @property
    def place(self) -> str:
        """Where runs are trained: ``thread`` or ``process``."""
        return str(self._settings.value("place", "thread"))

    @place.setter
    def place(self, place: str) -> None:
        self._settings.setValue("place", place)

    @property
    def store(self) -> str:
        """The store that is opened at the start where none is named: a path or a URL, which never holds a password."""
        return str(self._settings.value("store", ""))

    @property
    def store_files(self) -> str:
        """The folder for large files of a store by URL; empty for one of its own in the data folder."""
        return str(self._settings.value("store_files", ""))

    def keep_store(self, place: str, files: str) -> None:
        """Open this one from the next start on; nothing for the usual one."""
        self._settings.setValue("store", place)
        self._settings.setValue("store_files", files)

    @property
    def pinned_metrics(self) -> tuple[str, ...]:
        """Series that the monitor of metrics always draws."""
        return self._words("pinned_metrics")

    @pinned_metrics.setter
    def pinned_metrics(self, names: tuple[str, ...]) -> None:
        self._settings.setValue("pinned_metrics", list(names))

    def _words(self, name: str) -> tuple[str, ...]:
        found = self._settings.value(name, [])
        return tuple(str(word) for word in found) if isinstance(found, list) else (str(found),) if found else ()

    @property
    def advice_never(self) -> tuple[str, ...]:
        """Kinds of proposals that are not to be made again."""
        return self._words("advice_never")

    @advice_never.setter
    def advice_never(self, kinds: tuple[str, ...]) -> None:
        self._settings.setValue("advice_never", list(dict.fromkeys(kinds)))

    @property
    def advice_later(self) -> tuple[str, ...]:
        """Proposals put off for a document: its id and the proposal's key."""
        return self._words("advice_later")

    @advice_later.setter
    def advice_later(self, marks: tuple[str, ...]) -> None:
        self._settings.setValue("advice_later", list(dict.fromkeys(marks))[-PUT_OFF:])

    @property
    def runs_view(self) -> str:
        """What the table of runs showed last, and views with a name, as :func:`core.exploring.views.dumped` writes them."""
        return str(self._settings.value("runs_view", ""))

    @runs_view.setter
    def runs_view(self, text: str) -> None:
        self._settings.setValue("runs_view", text)

    @property
    def tray(self) -> str:
        """What lies on the tray, as :func:`core.exploring.tray.dumped` writes it."""
        return str(self._settings.value("tray", ""))

    @tray.setter
    def tray(self, text: str) -> None:
        self._settings.setValue("tray", text)

    @property
    def keys(self) -> dict[str, tuple[str, ...]]:
        """Keys that a person chose, by command; what cannot be read counts as none."""
        try:
            found = json.loads(str(self._settings.value("keys", "{}")))
            return {str(key): tuple(map(str, some)) for key, some in found.items()}
        except (ValueError, AttributeError, TypeError):
            return {}

    @keys.setter
    def keys(self, chosen: Mapping[str, tuple[str, ...]]) -> None:
        self._settings.setValue("keys", json.dumps(dict(chosen)))

    @property
    def recent(self) -> list[str]:
        """Documents opened last, newest first."""
        found = self._settings.value("recent", [])
        return [str(path) for path in found] if isinstance(found, list) else [str(found)] if found else []

    def add_recent(self, path: str) -> None:
        """Remember a document."""
        self._settings.setValue("recent", [path, *(old for old in self.recent if old != path)][:RECENT])

    def forget_recent(self, paths: list[str]) -> None:
        """These are not offered any more."""
        self._settings.setValue("recent", [path for path in self.recent if path not in paths])

    @property
    def geometry(self) -> QByteArray | None:
        """Where the window was, and whether it was maximised."""
        found = self._settings.value("geometry")
        return found if isinstance(found, QByteArray) else None

    @geometry.setter
    def geometry(self, place: QByteArray) -> None:
        self._settings.setValue("geometry", place)

    def folder(self, what: str) -> str:
        """Where a kind of file was last found or put; empty where none was."""
        return str(self._settings.value(f"folder/{what}", ""))

    def keep_folder(self, what: str, folder: str) -> None:
        """Remember it."""
        self._settings.setValue(f"folder/{what}", folder)

    def layout(self, name: str) -> QByteArray | None:
        """A kept arrangement of docks."""
        found = self._settings.value(f"layout/{name}")
        return found if isinstance(found, QByteArray) else None

    def keep_layout(self, name: str, state: QByteArray) -> None:
        """Keep an arrangement."""
        self._settings.setValue(f"layout/{name}", state)

    @property
    def tour(self) -> int:
        """The stop at which the tour was left; -1: it was never begun."""
        try:
            return int(str(self._settings.value("tour", -1)))
        except ValueError:
            return -1

    @tour.setter
    def tour(self, at: int) -> None:
        self._settings.setValue("tour", at)

    @property
    def hidden_panels(self) -> tuple[str, ...]:
        """Panels of the page Design that a person hid."""
        return self._words("hidden_panels")

    @hidden_panels.setter
    def hidden_panels(self, keys: tuple[str, ...]) -> None:
        self._settings.setValue("hidden_panels", list(keys))

    def forget_layouts(self) -> None:
        """Arrangements of docks and hidden panels are as in a new window."""
        self._settings.remove("layout")
        self._settings.remove("hidden_panels")

    def sync(self) -> None:
        """Write now."""
        self._settings.sync()
