"""Where negatives came from, and the pairs a person may judge: counted on small batches by hand."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from core.blocks.values import Negatives
from core.graph import edits, negatives_row
from core.runs.vocabulary import full_vocabulary
from core.telemetry.events import ORIGINS, Histogram, Pairs
from core.telemetry.probes.similarity import MOST_CANDIDATES, by_origin, pairs_of
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
    document = edits.switch(tiny_clip(steps=4), "probes", "similarity", on=True, knobs={"every": 2})
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
    quiet = trainer(edits.switch(document, "probes", "similarity", on=False))
    quiet.train()
    loud, silent = (dict(each.experiment.state_dict()) for each in (run, quiet))
    assert all(torch.equal(loud[name], silent[name]) for name in silent)
