"""Breakpoints on blocks are conditions of the one list: added, read back by block, gone with the block."""

from __future__ import annotations

import pytest

from core.compiler.describe import vocabulary
from core.graph import breakpoints, edits
from core.graph.conditions import Condition, without_block
from core.graph.selection import of_task
from core.telemetry.events import Scalars
from tests.core.training.running import Said, trainer
from tests.documents import tiny_clip

LOW = Condition(figure="attention entropy/vit", relation="<", value=0.2)
RANK = Condition(figure="similarity/info_nce/effective rank", relation="<", value=3.0)


def test_a_breakpoint_switches_on_what_says_its_figure_and_the_last_one_switches_the_option_off():
    document = breakpoints.added(tiny_clip(diagnostics={}), LOW, "attention")
    assert document.recipe.callbacks["breakpoints"] == {"when": "attention entropy/vit < 0.2"}
    assert "attention" in document.recipe.diagnostics
    both = breakpoints.added(document, RANK, "similarity")
    assert breakpoints.by_node(both, both.nodes) == {"vit": (LOW,), "info_nce": (RANK,)}
    assert breakpoints.added(both, RANK, "similarity") == both
    assert breakpoints.removed(both, [RANK]).recipe.callbacks == document.recipe.callbacks
    assert "breakpoints" not in breakpoints.removed(document, [LOW]).recipe.callbacks


def test_what_the_list_says_already_stays():
    document = breakpoints.added(tiny_clip(callbacks={"breakpoints": {"in_a_row": 3}}), LOW)
    assert document.recipe.callbacks["breakpoints"] == {
        "when": "effective rank < 2; loss jumps 8; attention entropy/vit < 0.2", "in_a_row": 3,
    }  # fmt: skip


def test_a_block_that_is_deleted_takes_its_breakpoints_along():
    document = breakpoints.added(breakpoints.added(tiny_clip(), LOW), RANK)
    left = edits.remove_nodes(document, ["vit"], vocabulary())
    assert breakpoints.conditions_of(left) == (RANK,)
    assert "breakpoints" not in edits.remove_nodes(left, ["info_nce"], vocabulary()).recipe.callbacks
    assert without_block("nonsense", "vit") == "nonsense"


@pytest.mark.parametrize(
    ("figure", "series", "fits"),
    [
        ("attention entropy/vit", "attention entropy/vit/3", True),
        ("attention entropy/vit", "attention entropy/vit_2/3", False),
        ("similarity/info_nce/effective rank", f"similarity/{of_task('info_nce', 'Faces')}/effective rank", True),
        ("gradient share", "gradient share of block/vit", False),
    ],
)
def test_a_block_is_meant_whatever_its_task_and_no_other_block(figure, series, fits):
    assert Condition(figure=figure, relation="<", value=1.0).fits(series) is fits


def test_the_sentence_of_a_run_that_paused_names_its_blocks():
    sentence = "Breakpoint at step 9: loss/info_nce · Faces is 4.1 (loss/info_nce > 3); gradient/vit is 1e+04 (gradient jumps 6)."
    assert breakpoints.met_in(sentence, ["vit", "vit_2", "info_nce", "loss"]) == ("vit", "info_nce")


def test_every_figure_offered_is_one_that_a_run_says():
    """Of each block of a small experiment with everything on: no offer is a name that nothing fits."""
    document = tiny_clip(
        steps=2, diagnostics={"similarity": {"every": 1}, "gradients": {"every": 1}, "attention": {"every": 1, "samples": 2}}
    )  # fmt: skip
    run = trainer(document)
    run.listener = heard = Said()
    run.train()
    series = {name for event in heard.of(Scalars) for name in event.values}
    for node, drawn in document.nodes.items():
        learn = (
            [each.requires_grad for each in run.experiment.node(node).parameters()] if node in run.plan.owners else []
        )
        spec = vocabulary().spec(drawn.block)
        for figure in breakpoints.figures_of(spec, node, weights=bool(learn), trains=any(learn)):
            fits = breakpoints.condition_on(figure.series).fits
            assert any(map(fits, series)), (node, figure.series)
    shares = [
        sum(value for name, value in event.values.items() if name.startswith("gradient share of block/"))
        for event in heard.of(Scalars)
        if "gradient share of block/vit" in event.values
    ]
    assert shares
    assert all(share == pytest.approx(1.0) for share in shares)
