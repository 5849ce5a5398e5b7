"""A block's place that holds alternatives: an axis over all that fits there and runs, with what is there first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.compiler.describe import vocabulary
from core.graph.configurations import applied, grid_configurations
from core.graph.file import dumps, loads
from core.graph.sweep import Axis, Sweep
from core.problems import Refused
from core.runs.alternatives import with_alternatives
from core.runs.planning import plan_problems
from tests.documents import captions, tiny_clip


def test_every_other_keeps_the_wires_and_what_cannot_run_is_left_out_with_its_reason() -> None:
    document, words = captions(), vocabulary()
    made = with_alternatives(document, "token_mlp", words)
    swept = made.document.sweep
    assert swept is not None
    (axis,) = swept.axes
    assert axis.title == axis.changes[0].name == words["connectors.token_mlp"].title
    assert not axis.changes[0].values, "the first is the graph as it is"
    assert loads(dumps(made.document)) == made.document
    for configuration in grid_configurations(swept):
        trial = applied(made.document, configuration, 0, words)
        assert trial.wires == document.wires
        assert words[trial.nodes["token_mlp"].block].title == configuration.name
    assert plan_problems(made.document, words) == []
    reasons = [problem.what for problem in made.left_out]
    assert any("There are 16 tokens to compress; 64 cannot be left of them." in what for what in reasons)
    assert len(reasons) + len(axis.changes) >= 8


def test_another_axis_stays_beside_it_and_a_node_is_called_as_the_person_calls_it() -> None:
    document, words = captions(), vocabulary()
    rates = Axis(path="recipe.learning_rate", values=(1e-3, 1e-2))
    called = replace(document.nodes["token_mlp"], title="bridge")
    document = replace(document, nodes={**document.nodes, "token_mlp": called}, sweep=Sweep(axes=(rates,)))
    made = with_alternatives(document, "token_mlp", words).document.sweep
    assert made is not None
    assert [axis.title for axis in made.axes] == ["recipe.learning_rate", "bridge"]


@pytest.mark.parametrize(("node", "why"), [("emoji", "takes and gives the same"), ("nobody", "of the graph itself")])
def test_where_nothing_else_fits_that_is_said(node: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        with_alternatives(tiny_clip(), node, vocabulary())
