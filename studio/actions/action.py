"""A menu command: one file each. Its text, keys, menu and icon; whether it is possible now, and doing it.

``possible`` gives the sentence that says why not (empty: it is possible); a disabled command shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.catalog import Catalog
from widgets.look.language import tr

if TYPE_CHECKING:
    from studio.session import Session


class Action:
    """One command of the window."""

    key: ClassVar[str]
    text: ClassVar[str] = ""  # English source, shown through tr()
    keys: ClassVar[tuple[str, ...]] = ()
    menu: ClassVar[str] = ""  # File, Edit, View, Run, Help; empty: only in the palette of commands
    order: ClassVar[int] = 50
    icon: ClassVar[str] = ""  # a meaning of widgets.look.icons
    separated: ClassVar[bool] = False  # a line above it

    def words(self, session: Session) -> str:
        """What it is called now: :attr:`text` unless it goes by another name meanwhile."""
        return tr(self.text)

    def possible(self, session: Session) -> str:
        """Why it cannot be done now; empty where it can."""
        return ""

    def do(self, session: Session) -> None:
        """Do it."""
        raise NotImplementedError


actions: Catalog[Action] = Catalog("studio.actions", "command")
