"""What a person is told when something cannot be: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.texts import printable

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A remedy that can be clicked: ``edit`` names a function of ``core.graph.edits``, ``arguments`` are its keywords.

    Where no edit helps, ``sheet`` names the window's sheet on which a person can.
    """

    text: str
    edit: str = ""
    sheet: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One plain sentence about one place of a document or a run.

    ``node`` and ``port`` say where (empty: the whole document); ``hint`` says what would be right.
    """

    what: str
    node: str = ""
    port: str = ""
    hint: str = ""
    severity: Severity = "error"
    fix: Fix | None = None

    def __post_init__(self) -> None:
        """Names of files stand in sentences; a sentence can always be shown, printed and kept."""
        for field_ in ("what", "hint"):
            object.__setattr__(self, field_, printable(getattr(self, field_)))

    def sentence(self) -> str:
        """The problem as it is read aloud on a command line."""
        where = f"{self.node}.{self.port}: " if self.port else f"{self.node}: " if self.node else ""
        return f"{where}{self.what}" + (f" {self.hint}" if self.hint else "")


class Refused(ValueError):
    """Raised where a person's input cannot be used; carries the Problems to show."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(problem.sentence() for problem in problems))
        self.problems = problems


def refuse(what: str, *, node: str = "", port: str = "", hint: str = "") -> Refused:
    """One problem as an exception: ``raise refuse("the file is empty", hint="Choose another.")``."""
    return Refused(Problem(what=what, node=node, port=port, hint=hint))
