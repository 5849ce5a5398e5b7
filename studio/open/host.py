"""What the queues of runs and sweeps ask of the session that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.vocabulary import Vocabulary
from core.store.answers import RunFacts
from studio.asking.engine import Engine
from studio.open.kept_runs import KeptRuns
from studio.open.preferences import Preferences

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.database import Store
    from core.store.library import Library


class Host(Protocol):
    """What is open, and what may be done with its runs."""

    preferences: Preferences
    engine: Engine
    analysis: Analysis | None
    runs: list[RunFacts]

    kept: KeptRuns

    @property
    def store(self) -> Store:
        """Where runs are kept."""

    @property
    def library(self) -> Library:
        """Its runs."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The blocks there are."""

    @property
    def document(self) -> Document:
        """The one on the canvas."""

    def say(self, sentence: str, severity: str = "hint") -> None:
        """A sentence for the person."""

    def attempt(self, act: Callable[[], Any]) -> Any:
        """Do something that may be refused; the refusal is said."""

    def launch(self, uid: str, place: str) -> None:
        """Begin a run of the store. Raises Refused."""

    def refresh_runs(self) -> None:
        """Read the library again."""
