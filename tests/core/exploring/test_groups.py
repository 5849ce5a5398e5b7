"""Groups over seeds: means by hand, what a baseline says of planted differences, and what is not a number."""

from __future__ import annotations

import math
import random
from statistics import fmean, stdev

import pytest

from core.exploring.fields import Field
from core.exploring.groups import against, grouped
from core.store.answers import RunFacts

LOSS = Field(kind="score", name="loss")
BATCH, SEED = Field(kind="setting", name="batch_size"), Field(kind="fact", name="seed")


def runs_of(*values: tuple[float | None, int, float]) -> list[RunFacts]:
    return [
        RunFacts(id=number, uid=f"u{number}", name=str(number), status="finished", seed=seed, created=float(number),
                 last={"loss": loss}, tags=(str(batch),) if batch is not None else ())
        for number, (batch, seed, loss) in enumerate(values)
    ]  # fmt: skip


def read(field: Field, run: RunFacts) -> float | None:
    if field is LOSS:
        return run.last["loss"]
    return (float(run.tags[0]) if run.tags else None) if field is BATCH else float(run.seed)


def test_a_group_has_its_mean_deviation_and_interval() -> None:
    losses = [0.5, 0.7, 0.9]
    groups = grouped(
        runs_of(*((32, seed, loss) for seed, loss in enumerate(losses)), (16, 0, 2.0)), (BATCH,), (LOSS,), read
    )
    assert [group.values for group in groups] == [(16.0,), (32.0,)]
    told = groups[1].scores[LOSS.key]
    assert told.estimate is not None
    assert told.estimate.mean == pytest.approx(fmean(losses))
    assert told.deviation == pytest.approx(stdev(losses))
    assert (told.low, told.high, groups[1].seeds) == (0.5, 0.9, 3)
    assert told.estimate.high - told.estimate.mean == pytest.approx(4.302653 * stdev(losses) / math.sqrt(3), rel=1e-5)
    assert math.isnan(groups[0].scores[LOSS.key].deviation)


def test_of_one_seed_the_newest_counts_and_what_is_no_number_is_counted() -> None:
    (group,) = grouped(runs_of((8, 1, 3.0), (8, 1, 2.0), (8, 2, math.nan), (8, 3, math.inf)), (BATCH,), (LOSS,), read)
    told = group.scores[LOSS.key]
    assert dict(told.values) == {1: 2.0}
    assert told.without == 2
    assert (len(group.runs), group.seeds) == (4, 3)


def test_planted_differences_are_found_and_noise_is_not() -> None:
    draw = random.Random(0)
    made = []
    for seed in range(6):
        shared = draw.gauss(0, 0.5)  # what a seed does to every configuration alike
        made += [(16, seed, 1 + shared + draw.gauss(0, 0.01)), (32, seed, 1 + shared + draw.gauss(0, 0.01))]
        made += [(64, seed, 0.8 + shared + draw.gauss(0, 0.01)), (None, seed + 100, 1.0)]
    groups = grouped(runs_of(*made), (BATCH,), (LOSS,), read)
    found = against(groups, groups[0].key, LOSS.key)
    assert set(found) == {groups[1].key, groups[2].key}, "seeds are not shared with the last, which has no batch size"
    assert not found[groups[1].key].distinguishable
    assert found[groups[2].key].distinguishable
    assert found[groups[2].key].difference.mean == pytest.approx(-0.2, abs=0.02)
    assert against(groups, "gone", LOSS.key) == {}


def test_two_seeds_are_never_enough_where_they_disagree() -> None:
    groups = grouped(runs_of((1, 0, 1.0), (1, 1, 1.0), (2, 0, 1.5), (2, 1, 0.7)), (BATCH,), (LOSS,), read)
    assert not against(groups, groups[0].key, LOSS.key)[groups[1].key].distinguishable
