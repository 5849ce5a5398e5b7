"""What a decision tree proposes: a changed document with why, from where that is known, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from core.advice.case import Case
from core.graph.document import Document

Sure = Literal["measured here", "published", "rule of thumb"]
ORDER: Final[tuple[Sure, ...]] = ("measured here", "published", "rule of thumb")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Where a piece of advice comes from: papers, and an example of the gallery whose note has the figures."""

    papers: tuple[str, ...] = ()  # arXiv numbers
    example: str = ""  # key of an example,
    figure: str = ""  # and what was measured there, in a sentence

    def line(self) -> str:
        """In one line, for a command line."""
        parts = [f"Example {self.example}: {self.figure}".rstrip(": ")] if self.example else []
        return " ".join([*parts, *(f"arXiv:{paper}" for paper in self.papers)])


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One change that would be good, and the document with it."""

    tree: str  # which tree says so
    rule: str  # which of its rules
    node: str  # what it is about; empty: the training recipe
    what: str
    reason: str  # with the numbers that were read
    evidence: Evidence
    sure: Sure
    document: Document  # with the change: one step to undo

    @property
    def kind(self) -> str:
        """The rule, wherever it speaks: what a person may never want to hear again."""
        return f"{self.tree}.{self.rule}"

    @property
    def key(self) -> str:
        """The rule at this place."""
        return f"{self.kind}:{self.node}"


class Tree:
    """A decision tree: looks at a case and proposes. Its file registers it."""

    key: ClassVar[str]
    title: ClassVar[str] = ""  # the question that it answers

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """What it would change; nothing where all is well or too little is known."""
        raise NotImplementedError
