"""The order of a sound's pieces: nothing is lost but when it was heard, padding stays behind, and a clip draws the same order again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data.media import Wave
from core.data.transforms.sound_order import HEARD, REVERSED, SHUFFLED, SILENT, SoundOrder

HERTZ = 1000


def heard(order: str, count: int = 10, real: int | None = None, seed: int = 0) -> list[float]:
    samples = torch.arange(1.0, count + 1)
    real = count if real is None else real
    samples[real:] = 0
    step = SoundOrder(SoundOrder.Config(order=order, piece_seconds=0.005))
    wave = Wave(samples_S=samples, real=real, hertz=HERTZ)
    made = step.apply({"waveform": wave}, np.random.default_rng(seed))["waveform"]
    assert (made.real, made.hertz, len(made.samples_S)) == (real, HERTZ, count)
    return [float(value) for value in made.samples_S]


def test_pieces_are_played_from_the_last_to_the_first_each_forwards() -> None:
    assert heard(HEARD) == list(range(1, 11))
    assert heard(REVERSED, 12) == [11, 12, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5]
    assert heard(SILENT) == [0] * 10


def test_a_shuffled_clip_has_the_same_pieces_and_every_order_is_drawn_alike() -> None:
    orders = [tuple(heard(SHUFFLED, 15, seed=seed)[::5]) for seed in range(600)]
    assert all(sorted(heard(SHUFFLED, 15, seed=seed)) == list(range(1, 16)) for seed in range(5))
    assert {orders.count(one) for one in orders} <= set(range(65, 140))  # six orders, a hundred each
    assert len(set(orders)) == 6
    assert heard(SHUFFLED, 40, seed=3) == heard(SHUFFLED, 40, seed=3)


@pytest.mark.parametrize("order", [SHUFFLED, REVERSED, SILENT])
def test_padding_stays_behind_and_a_clip_of_one_piece_or_none_stays(order: str) -> None:
    assert heard(order, 20, real=12)[12:] == [0] * 8
    if order != SILENT:
        assert sorted(heard(order, 20, real=12)[:12]) == list(range(1, 13))
        assert heard(order, 4) == [1, 2, 3, 4]
    assert heard(order, 0) == []
