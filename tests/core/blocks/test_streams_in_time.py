"""A learned offset, cycles between streams, and attention that slides in time: planted offsets, closed forms, and a band by hand."""

from __future__ import annotations

import math

import pytest
import torch

from core.blocks.connectors.time_offset import TimeOffset
from core.blocks.fusion.sliding_in_time import SlidingInTime
from core.blocks.objectives.cycle_consistency import CycleConsistency, kendall
from core.blocks.values import Grid, Tokens

STEP = 0.1


def row(x_BTD: torch.Tensor, step: float = STEP, first: float = 0.0) -> Tokens:
    return Tokens(x_BND=x_BTD, grid=Grid(kind="times", sizes=(x_BTD.shape[1],), step=step, first=first))


def smooth(seed: int, count: int, late: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of sines at even times, and the same read so many seconds earlier: what happens at t is in the second at t + late."""
    generator = torch.Generator().manual_seed(seed)
    rate_D, phase_D = torch.rand(12, generator=generator) * 1.5 + 0.1, torch.rand(12, generator=generator)
    time_T1 = torch.arange(count)[:, None] * STEP
    made = [torch.sin(2 * math.pi * (rate_D * (time_T1 - shift) + phase_D)) for shift in (0.0, late)]
    return made[0][None], made[1][None]


@pytest.mark.parametrize("late", [-1.73, -0.6, 0.0, 0.41, 1.86])
def test_a_planted_offset_is_learned_within_a_frame_and_within_bounds(late: float) -> None:
    one, other = smooth(3, 100, late)
    block = TimeOffset(TimeOffset.Config(most=2.0, blur=1.0), {"tokens": row(other)}).train()
    optimizer = torch.optim.Adam(block.parameters(), 0.03)
    for step in range(150):
        block.set_progress(step / 150)
        made = block(row(other))["tokens"]
        off_BT = (
            (torch.nn.functional.normalize(made.x_BND, dim=-1) - torch.nn.functional.normalize(one, dim=-1))
            .square()
            .sum(-1)
        )
        optimizer.zero_grad()
        (torch.where(made.mask_BN, off_BT, 0.0).sum() / made.mask_BN.sum()).backward()
        optimizer.step()
    assert float(block.readings()["offset"]) == pytest.approx(late, abs=STEP)


def test_an_offset_never_leaves_its_bound_and_must_begin_within() -> None:
    x_BTD = torch.randn(1, 4, 3)
    block = TimeOffset(TimeOffset.Config(most=0.5), {"tokens": row(x_BTD)})
    for raw in (-50.0, 50.0):
        block.raw.data.fill_(raw)
        assert abs(block.offset.item()) <= 0.5
    with pytest.raises(ValueError, match="not between"):
        TimeOffset(TimeOffset.Config(most=0.5, start=0.5), {"tokens": row(x_BTD)})


def test_without_an_offset_a_smooth_stream_is_nearly_read_as_it_is() -> None:
    one, _ = smooth(0, 60, 0.0)
    block = TimeOffset(TimeOffset.Config(blur=0.0), {"tokens": row(one)}).eval()
    made = block(row(one))["tokens"]
    assert made.mask_BN is not None
    assert bool(made.mask_BN.all())
    torch.testing.assert_close(made.x_BND[:, 2:-2], one[:, 2:-2], atol=0.25, rtol=0)
    block.raw.data.fill_(math.atanh(1.0 / 2.0))
    assert block(row(one))["tokens"].mask_BN.sum() == 50  # the last second of it lies behind the stream's end


def as_is(block: CycleConsistency) -> CycleConsistency:
    for layer in block.maps.values():
        torch.nn.init.eye_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return block


def test_cycles_of_distinct_moments_come_back_whatever_the_other_streams_order() -> None:
    """One-hot moments, permuted: each has one partner, so the way back ends where it began; only order is lost."""
    order = torch.tensor([3, 0, 2, 1, 5, 4])
    one = torch.eye(6)[None]
    block = as_is(
        CycleConsistency(
            CycleConsistency.Config(width=6, temperature=0.01, spread=0.0), {"left": row(one), "right": row(one)}
        )
    )
    assert block(row(one), row(one[:, order]))["loss"].item() == pytest.approx(0.0, abs=1e-6)
    scores = [block.held_out_scores(block.answers(row(one), row(other))) for other in (one, one[:, order])]
    assert [each["cycles back"] for each in scores] == [1.0, 1.0]
    assert scores[0]["chance cycles back"] == pytest.approx((2 * 2 + 4 * 3) / 36)
    assert scores[0]["order kept"] == 1.0
    assert scores[1]["order kept"] < 0.5


def test_moments_that_are_all_alike_come_back_anywhere() -> None:
    """Then a cycle ends at the middle with the variance of an even choice: (n² - 1) / 12."""
    one = torch.ones(1, 5, 4)
    block = as_is(CycleConsistency(CycleConsistency.Config(width=4, spread=1.0), {"left": row(one), "right": row(one)}))
    wanted = 2.0 / 2.0 + math.log(2.0)  # mean squared way from the middle is 2, as is the variance
    assert block(row(one), row(one))["loss"].item() == pytest.approx(wanted, rel=1e-4)


def test_kendalls_tau_of_four_by_hand() -> None:
    real = torch.ones(2, 4, dtype=torch.bool)
    place = torch.tensor([[0, 1, 2, 3], [3, 1, 2, 0]])
    assert kendall(place, real).tolist() == pytest.approx([1.0, (1 - 5) / 6])


def test_what_lies_outside_the_window_of_time_is_not_seen() -> None:
    torch.manual_seed(0)
    film, sound = torch.randn(1, 12, 8), torch.randn(1, 24, 8)
    config = SlidingInTime.Config(window=2, heads=2, depth=1)
    block = SlidingInTime(config, {"tokens": row(film), "context": row(sound, STEP / 2)}).eval()
    before = block(row(film), row(sound, STEP / 2))["tokens"].x_BND
    later = sound.clone()
    later[:, 14] = torch.randn(8)  # at 0.7 s
    changed = (block(row(film), row(later, STEP / 2))["tokens"].x_BND - before).abs().amax(-1)[0] > 1e-6
    assert changed.nonzero()[:, 0].tolist() == [5, 6, 7, 8, 9]


def test_the_band_lies_along_time_where_the_context_begins_later() -> None:
    """Sound that begins half a second later than the film is met at its own time; before that there is nothing to look at."""
    torch.manual_seed(0)
    film, sound = torch.randn(1, 12, 8), torch.randn(1, 7, 8)
    block = SlidingInTime(
        SlidingInTime.Config(window=1, heads=2, depth=1), {"tokens": row(film), "context": row(sound)}
    ).eval()
    before = block(row(film), row(sound, first=0.5))["tokens"].x_BND
    louder = sound.clone()
    louder[:, 3] = torch.randn(8)  # at 0.8 s
    changed = (block(row(film), row(louder, first=0.5))["tokens"].x_BND - before).abs().amax(-1)[0] > 1e-6
    assert changed.nonzero()[:, 0].tolist() == [7, 8, 9]
