"""Offsets between sound and film: over lags against numpy's correlation, the path against Whisper's, planted offsets found."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers.models.whisper.generation_whisper import _dynamic_time_warping

from core.blocks.lags import Stream, alike_at, placed
from core.blocks.objectives.sync import Sync, offsets_of
from core.blocks.values import Grid, Tokens
from core.problems import Refused
from core.telemetry.warping import partners, warped

STEP = 0.1


def row(x_BTD: torch.Tensor, mask_BT: torch.Tensor | None = None, step: float = STEP) -> Tokens:
    """Even frames of a sound."""
    return Tokens(
        x_BND=x_BTD, mask_BN=mask_BT, modality="audio", grid=Grid(kind="times", sizes=(x_BTD.shape[1],), step=step)
    )


def late(x_BTD: torch.Tensor, frames: int) -> torch.Tensor:
    """The same so many frames later, zeros in front (or behind)."""
    made = torch.zeros_like(x_BTD)
    count = x_BTD.shape[1]
    if frames >= 0:
        made[:, frames:] = x_BTD[:, : count - frames]
    else:
        made[:, :frames] = x_BTD[:, -frames:]
    return made


def sync(x_BTD: torch.Tensor, **knobs: float) -> Sync:
    """One that compares both as they are."""
    block = Sync(Sync.Config(width=x_BTD.shape[-1], **knobs), {"video": row(x_BTD), "audio": row(x_BTD)})
    for layer in (block.see, block.hear):
        torch.nn.init.eye_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return block


def test_lags_are_numpys_correlation() -> None:
    torch.manual_seed(0)
    one_BTD, other_BTD = torch.randn(2, 3, 12, 4, dtype=torch.float64)
    lag_L = torch.arange(-6, 7, dtype=torch.float64) * STEP
    mean_BL, met_BL = alike_at(Stream.of(row(one_BTD)), Stream.of(row(other_BTD)), lag_L)
    for sample in range(3):
        full_L = sum(np.correlate(other_BTD[sample, :, d], one_BTD[sample, :, d], "full") for d in range(4))
        wanted_L = full_L[11 - 6 : 11 + 7] / (12 - np.abs(np.arange(-6, 7)))
        np.testing.assert_allclose(mean_BL[sample], wanted_L, rtol=1e-9, atol=1e-12)
    assert met_BL[0].tolist() == [12 - abs(lag) for lag in range(-6, 7)]


def test_a_stream_is_read_between_its_frames_and_not_outside_or_in_padding() -> None:
    x_BTD = torch.tensor([[[0.0], [2.0], [4.0], [9.0]]])
    stream = Stream.of(row(x_BTD, torch.tensor([[True, True, True, False]])))
    time_BN = torch.tensor([[0.05, 0.1, 0.175, 0.2, 0.24, -0.04, -0.06, 0.5]], dtype=torch.float64, requires_grad=True)
    where = placed(stream, time_BN)
    read_BN1 = where.read(stream.x_BTD)
    torch.testing.assert_close(read_BN1[0, :4, 0], torch.tensor([1.0, 2.0, 3.5, 4.0]))
    assert where.inside_BN.tolist() == [[True, True, True, True, False, True, False, False]]
    read_BN1.sum().backward()
    assert time_BN.grad is not None
    assert time_BN.grad[0, 0].item() == pytest.approx(20.0)  # two a tenth of a second


@pytest.mark.parametrize("frames", [-7, -1, 0, 4, 8])
def test_a_planted_offset_is_found_within_a_lag_step_and_said(frames: int) -> None:
    torch.manual_seed(1)
    film = torch.randn(4, 40, 8)
    block = sync(film, most=1.0, step=0.05)
    found_B, sure_B, frame_B = block.found(row(film), row(late(film, frames)))
    torch.testing.assert_close(found_B, torch.full((4,), frames * STEP, dtype=torch.float64), atol=0.03, rtol=0)
    assert (sure_B > 0.5).all()
    assert frame_B.tolist() == pytest.approx([STEP] * 4)


def test_without_an_event_nothing_is_said() -> None:
    """Neither where the sound is even, nor where there is none: every lag is as good, and chance is what is left."""
    film = torch.randn(2, 40, 8)
    block = sync(film, most=1.0)
    quiet = row(torch.zeros(2, 40, 8))
    absent = row(torch.full((2, 40, 8), math.nan), torch.zeros(2, 40, dtype=torch.bool))
    for sound in (quiet, absent):
        scores = block.held_out_scores(block.answers(row(film), sound, torch.tensor([0.3, -0.4])))
        assert scores["said"] == scores["recovered"] == 0
        assert scores["chance recovered"] == pytest.approx(0.1)
        assert math.isnan(scores["recovered of said"])
    assert torch.isfinite(block(row(film), absent)["loss"])


def test_an_offset_beyond_the_bound_is_not_said_to_be_the_bound() -> None:
    ramp = (
        torch.cumsum(torch.ones(1, 40, 1), 1).expand(-1, -1, 8) * 0.1
    )  # the later the louder: the last lag is always the best
    block = sync(ramp, most=0.5, step=0.1)
    found_B, sure_B, _ = block.found(row(torch.ones_like(ramp)), row(ramp))
    assert found_B.abs().item() == pytest.approx(0.5)
    assert sure_B.item() == 0


def test_the_loss_begins_at_the_logarithm_of_the_lags_and_learns_what_is_planted() -> None:
    torch.manual_seed(2)
    film = torch.randn(16, 40, 8)
    mixed = film @ torch.linalg.qr(torch.randn(8, 8))[0]
    frames = [int(n) for n in torch.randint(-8, 9, (16,))]
    sound = torch.cat([late(mixed[n : n + 1], f) for n, f in enumerate(frames)])
    offset_B = torch.tensor(frames) * STEP
    block = Sync(Sync.Config(width=8, most=1.0, step=STEP), {"video": row(film), "audio": row(sound)})
    with torch.no_grad():
        block.hear.weight.zero_()
        block.hear.bias.zero_()
    assert block(row(film), row(sound), offset_B)["loss"].item() == pytest.approx(math.log(21), abs=1e-4)
    torch.nn.init.normal_(block.hear.weight, std=0.3)
    optimizer = torch.optim.Adam(block.parameters(), 0.03)
    for _ in range(100):
        optimizer.zero_grad()
        block(row(film), row(sound), offset_B)["loss"].backward()
        optimizer.step()
    scores = block.held_out_scores(block.answers(row(film), row(sound), offset_B))
    assert scores["recovered"] == 1.0
    assert scores["seconds off"] < STEP / 2


def test_lags_wider_than_their_bound_are_refused() -> None:
    x_BTD = torch.randn(1, 4, 8)
    with pytest.raises(Refused, match="do not fit"):
        sync(x_BTD, most=0.1, step=1.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_path_is_whispers(seed: int) -> None:
    cost_TS = np.random.default_rng(seed).normal(size=(9, 14))
    rows, columns = _dynamic_time_warping(cost_TS.astype(np.float32))
    path_P2 = warped(cost_TS)
    assert cost_TS[path_P2[:, 0], path_P2[:, 1]].sum() == pytest.approx(cost_TS[rows, columns].sum(), rel=1e-5)
    assert path_P2.tolist() == np.stack([rows, columns], 1).tolist()


def test_a_path_stays_in_its_band_and_says_where_it_cannot() -> None:
    cost_TS = np.random.default_rng(0).normal(size=(20, 20))
    path_P2 = warped(cost_TS, band=3)
    assert np.abs(path_P2[:, 0] - path_P2[:, 1]).max() <= 3
    assert path_P2[0].tolist() == [0, 0]
    assert path_P2[-1].tolist() == [19, 19]
    with pytest.raises(ValueError, match="numbers"):
        warped(np.full((2, 2), np.nan))


def test_a_planted_drift_is_read_off_the_path() -> None:
    """What happens at t is heard at 1.15 t: the offset grows by 15 in a hundred, where one constant offset is wrong by half of that."""
    rng = np.random.default_rng(0)
    time_T = np.arange(60) * STEP
    film_TD = rng.normal(size=(60, 16))
    place_T = time_T / 1.15 / STEP
    low_T = np.floor(place_T).astype(int).clip(0, 58)
    sound_TD = film_TD[low_T] + (film_TD[low_T + 1] - film_TD[low_T]) * (place_T - low_T)[:, None]
    inside_T = time_T * 1.15 <= time_T[-1]
    off_T = np.abs(offsets_of(film_TD @ sound_TD.T / 16, time_T) - 0.15 * time_T)[inside_T]
    assert off_T.mean() < STEP
    assert np.abs(0.15 * time_T - 0.4)[inside_T].mean() > 1.5 * STEP


def test_one_partner_a_row() -> None:
    cost_TS = np.array([[0.0, 5.0, 1.0], [9.0, 9.0, 0.0]])
    assert partners(np.array([[0, 0], [0, 1], [0, 2], [1, 2]]), cost_TS).tolist() == [0, 2]
