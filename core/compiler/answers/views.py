"""Whether the two sides of an objective are one and the same once nothing is augmented: two views of one picture through
one tower. Ranking a picture's view against itself would then find it always, and say nothing.
"""

from __future__ import annotations

from typing import Any

from core.compiler.plan import Plan
from core.data.catalog import transforms
from core.graph.document import End


def coincide(plan: Plan, objective: str) -> bool:
    """Whether both sides of an objective are made of the same by the same weights, augmentation aside."""
    pair = plan.pair(objective)
    return pair is not None and _made_of(plan, pair[0]) == _made_of(plan, pair[1])


def _made_of(plan: Plan, end: End) -> Any:
    """How a value comes about: weights, settings and what went in, down to the source's ports."""
    node = plan.document.nodes[end.node]
    inputs = plan.inputs.get(end.node, {})
    if end.node in plan.sample_nodes and node.block in transforms and transforms[node.block].only_in_training:
        return _made_of(plan, inputs[end.port]) if end.port in inputs else (end.node, end.port)
    weights = plan.owner(end.node) if _has_weights(plan, end.node) else tuple(sorted(node.knobs.items()))
    made_of = tuple((port, _made_of(plan, source)) for port, source in sorted(inputs.items()))
    return node.block, weights, end.port, made_of


def _has_weights(plan: Plan, node: str) -> bool:
    facts = plan.analysis.nodes.get(node)
    return facts is None or facts.parameters + facts.shared_parameters > 0
