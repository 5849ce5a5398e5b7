"""All decision trees asked about one case."""

from __future__ import annotations

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import ORDER, Proposal


def advise(case: Case) -> tuple[Proposal, ...]:
    """What all trees propose, what was measured first; nothing about a block that has a problem, which is mended first."""
    if not case.document.nodes or not len(case.words):
        return ()
    wrong = {problem.node for problem in case.analysis.problems if problem.severity == "error"}
    found = [proposal for _, tree in trees.items() for proposal in tree().proposals(case) if proposal.node not in wrong]
    return tuple(sorted(found, key=lambda proposal: ORDER.index(proposal.sure)))
