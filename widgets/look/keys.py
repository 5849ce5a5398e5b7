"""Which keys a command has: its own, or those that a person chose for it. One table for menus, canvas and tooltips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import QObject, Signal

Where = Literal["window", "canvas"]
FIXED: Final = (  # what the canvas and every field need for themselves
    "Tab", "Backtab", "Shift+Tab", "Esc", "Return", "Enter", "Space", "Left", "Right", "Up", "Down",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Binding:
    """A command with its keys; ``where`` they count: in the whole window, or on the canvas and in the outline."""

    key: str
    text: str
    where: Where
    keys: tuple[str, ...]
    default: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """Whether a person chose others."""
        return self.keys != self.default


class _News(QObject):
    changed = Signal()


news: Final = _News()
_chosen: dict[str, tuple[str, ...]] = {}


def use_keys(chosen: Mapping[str, Iterable[str]]) -> None:
    """What a person chose, by command; every other command has its own keys."""
    _chosen.clear()
    _chosen.update({key: tuple(keys) for key, keys in chosen.items()})
    news.changed.emit()


def keys_of(key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a command."""
    return _chosen.get(key, default)


def taken_by(keys: str, where: Where, bindings: Iterable[Binding], but: str = "") -> Binding | None:
    """The command that has these keys already where they would count; ``but``: not this one."""
    return next(
        (
            one for one in bindings
            if one.key != but and keys in one.keys and (one.where == where or "window" in (one.where, where))
        ),
        None,
    )  # fmt: skip


def why_not(keys: str, where: Where) -> str:
    """Why keys cannot be given to a command; empty where they can: ``"fixed"``, or ``"letter"`` for one that is typed into fields."""
    if keys in FIXED:
        return "fixed"
    return (
        "letter"
        if where == "window" and len(keys.rpartition("+")[2]) == 1 and keys.rpartition("+")[0] in ("", "Shift")
        else ""
    )
