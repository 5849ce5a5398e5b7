"""Problems as sentences in the person's language; what has no translation is said as core wrote it."""

from __future__ import annotations

from dataclasses import replace

from core.problems import Problem, Refused
from widgets.look.language import said, tr


def spoken(problem: Problem) -> str:
    """One Problem, with its place in front."""
    return replace(problem, what=said(problem.what), hint=said(problem.hint)).sentence()


def refusal(refused: Refused) -> str:
    """Every Problem of a refusal, a line each."""
    return "\n".join(spoken(problem) for problem in refused.problems)


def severity_word(problem: Problem) -> str:
    """How much it stands against a run, in a word."""
    words = {"error": tr("error"), "warning": tr("warning"), "hint": tr("hint")}
    return words[problem.severity]
