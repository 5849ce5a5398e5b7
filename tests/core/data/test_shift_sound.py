"""Sound moved by a known time: to the sample, there and back, seeded; and sounds of made films at the times of their motion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data.media import Wave
from core.data.sources.emoji_videos import EmojiVideos
from core.data.transforms.shift_sound import ShiftSound, moved
from core.telemetry.spans import Span

HERTZ = 1000


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_what_leaves_at_one_end_comes_in_at_the_other_or_is_silence() -> None:
    sound_S = torch.arange(1.0, 11)
    assert moved(sound_S, HERTZ, 0.003, 0.0, is_round=True).tolist() == [8, 9, 10, 1, 2, 3, 4, 5, 6, 7]
    assert moved(sound_S, HERTZ, -0.003, 0.0, is_round=False).tolist() == [4, 5, 6, 7, 8, 9, 10, 0, 0, 0]
    back_S = moved(moved(sound_S, HERTZ, 0.004, 0.0, is_round=True), HERTZ, -0.004, 0.0, is_round=True)
    assert torch.equal(back_S, sound_S)
    assert moved(torch.zeros(0), HERTZ, 1.0, 0.0, is_round=True).numel() == 0


def test_a_drift_delays_what_comes_later_by_more() -> None:
    sound_S = torch.zeros(1000)
    sound_S[[100, 500]] = 1.0
    heard_S = moved(sound_S, HERTZ, 0.05, 0.1, is_round=False)
    assert [round((place + 50) / 0.9) for place in (100, 500)] == [167, 611]
    assert all(heard_S[place - 1 : place + 2].sum() > 0.5 for place in (167, 611))


def test_an_offset_is_drawn_from_the_samples_own_numbers_and_told() -> None:
    step = ShiftSound(ShiftSound.Config(most=0.2))
    wave = Wave.of(torch.randn(1000), HERTZ)
    one, same, other = (step.apply({"waveform": wave}, generator(seed)) for seed in (1, 1, 2))
    assert one["offset"] == same["offset"] != other["offset"]
    assert torch.equal(one["waveform"].samples_S, same["waveform"].samples_S)
    drawn = [step.apply({"waveform": wave}, generator(seed))["offset"] for seed in range(200)]
    assert -0.2 <= min(drawn) < -0.18
    assert 0.18 < max(drawn) <= 0.2
    lag = round(one["offset"] * HERTZ)
    assert torch.equal(one["waveform"].samples_S, wave.samples_S.roll(lag))
    span = Span(start=0.4, end=0.5)
    moved_span = step.times({"waveform": wave}, generator(1)).forward(span)
    assert moved_span is not None
    assert moved_span.start == pytest.approx(0.4 + lag / HERTZ)


def test_padding_stays_behind_a_sound() -> None:
    wave = Wave(samples_S=torch.cat([torch.ones(500), torch.zeros(300)]), real=500, hertz=HERTZ)
    made = ShiftSound(ShiftSound.Config(most=0.2)).apply({"waveform": wave}, generator())["waveform"]
    assert made.real == 500
    assert torch.equal(made.samples_S, wave.samples_S)


def test_what_is_done_is_heard_when_it_is_done_and_silence_is_told() -> None:
    source = EmojiVideos(EmojiVideos.Config(actions=2, silent=0.5, hertz=8000))
    loud, quiet = (next(n for n in range(40) if source.is_silent(n) is silent) for silent in (False, True))
    given = source.part(loud, ("waveform", "segments"))
    sound_S, spans = given["waveform"].samples_S, given["segments"].spans
    inside_S = torch.zeros(len(sound_S), dtype=torch.bool)
    for span in spans:
        inside_S[span.samples(8000).start : span.samples(8000).stop + 800] = True
    assert sound_S[inside_S].square().mean() > 50 * sound_S[~inside_S].square().mean()
    middle = sum(spans[0].samples(8000)[:: len(spans[0].samples(8000)) - 1]) // 2
    start = spans[0].samples(8000).start
    assert sound_S[middle - 100 : middle + 100].std() > 3 * sound_S[start + 300 : start + 400].std() > 0
    assert source.part(quiet, ("waveform",))["waveform"].samples_S.abs().max() < 0.1
    assert torch.equal(sound_S, EmojiVideos(source.config).part(loud, ("waveform",))["waveform"].samples_S)


def test_sound_changes_no_fingerprint_of_what_was_before() -> None:
    """As version 1 of the source called them."""
    found = [EmojiVideos(EmojiVideos.Config(**knobs)).fingerprint() for knobs in ({}, {"seconds": 6.0, "actions": 3})]
    assert found == ["c4757d8035537aeb", "fe82a968b8ca8725"]
    assert len({EmojiVideos(EmojiVideos.Config(silent=share)).fingerprint() for share in (0.0, 0.1, 0.2)}) == 3
