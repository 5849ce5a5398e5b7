"""Where negatives came from, and the pairs a person may judge: counted on small batches by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.blocks.values import Negatives
from core.graph import edits, negatives_row
from core.runs.vocabulary import full_vocabulary
from core.telemetry.diagnostics.similarity import MOST_CANDIDATES, Similarity, by_origin, pairs_of
from core.telemetry.events import ORIGINS, At, Histogram, Pairs, Scalars
from tests.core.training.running import trainer
from tests.documents import tiny_clip


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_only_candidates_that_count_are_counted() -> None:
    left, right, keys = unit(4, 8), unit(4, 8, seed=1), unit(3, 8, seed=2)
    weight = torch.zeros(4, 7)
    weight[0, 1] = weight[2, 5] = float("-inf")
    origin = torch.zeros(4, 7, dtype=torch.uint8)
    origin[:, 4:] = ORIGINS.index("queue")
    origin[3, 0] = ORIGINS.index("mined")
    chosen = Negatives(left_KD=keys, right_KD=keys, weight_BM=weight, back_BM=weight, origin_BM=origin)
    found = dict(by_origin(left, right, chosen))
    assert {name: len(values) for name, values in found.items()} == {"in-batch": 12 - 2, "queue": 12 - 1, "mined": 1}
    torch.testing.assert_close(found["mined"], left[3:] @ right[0])


def test_of_very_many_candidates_an_even_sample_is_looked_at() -> None:
    left, keys = unit(64, 4), unit(20_000, 4, seed=2)
    weight = torch.zeros(64, 20_064)
    origin = torch.full((64, 20_064), ORIGINS.index("queue"), dtype=torch.uint8)
    chosen = Negatives(left_KD=keys, right_KD=keys, weight_BM=weight, back_BM=weight, origin_BM=origin)
    values = dict(by_origin(left, left, chosen))["queue"]
    assert MOST_CANDIDATES / 4 < len(values) <= MOST_CANDIDATES
    assert abs(float(values.mean()) - float((left @ keys.T).mean())) < 0.02


def test_the_hardest_pairs_come_once_in_order_and_the_others_at_random() -> None:
    cosine = unit(30, 6) @ unit(30, 6, seed=1).T
    numbers = [100 + n for n in range(30)]
    numbers[7] = numbers[3]  # one sample twice in the batch
    found = pairs_of(cosine, None, numbers, 10, seed=5)
    event = Pairs(at=None, series="pairs/x", **found)  # type: ignore[arg-type]
    keys = [tuple(sorted(pair)) for pair in zip(event.left.tolist(), event.right.tolist())]
    assert (len(keys), event.hardest, len(set(keys))) == (20, 10, 20)
    assert all(a != b for a, b in keys)
    best = event.cosine[:10]
    assert (np.diff(best) <= 0).all()
    both = torch.maximum(cosine, cosine.T).triu(1)
    both[3, 7] = -2
    np.testing.assert_allclose(best, both.flatten().topk(10).values.numpy(), rtol=1e-6)
    assert (event.cosine[10:] <= best[-1] + 1e-6).all()
    again = pairs_of(cosine, None, numbers, 10, seed=5)
    np.testing.assert_array_equal(again["left"], found["left"])  # nothing random but the step
    assert pairs_of(cosine[:1, :1], None, [3], 10, seed=0) == {}


def test_a_run_says_pairs_by_their_numbers_and_changes_nothing() -> None:
    words = full_vocabulary()
    document = edits.switch(tiny_clip(steps=4), "diagnostics", "similarity", on=True, knobs={"every": 2})
    objective = negatives_row.takers(document, words)[0]
    for block in ("negatives.queue", "negatives.mix"):
        document = negatives_row.insert(document, objective=objective, block=block, vocabulary=words)
    run = trainer(document)
    run.train()
    pairs = run.listener.of(Pairs)  # type: ignore[attr-defined]
    assert [event.at.step for event in pairs] == [1, 2, 4]
    known = set(run.feed.splits["train"])
    assert all(set(event.left.tolist()) | set(event.right.tolist()) <= known for event in pairs)
    said = {e.series for e in run.listener.of(Histogram) if e.series.count("/") == 3}  # type: ignore[attr-defined]
    assert f"similarity/{objective}/negative/mined" in said
    quiet = trainer(edits.switch(document, "diagnostics", "similarity", on=False))
    quiet.train()
    loud, silent = (dict(each.experiment.state_dict()) for each in (run, quiet))
    assert all(torch.equal(loud[name], silent[name]) for name in silent)


class Stands(SimpleNamespace):
    """The few names a diagnostic looks at, with both sides of one objective."""

    def __init__(self, left: torch.Tensor, right: torch.Tensor, step: int = 40) -> None:
        super().__init__(
            sides={"info_nce": (left, right)}, negatives={}, indices=list(range(len(left))),
            position=SimpleNamespace(step=step), figures={}, counts={}, warned=[],
        )  # fmt: skip

    def indices_of(self, objective: str) -> list[int]:
        return self.indices

    def at(self) -> At:
        return At(step=self.position.step, seconds=0.0)

    def say(self, event: Any) -> None:
        if isinstance(event, Scalars):
            self.figures.update({name.removeprefix("similarity/info_nce/"): v for name, v in event.values.items()})
        elif isinstance(event, Histogram):
            self.counts[event.series.removeprefix("similarity/info_nce/")] = event.counts

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def looked_at(self) -> Stands:
        diagnostic = Similarity(Similarity.Config(every=1))
        diagnostic.began(self)  # type: ignore[arg-type]
        diagnostic.step_ended(self)  # type: ignore[arg-type]
        return self


def test_of_random_unit_vectors_it_says_a_deviation_of_one_over_root_d_and_no_warning() -> None:
    seen = Stands(unit(600, 64), unit(600, 64, seed=1)).looked_at()
    assert seen.figures["negative std"] == pytest.approx(1 / 8, rel=0.02)
    assert seen.figures["negative mean"] == pytest.approx(0, abs=0.005)
    assert seen.figures["effective rank"] > 55
    assert int(seen.counts["negative"].sum()) == 600 * 599
    assert int(seen.counts["positive"].sum()) == 600
    low, high = (80 * (1 + edge) / 2 for edge in (-1 / 8, 1 / 8))  # within one deviation: about 68 %
    inside = seen.counts["negative"][int(low) : int(high)].sum() / (600 * 599)
    assert float(inside) == pytest.approx(0.68, abs=0.05)
    assert not seen.warned


@pytest.mark.parametrize("step", [5, 40])
def test_identical_vectors_are_a_collapse_to_rank_one_and_are_warned_of_after_the_beginning(step: int) -> None:
    same = unit(1, 64).expand(50, -1) * 3.0
    seen = Stands(same, same, step).looked_at()
    assert seen.figures["effective rank"] == pytest.approx(1.0, abs=1e-3)
    assert seen.figures["negative std"] == pytest.approx(0.0, abs=1e-6)
    assert seen.figures["uniformity"] == pytest.approx(0.0, abs=1e-5)
    assert seen.counts["negative"].nonzero()[0].tolist() == [79], "all in the last bar"
    assert [text.startswith("Collapse?") for text in seen.warned] == [True] * (step >= 20)


def test_a_shifted_side_is_said_as_a_gap() -> None:
    left = unit(400, 32)
    right = F.normalize(left + 0.5 * unit(1, 32, seed=3), dim=-1)
    seen = Stands(left, right).looked_at()
    assert seen.figures["modality gap"] == pytest.approx(float((left.mean(0) - right.mean(0)).norm()), abs=1e-6)
    assert seen.figures["modality gap"] > 0.3
    assert Stands(left, left).looked_at().figures["modality gap"] == 0
