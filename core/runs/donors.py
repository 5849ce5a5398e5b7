"""Whose weights a trial begins with, where a sweep shares the weights of equal parts between its trials.

Weights are taken from trials that began anew only. So no weight is trained for longer than two trials, whatever the order in which
trials end, and those that share are alike in that. Of the trials with the same seed and recipe the one is taken that has most
weights in common; of several the best, of these the first. What is shared makes a search cheaper, not fairer
(weight sharing: Pham et al., arXiv:1802.03268; how it misleads a ranking: Yu et al., arXiv:1902.08142).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.compiler.compile import compile
from core.graph.document import Document
from core.graph.equal_parts import equal_parts
from core.graph.file import loads
from core.graph.subgraphs.flat import flat_document
from core.graph.sweep import Sweep
from core.problems import Refused
from core.store.answers import TrialFacts
from core.store.library import Library
from core.store.resuming import SHARED, saved_at


@dataclass(frozen=True, kw_only=True)
class Donor:
    """A finished trial that has parts in common with another."""

    trial: TrialFacts
    step: int  # of its newest checkpoint
    share: float  # of the other's weights, as numbers, that it gives

    @property
    def told(self) -> str:
        """In a sentence."""
        return f"Begun with {100 * self.share:.0f} % of its weights from trial {self.trial.number + 1} at step {self.step}."


def donor_of(
    library: Library, document: Document, seed: int, sweep: Sweep, trials: Sequence[TrialFacts]
) -> Donor | None:
    """Who gives weights to a trial's document; None where no finished trial that began anew has a part of it."""
    plan = compile(document)
    owners = {key: plan.analysis.nodes[key].parameters for key in plan.owners}
    total, found = sum(owners.values()), list[tuple[int, float, int, TrialFacts]]()
    sign = 1 if sweep.direction == "higher" else -1
    for trial in trials:
        if trial.state != "finished" or trial.seed != seed or trial.value is None:
            continue
        given = sum(owners.get(key, 0) for key in _in_common(library, trial.run, plan.document))
        if given:
            found.append((given, sign * trial.value, -trial.number, trial))
    for given, _, _, trial in sorted(found, key=lambda one: one[:3], reverse=True):
        try:
            saved = saved_at(library, trial.run, None)
        except Refused:  # damaged, or on another machine's disk: the next may be whole
            continue
        if saved is not None:
            return Donor(trial=trial, step=saved.step, share=given / total)
    return None


def _in_common(library: Library, run: str, now: Document) -> frozenset[str]:
    """What a run that began anew and a drawing have in common; nothing where the run is gone."""
    try:
        if SHARED in library.params(run):
            return frozenset()
        return equal_parts(flat_document(loads(library.document_text(run))), now)
    except Refused:
        return frozenset()


def has_lost_its_donor(library: Library, run: str) -> bool:
    """Whether a run that shares weights, and has no checkpoint yet, can no longer be begun: its parent's are gone, or elsewhere."""
    try:
        if SHARED not in library.params(run) or saved_at(library, run, None) is not None:
            return False
        return saved_at(library, library.facts(run).parent, None) is None
    except Refused:
        return True
