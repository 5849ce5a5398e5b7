"""What is asked of a library by those that it asks in turn: exports, and the place where a run goes on."""

from __future__ import annotations

from typing import Any, Protocol

from core.store.answers import RunFacts
from core.store.database import Store
from core.store.reader import RunReader


class Records(Protocol):
    """The runs of a store, read only."""

    @property
    def store(self) -> Store:
        """Where they are kept."""

    def facts(self, uid: str) -> RunFacts:
        """What a list shows of a run. Raises Refused where there is none."""

    def reader(self, uid: str) -> RunReader:
        """What a run said."""

    def document_text(self, uid: str) -> str:
        """The experiment that it was begun with, as JSON."""

    def params(self, uid: str) -> dict[str, Any]:
        """What runs are compared by."""
