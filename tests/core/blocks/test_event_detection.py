"""Events: frames and seconds and back, clips made of frames, scores as torchmetrics counts them, and what is marked."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_average_precision

from core.blocks.objectives.event_detection import ATTENTION, LINEAR, MAX, MEAN, EventDetection
from core.blocks.ranking_scores import average_precision, mean_average_precision
from core.blocks.times import When, frames_of, in_time, runs_of
from core.blocks.values import Grid, Segments, Tokens
from core.problems import Refused
from core.telemetry.spans import Span

GRID = Grid(kind="times", sizes=(10,), first=0.05, step=0.1)
WHEN = When.on(GRID, torch.device("cpu"))


def segments(*clips: list[tuple[float, float, int]]) -> Segments:
    most = max(1, *(len(clip) for clip in clips))
    times, codes = torch.zeros(len(clips), most, 2, dtype=torch.float64), torch.full((len(clips), most), -1)
    for row, clip in enumerate(clips):
        for place, (start, end, code) in enumerate(clip):
            times[row, place], codes[row, place] = torch.tensor([start, end]), code
    return Segments(times_BN2=times, class_BN=codes)


def tokens(x_BTD: Tensor, grid: Grid = GRID, mask: Tensor | None = None) -> Tokens:
    return Tokens(x_BND=x_BTD, mask_BN=mask, modality="audio", grid=grid)


def detector(incoming: Tokens, **knobs: Any) -> EventDetection:
    torch.manual_seed(0)
    return EventDetection(EventDetection.Config(**{"classes": 3, **knobs}), {"tokens": incoming})


def test_a_frame_is_of_the_spans_that_hold_its_centre() -> None:
    held = frames_of(segments([(0.1, 0.35, 0), (0.3, 0.9, 2)], []), WHEN, 3)
    assert held[0, :, 0].nonzero()[:, 0].tolist() == [1, 2]
    assert held[0, :, 2].nonzero()[:, 0].tolist() == [3, 4, 5, 6, 7, 8]
    assert not held[1].any()


@pytest.mark.parametrize("frames", [range(0, 3), range(4, 10), range(9, 10)])
def test_spans_that_end_between_frames_come_back_as_they_were(frames: range) -> None:
    span = WHEN.span(frames)
    active = frames_of(segments([(span.start, span.end, 1)]), WHEN, 3)[0, :, 1]
    assert runs_of(active) == [frames]
    assert span == Span(start=round(frames.start * 0.1, 9), end=round(frames.stop * 0.1, 9))


def test_cells_of_frequency_and_time_are_averaged_over_frequency_alone() -> None:
    grid = Grid(kind="bins", sizes=(2, 3), extra=1, first=0.1, step=0.2)
    x = torch.arange(7.0)[None, :, None]
    mask = torch.tensor([[True, True, True, False, True, True, False]])
    row = in_time(tokens(x, grid, mask))
    assert row.x_BND[0, :, 0].tolist() == [2.5, 3.5, 0.0]
    assert row.mask_BN is not None
    assert row.mask_BN.tolist() == [[True, True, False]]
    assert row.grid is not None
    torch.testing.assert_close(When.of(row).centre_BT, torch.tensor([[0.1, 0.3, 0.5]], dtype=torch.float64))


def test_tokens_without_seconds_are_refused() -> None:
    with pytest.raises(ValueError, match="no times"):
        detector(tokens(torch.randn(1, 4, 8), Grid(kind="words", sizes=(4,))))


def test_the_clip_is_the_largest_of_its_real_frames() -> None:
    mask = torch.ones(2, 10, dtype=torch.bool)
    mask[1, 4:] = False
    given = tokens(torch.randn(2, 10, 8), GRID, mask)
    frame, clip, _, _ = detector(given, pooling=MAX).said(given)
    torch.testing.assert_close(clip[0], frame[0].amax(0))
    torch.testing.assert_close(clip[1], frame[1, :4].amax(0))


@pytest.mark.parametrize("pooling", [MAX, MEAN, ATTENTION, LINEAR])
def test_a_pooled_probability_lies_between_those_of_its_frames(pooling: str) -> None:
    given = tokens(torch.randn(4, 10, 8))
    frame, clip, _, _ = detector(given, pooling=pooling).said(given)
    assert (clip >= frame.amin(1) - 1e-4).all()
    assert (clip <= frame.amax(1) + 1e-4).all()
    if pooling == MEAN:
        torch.testing.assert_close(clip.sigmoid(), frame.sigmoid().mean(1))
    if pooling == LINEAR:
        p = frame.sigmoid()
        torch.testing.assert_close(clip.sigmoid(), p.square().sum(1) / p.sum(1))


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_is_torchmetrics(ties: bool) -> None:
    torch.manual_seed(1)
    for count in (5, 40, 200):
        score = torch.randint(4, (count,)) / 3 if ties else torch.rand(count)
        truth = torch.rand(count) < 0.3
        truth[0] = True
        assert average_precision(score, truth) == pytest.approx(
            float(binary_average_precision(score, truth.int())), abs=1e-6
        )


def test_scores_without_sense_get_chance_and_classes_that_do_not_occur_are_left_out() -> None:
    truth = torch.zeros(400, 3, dtype=torch.bool)
    truth[:100, 0] = truth[200:, 2] = True
    flat = mean_average_precision(torch.zeros(400, 3), truth)
    assert flat == (pytest.approx(0.375), pytest.approx(0.375))
    assert mean_average_precision(truth.float(), truth)[0] == 1.0
    assert average_precision(torch.tensor([float("nan"), 0.1]), torch.tensor([True, False])) == 0.5


def planted(seed: int, clips: int = 24) -> tuple[Tokens, Segments]:
    """Each clip has one event of one class; its frames carry the class in one number, beside noise."""
    generator = torch.Generator().manual_seed(seed)
    x, rows = 0.3 * torch.randn(clips, 10, 8, generator=generator), []
    for clip in range(clips):
        code, start = clip % 3, int(torch.randint(7, (), generator=generator))
        x[clip, start : start + 3, code] += 2.0
        rows.append([(start * 0.1, (start + 3) * 0.1, code)])
    return tokens(x), segments(*rows)


@pytest.mark.parametrize("pooling", [MAX, ATTENTION])
def test_clips_alone_teach_where_an_event_is(pooling: str) -> None:
    """Only clips are told their classes; frames of unseen ones are then ranked far above chance."""
    given, truth = planted(0, clips=96)
    module = detector(given, pooling=pooling, frame_weight=0.0)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        module(given, truth)["loss"].backward()
        optimiser.step()
    scores = module.eval().held_out_scores(module.answers(*planted(1)))
    assert scores["accuracy"] > 0.9
    assert scores["mAP"] > 0.95
    assert scores["frame mAP"] > 0.9
    assert scores["chance frame mAP"] == pytest.approx(0.1, abs=0.01)


def test_one_event_is_marked_where_it_is() -> None:
    given, truth = planted(0)
    module = detector(given, classes=3)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        module(given, truth)["loss"].backward()
        optimiser.step()
    with torch.no_grad():
        found = module.eval().marked(*planted(2, clips=6))
    for heard, true in zip(found[""], found["true"]):
        assert [one.code for one in heard] == [one.code for one in true]
        assert heard[0].span.start == pytest.approx(true[0].span.start)
        assert heard[0].span.end == pytest.approx(true[0].span.end)
        assert 0.5 <= heard[0].score <= 1.0


def test_it_begins_with_one_class_in_ten_and_not_with_a_coin() -> None:
    given = tokens(torch.randn(64, 10, 8))
    module = detector(given, classes=10)
    truth = segments(*[[(0.0, 1.0, clip % 10)] for clip in range(64)])
    chance = 0.1
    entropy = -chance * math.log(chance) - (1 - chance) * math.log(1 - chance)
    assert float(module(given, truth)["loss"].detach()) == pytest.approx(2 * entropy, abs=0.02)


def test_a_class_too_many_is_refused_in_words() -> None:
    given, _ = planted(0, clips=3)
    with pytest.raises(Refused, match="number 4; this block knows 3"):
        detector(given)(given, segments([(0.0, 0.1, 3)], [], []))


def test_frames_of_videos_lie_where_they_were_shown() -> None:
    """Two videos of other rates in one batch; four cells a frame behind a leading token."""
    spans = torch.tensor(
        [[[0.0, 0.1], [0.1, 0.3], [0.3, 0.4]], [[0.0, 0.5], [0.5, 1.0], [1.0, 1.5]]], dtype=torch.float64
    )
    x = torch.arange(2 * 13 * 2, dtype=torch.float32).view(2, 13, 2)
    grid = Grid(kind="frames", sizes=(3, 2, 2), extra=1)
    row = in_time(Tokens(x_BND=x, modality="video", grid=grid, spans_BT2=spans))
    assert row.x_BND.shape == (2, 3, 2)
    torch.testing.assert_close(row.x_BND[0, 1], x[0, 5:9].mean(0))
    when = When.of(row)
    assert when.span(range(1, 3)) == Span(start=0.1, end=0.4)
    assert when.span(range(1, 3), sample=1) == Span(start=0.5, end=1.5)
    held = frames_of(segments([(0.15, 0.4, 0)], [(0.15, 0.8, 0)]), when, 1)[..., 0]
    assert held.tolist() == [[False, True, True], [True, True, False]]


def test_frames_with_one_class_have_an_accuracy_and_those_with_several_none() -> None:
    """Five frames of class 0 and two of class 2, three of none; said is class 0 everywhere, but class 2 in one of its two."""
    frames = tokens(torch.randn(1, 10, 16))
    block = detector(frames)
    answers = block.answers(frames, segments([(0.0, 0.5, 0), (0.5, 0.7, 2)]))
    answers["frame"] = torch.tensor([[1.0, -1.0, 0.0]]).repeat(10, 1)
    answers["frame"][5, 2] = 2.0
    found = block.held_out_scores(answers)
    assert (found["frame accuracy"], found["chance frame accuracy"]) == pytest.approx((6 / 7, 5 / 7))
    crowded = block.held_out_scores(block.answers(frames, segments([(0.0, 0.5, 0), (0.2, 0.7, 2)])))
    assert "frame accuracy" not in crowded
