"""Spans in time: labels and spans are inverse, losses have their closed forms, scores those of a perfect and a blind answer."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.localising import (
    Points,
    distance_iou,
    focal,
    found_and_true,
    interpolated_precision,
    labelled,
    overlap,
    spans_at,
    suppressed,
)  # fmt: skip
from core.blocks.objectives.localisation import Localisation, _filled, _points
from core.blocks.values import Grid, Segments, Tokens


def doubles(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def pyramid(frames: int = 64, step: float = 0.1, levels: int = 4) -> Points:
    centre = (torch.arange(frames, dtype=torch.float64)[None] + 0.5) * step
    some = [_points(centre, level, levels) for level in range(levels)]
    return Points(
        **{n: torch.cat([getattr(p, n) for p in some], -1) for n in ("centre_BP", "step_BP", "low_P", "high_P")}
    )


def segments(rows: list[tuple[float, float, int]]) -> Segments:
    return Segments(
        times_BN2=doubles([[start, end] for start, end, _ in rows])[None],
        class_BN=torch.tensor([[code for *_, code in rows]]),
    )


def test_spans_of_labels_are_the_segments() -> None:
    points, rows = pyramid(), [(0.31, 0.52, 2), (1.0, 2.7, 0), (3.05, 6.2, 1)]
    code_BP, away_BP2 = labelled(segments(rows), points)
    made = spans_at(points, away_BP2)[0]
    for start, end, code in rows:
        mine = code_BP[0] == code
        assert mine.any(), code
        torch.testing.assert_close(made[mine], doubles([[start, end]]).expand(int(mine.sum()), 2))


def test_long_segments_are_for_high_levels_and_short_ones_for_low() -> None:
    points = pyramid()
    steps = []
    for seconds in (0.3, 0.7, 1.5, 3.0, 6.0):
        code_BP, _ = labelled(segments([(0.2, 0.2 + seconds, 0)]), points)
        steps.append(float(points.step_BP[code_BP >= 0].mean()))
    assert all(shorter < longer for shorter, longer in itertools.pairwise(steps))
    assert (steps[0], steps[-1]) == (pytest.approx(0.1), pytest.approx(0.8))


def test_of_two_segments_the_shorter_has_the_point() -> None:
    code_BP, _ = labelled(segments([(0.5, 1.2, 0), (0.7, 1.0, 1)]), pyramid(levels=1))
    assert set(code_BP[0].tolist()) == {-1, 0, 1} or set(code_BP[0].tolist()) == {-1, 1}
    assert 1 in code_BP[0].tolist()


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    logit, truth = torch.randn(50, 4), torch.rand(50, 4) > 0.5
    plain = F.binary_cross_entropy_with_logits(logit, truth.float(), reduction="none")
    torch.testing.assert_close(focal(logit, truth, gamma=0.0, alpha=-1.0), plain)
    chance = torch.where(truth, logit.sigmoid(), 1 - logit.sigmoid())
    weight = torch.where(truth, 0.25, 0.75)
    torch.testing.assert_close(focal(logit, truth), -weight * (1 - chance) ** 2 * chance.log())


def test_distance_iou_is_nothing_where_spans_are_one() -> None:
    away = torch.rand(20, 2) + 0.1
    torch.testing.assert_close(distance_iou(away, away), torch.zeros(20))
    apart = distance_iou(doubles([[1.0, 1.0]]), doubles([[3.0, -1.0]]))  # [-1, 1] beside [-3, -1]
    torch.testing.assert_close(apart, doubles([[1 - 0 / 4 + (2 / 4) ** 2]])[0])


def test_overlap_against_a_count_of_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    ends = torch.randint(0, 40, (12, 2), generator=generator).sort(1).values
    ends[:, 1] += 1
    cells = [set(range(start, end)) for start, end in ends.tolist()]
    right = [[len(one & other) / len(one | other) for other in cells] for one in cells]
    torch.testing.assert_close(overlap(ends.double(), ends.double()), doubles(right))


def test_hard_suppression_is_the_loop_everyone_writes() -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.rand(60, generator=generator, dtype=torch.float64) * 10
    spans = torch.stack([start, start + 0.2 + 2 * torch.rand(60, generator=generator, dtype=torch.float64)], -1)
    scores = torch.rand(60, generator=generator, dtype=torch.float64)
    right: list[int] = []
    for place in scores.argsort(descending=True).tolist():
        if all(float(overlap(spans[place : place + 1], spans[k : k + 1])) <= 0.5 for k in right):
            right.append(place)
    places, kept = suppressed(spans, scores, sigma=0.0)
    assert places.tolist() == right
    torch.testing.assert_close(kept, scores[places])


def test_soft_suppression_lowers_by_overlap_and_drops_nothing() -> None:
    spans = doubles([[0.0, 1.0], [0.0, 1.0], [5.0, 6.0]])
    places, scores = suppressed(spans, doubles([[0.9, 0.8, 0.3]])[0], sigma=0.5)
    assert places.tolist() == [0, 2, 1]
    torch.testing.assert_close(
        scores, torch.tensor([0.9, 0.3, 0.8 * float(torch.tensor(-2.0).exp())], dtype=torch.float64)
    )


def precision_by_hand(scores: list[float], right: list[bool], there: int) -> float:
    order = sorted(range(len(scores)), key=lambda n: -scores[n])
    curve, hits = [], 0
    for rank, place in enumerate(order, 1):
        hits += right[place]
        curve.append((hits / there, hits / rank))
    total, before = 0.0, 0.0
    for recall, _ in curve:
        if recall > before:
            total += (recall - before) * max(p for r, p in curve if r >= recall)
            before = recall
    return total


def test_precision_is_the_area_by_hand() -> None:
    for right in itertools.product([False, True], repeat=5):
        scores = [0.9, 0.7, 0.6, 0.4, 0.2]
        made = interpolated_precision(doubles([scores])[0], torch.tensor(right), 6)
        assert made == pytest.approx(precision_by_hand(scores, list(right), 6)), right


def test_a_segment_is_found_once() -> None:
    made = [(doubles([[0.0, 1.0], [0.05, 1.0]]), doubles([[0.9, 0.8]])[0])]
    _, right, there = found_and_true(made, [doubles([[0.0, 1.0]])], 0.5)
    assert right.tolist() == [True, False]
    assert there == 1


def block_and(example: dict[str, object]) -> Localisation:
    torch.manual_seed(0)
    return Localisation(Localisation.Config(classes=5, levels=3, width=16), example)


def test_the_truth_has_mean_average_precision_one_and_the_whole_clip_what_it_deserves() -> None:
    example = Localisation.example()
    block = block_and(example)
    true = block.answers(**example)["true"]
    found = torch.stack([
        _filled(torch.stack([rows[:, 0], rows[:, 1], torch.ones(len(rows)), rows[:, 2]], 1)[rows[:, 2] >= 0], 32) for rows in true
    ])  # fmt: skip
    ends = doubles([[0.8, 1.6]])[0]
    scores = block.held_out_scores({"found": found, "true": true, "end": ends})
    assert [scores[f"mAP@{least}"] for least in (0.3, 0.5, 0.7)] == [1.0, 1.0, 1.0]
    assert scores["whole-clip mAP@0.3"] > scores["whole-clip mAP@0.7"]
    assert scores["whole-clip mAP@0.7"] == 0.0


def test_it_learns_where_a_pulse_is() -> None:
    """Clips of noise in which one of two channels rises for a while: found after a hundred steps, by a head alone."""
    generator = torch.Generator().manual_seed(0)

    def batch(count: int) -> dict[str, object]:
        x = 0.1 * torch.randn(count, 32, 2, generator=generator)
        times, codes = torch.zeros(count, 1, 2, dtype=torch.float64), torch.zeros(count, 1, dtype=torch.int64)
        for row in range(count):
            length = int(torch.randint(3, 14, (), generator=generator))
            start = int(torch.randint(0, 32 - length, (), generator=generator))
            code = int(torch.randint(0, 2, (), generator=generator))
            x[row, start : start + length, code] += 1
            times[row, 0], codes[row, 0] = doubles([[start * 0.1, (start + length) * 0.1]])[0], code
        edge = torch.arange(33, dtype=torch.float64) * 0.1
        spans = torch.stack([edge[:-1], edge[1:]], -1).expand(count, -1, -1)
        tokens = Tokens(x_BND=x, modality="video", grid=Grid(kind="times", sizes=(32,)), spans_BT2=spans)
        return {"tokens": tokens, "segments": Segments(times_BN2=times, class_BN=codes)}

    torch.manual_seed(0)
    block = Localisation(Localisation.Config(classes=2, levels=3, width=32), batch(2))
    optimiser = torch.optim.Adam(block.parameters(), 3e-3)
    for _ in range(120):
        optimiser.zero_grad()
        block(**batch(16))["loss"].backward()
        optimiser.step()
    with torch.no_grad():
        scores = block.eval().held_out_scores(block.answers(**batch(40)))
    assert scores["mAP@0.5"] > 0.9
    assert scores["whole-clip mAP@0.5"] < 0.1
