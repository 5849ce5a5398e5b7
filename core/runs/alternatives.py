"""A block's place that holds alternatives: an axis of a sweep over the blocks that fit there with every wire kept.

The search over drawings: fusion kinds, connectors and encoders beside settings such as depth, each a trial of its own with its
own weights. What is on the canvas is the first alternative, and the baseline; one that cannot run as it would be set there is left
out, and that is said.
"""

from __future__ import annotations

from dataclasses import replace

from core.graph import edits
from core.graph.configurations import grid_configurations
from core.graph.document import Document
from core.graph.exchanging import candidates
from core.graph.paths import KIND
from core.graph.sweep import MOST_VALUES, Axis, Change, Sweep
from core.graph.vocabulary import Vocabulary
from core.problems import Problem, refuse
from core.runs.ablation import Ablation
from core.runs.planning import refused_configurations


def with_alternatives(document: Document, node: str, words: Vocabulary) -> Ablation:
    """The document whose sweep has another axis: the block that is there and those it could be exchanged for, by their titles.

    Raises Refused where there is none that could run.
    """
    axis = _axis(document, node, words)
    alone = Sweep(axes=(axis,), seeds=1)
    configurations = grid_configurations(alone)
    refused = refused_configurations(replace(document, sweep=alone), configurations, words)
    why = {one.name: tuple(refused.get(one.as_json(), ())) for one in configurations}
    kept = tuple(change for change in axis.changes if not why[change.name] or not change.values)
    left_out = tuple(_left_out(change, why[change.name][0]) for change in axis.changes if change not in kept)
    if len(kept) < 2:
        raise refuse("None of the other blocks could run there.", hint=left_out[0].what, node=node)
    sweep = (document.sweep or Sweep()).with_axis(replace(axis, changes=kept))
    return Ablation(document=edits.set_sweep(document, sweep), left_out=left_out)


def _axis(document: Document, node: str, words: Vocabulary) -> Axis:
    if node not in document.nodes:
        raise refuse("Alternatives are for blocks of the graph itself.", hint="Leave the subgraph first.")
    found = candidates(document, node, words)[: MOST_VALUES - 1]
    if not found:
        raise refuse("No other block takes and gives the same.", node=node)
    now = document.nodes[node]
    own = Change(name=words.spec(now.block).title)
    others = (Change(name=words.spec(key).title, values={f"{node}.{KIND}": key}) for key in found)
    return Axis(name=now.title or own.name, changes=(own, *others))


def _left_out(change: Change, why: Problem) -> Problem:
    return Problem(
        what=f"The configuration {change.name!r} cannot be trained: {why.what}", hint=why.hint, severity="warning"
    )
