"""How costs grow with a setting: slopes of planted powers, what is told of them, and the chapter's claims about attention over films."""

from __future__ import annotations

import math
from functools import cache

import pytest

from core.compiler.compile import analyse
from core.graph.analysis import Analysis
from core.graph.configurations import Configuration, applied, grid_configurations, sweep_problems
from core.graph.document import Document
from core.graph.sweep import Axis, Sweep
from core.runs import verdict
from core.runs.declared import declared_vocabulary
from core.runs.growth import growths, slope, written
from core.store.answers import TrialFacts
from studio.open.documents import examples

WORDS = declared_vocabulary()
FLOPS, BYTES = "GFLOPs a sample", "MiB for backward"


def test_planted_powers_are_found_for_each_of_the_others() -> None:
    rows = [
        ({"pattern": pattern, "frames": frames}, {FLOPS: 3 * frames**power, "seconds": frames**5.0})
        for pattern, power in (("joint", 2.0), ("space", 1.0)) for frames in (4, 8, 16)
    ]  # fmt: skip
    (found,) = growths([FLOPS, "seconds"], rows)  # seconds are timed, not counted
    assert (found.cost, found.axis) == (FLOPS, "frames")
    assert found.powers == pytest.approx({"joint": 2.0, "space": 1.0})
    assert written(found) == "2.00 (joint), 1.00 (space)"


def test_two_points_names_and_what_costs_the_same_tell_no_growth() -> None:
    assert growths([FLOPS], [({"n": n}, {FLOPS: float(n)}) for n in (1, 2)]) == ()
    assert growths([FLOPS], [({"n": n}, {FLOPS: 7.0}) for n in (1, 2, 4)]) == ()
    assert growths([FLOPS], [({"n": f"{n}"}, {FLOPS: float(n)}) for n in (1, 2, 4)]) == ()
    assert growths([FLOPS], [({"on": value}, {FLOPS: 1.0 + value}) for value in (False, True)]) == ()
    assert growths([FLOPS], [({"n": n}, {FLOPS: float(n**2)}) for n in (0, 1, 2, 4)])[0].powers == pytest.approx(
        {"": 2}
    )


def trials(costs: dict[int, float], metric: float | None = None) -> list[TrialFacts]:
    made = [Configuration(name=f"frames {n}", at={"frames": n}, values={"a.frames": n}) for n in costs]
    return [
        TrialFacts(
            number=number, configuration=one.as_json(), seed=0, state="finished",
            value=cost if metric is None else metric, figures={FLOPS: cost},
        )
        for number, (one, cost) in enumerate(zip(made, costs.values()))
    ]  # fmt: skip


def test_a_counted_metric_is_told_without_doubt_and_with_its_growth() -> None:
    plan = Sweep(
        axes=(Axis(path="a.frames", name="frames", values=(4, 8, 16)),), metric=FLOPS, direction="lower", seeds=1
    )
    said = verdict.sentence(verdict.table(plan, trials({4: 1.0, 8: 2.0, 16: 4.0})))
    assert "differ by 1 GFLOPs a sample, which is counted" in said
    assert said.endswith(f"{FLOPS} grows with frames to the power of 1.00.")


def test_a_cost_that_nobody_asked_for_is_not_told() -> None:
    axis = Axis(path="a.frames", name="frames", values=(4, 8, 16))
    costs = {4: 1.0, 8: 2.0, 16: 4.0}
    assert "grows" not in verdict.sentence(verdict.table(Sweep(axes=(axis,)), trials(costs, 0.5)))
    asked = Sweep(axes=(axis,), costs=(FLOPS,))
    assert "power of 1.00" in verdict.sentence(verdict.table(asked, trials(costs, 0.5)))


@cache
def drawn() -> Document:
    return next(example.document for example in examples() if example.key == "space_time_cost_sweep")


@cache
def facts() -> dict[tuple[str, int], Analysis]:
    assert drawn().sweep is not None
    return {
        (str(one.at["attention"]), int(str(one.at["frames"]))): analyse(applied(drawn(), one, 0, WORDS), WORDS)
        for one in grid_configurations(drawn().sweep)
    }  # fmt: skip


def test_the_example_can_be_trained() -> None:
    assert sweep_problems(drawn(), WORDS) == []
    assert not [problem for found in facts().values() for problem in found.problems]


def test_flops_are_those_of_the_pairs_that_each_pattern_compares() -> None:
    """In closed form, of one layer 16 wide: 24 n d^2 for the maps, 4 d for each pair, and what divided and axial have more."""
    width, cells, edge = 16, 64, 8
    for (pattern, frames), found in facts().items():
        tokens = frames * cells
        pairs = {
            "joint": tokens**2, "divided": tokens * (frames + cells), "axial": tokens * (frames + 2 * edge),
            "space": tokens * cells,
        }[pattern]  # fmt: skip
        steps = {"joint": 1, "space": 1, "divided": 2, "axial": 3}[pattern]
        maps = (16 + 8 * steps + 2 * (steps - 1)) * tokens * width**2
        entry = 2 * tokens * (3 * edge**2) * width
        assert found.nodes["video_transformer"].flops == maps + 4 * width * pairs + entry, (pattern, frames)


def test_joint_attention_grows_faster_than_the_others_with_the_frames() -> None:
    """The chapter's claim: towards the square of the frames for joint, and as the frames for the rest; bytes grow evenly for all."""
    flops = {pattern: {frames: facts()[pattern, frames].flops for frames in (4, 8, 16, 32)} for pattern in ("joint", "divided", "axial", "space")}  # fmt: skip
    powers = {pattern: slope(points) for pattern, points in flops.items()}
    assert powers == pytest.approx({"joint": 1.78, "divided": 1.04, "axial": 1.04, "space": 1.00}, abs=0.01)
    at_last = math.log2(flops["joint"][32] / flops["joint"][16])
    assert at_last > 1.85
    for pattern in flops:
        kept = {n: facts()[pattern, n].nodes["video_transformer"].activation_mebibytes for n in (4, 8, 16, 32)}
        assert slope(kept) == pytest.approx(1.0, abs=0.01)
