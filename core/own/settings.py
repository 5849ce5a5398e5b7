"""Whether a person's own blocks are loaded, from which folder, and which contents are allowed.

Kept in a file of its own in the person's configuration folder, so that the window, the command line and every process of a
run read the same. Off until a person switches it on. A file is allowed by its place and the SHA-256 of its contents.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from platformdirs import user_config_dir, user_data_dir

from core.own.guards import owner_refusal
from core.problems import Refused, refuse

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class OwnSettings:
    """What a person chose about their own blocks."""

    on: bool = False
    folder: str = ""  # empty: the usual one
    allowed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # resolved path -> SHA-256

    @property
    def place(self) -> Path:
        """The folder, whether or not it is there."""
        return Path(self.folder) if self.folder else usual_folder()

    def allowing(self, path: Path, sha256: str) -> OwnSettings:
        """The same with these contents of a file allowed."""
        return replace(self, allowed=MappingProxyType({**self.allowed, str(path): sha256}))

    def forbidding(self, path: Path) -> OwnSettings:
        """The same with a file allowed no more."""
        return replace(self, allowed=MappingProxyType({k: v for k, v in self.allowed.items() if k != str(path)}))


def usual_folder() -> Path:
    """Where own blocks lie unless a person chose another folder."""
    return Path(user_data_dir("crossmodal-studio", appauthor=False)) / "blocks"


def settings_file() -> Path:
    """Where the choice is kept."""
    return Path(user_config_dir("crossmodal-studio", appauthor=False)) / "own_blocks.json"


def read_settings() -> OwnSettings:
    """What was chosen; the defaults where nothing was. Raises Refused for a file that is damaged or not the person's alone."""
    place = settings_file()
    try:
        with place.open("rb") as opened:
            if why := owner_refusal(os.fstat(opened.fileno()), str(place)):
                raise why
            return _settings(json.loads(opened.read().decode("utf-8")))
    except FileNotFoundError:
        return OwnSettings()
    except OSError as error:
        raise refuse(f"{place} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, Refused):
            raise
        raise refuse(
            f"{place} is damaged, so no block of your own is loaded.", hint="Delete it, and allow your blocks again."
        ) from error


def _settings(data: Any) -> OwnSettings:
    if data["version"] != VERSION:
        raise ValueError("another version")
    on, folder, allowed = data["on"], data["folder"], data["allowed"]
    texts = [folder, *allowed, *allowed.values()]
    if not isinstance(on, bool) or not all(isinstance(text, str) for text in texts):
        raise TypeError("not as it was written")
    return OwnSettings(on=on, folder=folder, allowed=MappingProxyType(dict(allowed)))


def write_settings(settings: OwnSettings) -> None:
    """Keep a choice, for this person alone, whole or not at all. Raises Refused."""
    place = settings_file()
    part = place.with_suffix(f".{os.getpid()}")
    data = {"version": VERSION, "on": settings.on, "folder": settings.folder, "allowed": dict(settings.allowed)}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump(data, opened, indent=1, ensure_ascii=False)
        os.replace(part, place)
    except OSError as error:
        raise refuse(f"{place} cannot be written: {error.strerror or error}.") from error
