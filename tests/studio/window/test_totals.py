"""How long a run would take, by an earlier run of the same blocks; nothing is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.graph import edits
from core.graph.analysis import Analysis
from core.store.answers import RunFacts
from studio.window.totals import foretold, rounded
from tests.documents import tiny_clip
from widgets.look import quantities

DRAWN = tiny_clip(steps=300, batch_size=32)
ANALYSIS = Analysis(nodes={}, flops=2_000_000)
RUN = RunFacts(
    id=1, uid="a", name="x", status="finished", created=10.0, seconds=50.0, step=100, steps=100,
    document_id=DRAWN.id, document_name=DRAWN.name, last={"cost/flops": 1_000_000.0},
)  # fmt: skip


def params(**other: Any) -> dict[str, Any]:
    blocks = {key: node.block for key, node in DRAWN.nodes.items()}
    recipe = {name: getattr(DRAWN.recipe, name) for name in ("device", "threads", "workers")}
    return {**blocks, **recipe, "batch_size": 16, **other}


def test_the_work_of_a_step_scales_the_time() -> None:
    """100 steps took 50 s; twice the FLOPs and twice the batch, 300 steps: 600 s."""
    assert foretold(DRAWN, ANALYSIS, [RUN], lambda uid: params()) == pytest.approx(600)


def test_the_newest_run_counts_and_a_forks_own_steps_only() -> None:
    newer = replace(RUN, uid="b", created=20.0, parent="a", parent_step=50, seconds=50.0)
    assert foretold(DRAWN, ANALYSIS, [RUN, newer], lambda uid: params()) == pytest.approx(1200)


@pytest.mark.parametrize(
    ("run", "then"),
    [
        (replace(RUN, step=2), params()),
        (replace(RUN, last={}), params()),
        (replace(RUN, document_id="another", document_name="another"), params()),
        (RUN, params(threads=7)),
        (RUN, params(device="cuda:1")),
        (RUN, params(vit="encoders.resnet")),
        (RUN, params(batch_size=None)),
    ],
)
def test_nothing_is_said_where_there_is_nothing_to_go_by(run: RunFacts, then: dict[str, Any]) -> None:
    assert foretold(DRAWN, ANALYSIS, [run], lambda uid: then) is None
    assert foretold(DRAWN, ANALYSIS, [], lambda uid: then) is None


def test_a_copy_of_an_example_is_known_by_its_name_and_blocks() -> None:
    copy = replace(DRAWN, id="a copy")
    assert foretold(copy, ANALYSIS, [RUN], lambda uid: params()) == pytest.approx(600)
    wider = edits.set_knob(copy, "vit", "width", 32)
    assert foretold(wider, replace(ANALYSIS, flops=4_000_000), [RUN], lambda uid: params()) == pytest.approx(1200)


@pytest.mark.parametrize(("seconds", "words"), [(3, "10 s"), (62, "60 s"), (130, "2 min"), (7000, "2 h 0 min")])
def test_times_are_round(seconds: float, words: str) -> None:
    assert quantities.duration(rounded(seconds)) == words
