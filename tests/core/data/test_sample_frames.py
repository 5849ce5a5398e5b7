"""Frames of films whose truth is known: the right ones, drawn in training only, decoded once, and said where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data.films import looking
from core.data.films.footage import FilmFile
from core.data.media import Film
from core.data.transforms.frame_order import FrameOrder
from core.data.transforms.sample_frames import SampleFrames
from core.problems import Refused
from core.telemetry.spans import Span
from tests.core.data.films import film, numbers


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> FilmFile:
    """Sixty frames at 25 a second, each showing its number."""
    file = tmp_path_factory.mktemp("films") / "numbers.mp4"
    film(file, range(60), g="15")
    return FilmFile(file=file, name=file.name)


def sampler(**knobs: Any) -> SampleFrames:
    return SampleFrames(SampleFrames.Config(**{"size": 192, "shape": "stretch", **knobs}))


def seen(step: SampleFrames, clip: FilmFile, seed: int | None = None) -> list[int]:
    run = step.evaluated if seed is None else step.apply
    return numbers(run({"clip": clip}, np.random.default_rng(seed or 0))["video"].frames_TCHW)


def test_the_frames_are_those_whose_times_are_told(clip: FilmFile) -> None:
    made: Film = sampler(frames=6).evaluated({"clip": clip}, np.random.default_rng(0))["video"]
    assert numbers(made.frames_TCHW) == [5, 15, 25, 35, 45, 55]
    assert made.starts == pytest.approx([number / 25 for number in (5, 15, 25, 35, 45, 55)])
    assert made.durations == pytest.approx([0.04] * 6)


def test_a_part_of_a_film_is_a_film(clip: FilmFile) -> None:
    part = FilmFile(file=clip.file, name=clip.name, part=Span(start=1.0, end=2.0))
    assert seen(sampler(frames=5), part) == [27, 32, 37, 42, 47]
    with pytest.raises(Refused, match=r"numbers\.mp4: nothing is shown from 7 to 8 s; the video runs from 0 to 2\.4 s"):
        seen(sampler(), FilmFile(file=clip.file, name=clip.name, part=Span(start=7.0, end=8.0)))


def test_what_is_drawn_is_drawn_in_training_only(clip: FilmFile) -> None:
    step = sampler(frames=6, jitter=1.0)
    drawn = [seen(step, clip, seed) for seed in range(1, 30)]
    assert len({tuple(row) for row in drawn}) > 20
    assert all(place // 10 == part for row in drawn for part, place in enumerate(row))
    assert seen(step, clip) == [5, 15, 25, 35, 45, 55]


def test_stretches_are_drawn_and_sped_up_in_training_only(clip: FilmFile) -> None:
    step = sampler(frames=4, way="stretches", step=0.12, speed=2.0)
    assert seen(step, clip) == [25, 28, 31, 34]
    strides = {np.diff(seen(step, clip, seed))[0] for seed in range(1, 40)}
    assert min(strides) < 3 < max(strides)
    assert max(strides) <= 6


def test_a_short_film_is_decoded_once(clip: FilmFile, monkeypatch: pytest.MonkeyPatch) -> None:
    step = sampler(frames=6, jitter=1.0)
    seen(step, clip, 1)
    monkeypatch.setattr(FilmFile, "frames", lambda *_: pytest.fail("decoded again"))
    assert len(seen(step, clip, 2)) == 6


def test_key_frames_and_motion_are_looked_for_in_chunks(
    tmp_path: Path, clip: FilmFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers whose bits change: every chunk but the first is compared with the last frame of the one before."""
    whole = looking.look_over(clip, 25.0)
    monkeypatch.setattr(looking, "CHUNK", 7)
    looking.look_over.cache_clear()
    parts = looking.look_over(clip, 25.0)
    np.testing.assert_allclose(parts.motion_L, whole.motion_L)
    np.testing.assert_allclose(parts.histograms_LH, whole.histograms_LH)
    assert len(whole.times_L) == 60
    keys = seen(sampler(frames=4, way="key frames", looks=25.0, threshold=0.2), clip)
    assert keys[0] == 0
    assert keys == sorted(keys)


def test_motion_keeps_its_gap_or_says_why_not(clip: FilmFile) -> None:
    made = sampler(frames=6, way="motion", least_gap=0.3).evaluated({"clip": clip}, np.random.default_rng(0))["video"]
    assert np.diff(made.starts).min() >= 0.3 - 1e-6
    with pytest.raises(Refused, match=r"numbers\.mp4: 6 frames that are 1 s apart do not fit into 2\.40 s"):
        seen(sampler(frames=6, way="motion", least_gap=1.0), clip)


def test_an_unequal_share_is_said_before_anything_is_read() -> None:
    with pytest.raises(Refused, match="10 frames cannot be shared out equally over 4 stretches"):
        sampler(frames=10, way="stretches", stretches=4)


@pytest.mark.parametrize(
    ("order", "right"), [("as shown", [5, 15, 25, 35]), ("reversed", [35, 25, 15, 5]), ("one frame", [25] * 4)]
)
def test_orders_of_frames(clip: FilmFile, order: str, right: list[int]) -> None:
    shown = sampler(frames=6).evaluated({"clip": clip}, np.random.default_rng(0))["video"]
    some = Film(frames_TCHW=shown.frames_TCHW[:4], starts=shown.starts[:4], durations=shown.durations[:4])
    made = FrameOrder(FrameOrder.Config(order=order)).apply({"video": some}, np.random.default_rng(0))["video"]
    assert numbers(made.frames_TCHW) == right
    assert made.starts == some.starts


def test_a_shuffled_film_has_the_same_frames(clip: FilmFile) -> None:
    shown = sampler(frames=12).evaluated({"clip": clip}, np.random.default_rng(0))["video"]
    made = FrameOrder(FrameOrder.Config(order="shuffled")).apply({"video": shown}, np.random.default_rng(3))["video"]
    assert numbers(made.frames_TCHW) != numbers(shown.frames_TCHW)
    assert sorted(numbers(made.frames_TCHW)) == numbers(shown.frames_TCHW)


def test_changes_show_how_much_and_nothing_else() -> None:
    frames = torch.zeros(3, 3, 4, 4, dtype=torch.uint8)
    frames[1] = 10  # all of it by 10
    frames[2] = 10
    frames[2, :, :2] = 30  # half of it by 20
    film = Film(frames_TCHW=frames, starts=(0.0, 0.1, 0.2), durations=(0.1,) * 3)
    made = FrameOrder(FrameOrder.Config(order="changes")).apply({"video": film}, np.random.default_rng(0))
    assert made["video"].frames_TCHW.dtype == torch.uint8
    assert [sorted(set(frame.flatten().tolist())) for frame in made["video"].frames_TCHW] == [[0], [80], [80]]


@pytest.mark.parametrize("order", ["shown or shuffled", "shown or reversed"])
def test_whether_the_order_was_changed_is_told(clip: FilmFile, order: str) -> None:
    shown = sampler(frames=12).evaluated({"clip": clip}, np.random.default_rng(0))["video"]
    step, changed = FrameOrder(FrameOrder.Config(order=order)), 0
    for seed in range(40):
        made = step.apply({"video": shown}, np.random.default_rng(seed))
        is_changed = numbers(made["video"].frames_TCHW) != numbers(shown.frames_TCHW)
        assert made["changed"].tolist() == [int(is_changed)]
        changed += is_changed
    assert 10 <= changed <= 30  # outside once in 900 for a fair coin; these seeds are always the same


def looked_at(step: SampleFrames, clip: FilmFile, look: int) -> list[int]:
    made: Film = step.seen_again({"clip": clip}, np.random.default_rng(look), look)["video"]
    return numbers(made.frames_TCHW)


def test_further_looks_are_slower_and_faster_by_the_speed_change(clip: FilmFile) -> None:
    """Of stretches; how long they last differs by that very ratio, and every look is the same at every evaluation."""
    step = sampler(frames=4, way="stretches", step=0.16, speed=2.0)
    assert seen(step, clip) == [24, 28, 32, 36]
    lasting = {look: np.ptp(looked_at(step, clip, look)) for look in (1, 2)}
    assert lasting == {1: 6, 2: 24}  # frames: half as long, and twice
    assert looked_at(step, clip, 3) == looked_at(step, clip, 3)
    assert 6 < np.ptp(looked_at(step, clip, 3)) < 12 < np.ptp(looked_at(step, clip, 4)) < 24


def test_further_looks_at_equal_parts_are_drawn_in_each(clip: FilmFile) -> None:
    step = sampler(frames=6, jitter=1.0)
    rows = [looked_at(step, clip, look) for look in range(1, 9)]
    assert len({tuple(row) for row in rows}) > 4
    assert all(place // 10 == part for row in rows for part, place in enumerate(row))
    assert looked_at(sampler(frames=6), clip, 1) == [5, 15, 25, 35, 45, 55]


def test_no_other_frame_stands_in_for_a_damaged_one(tmp_path: Path) -> None:
    film(tmp_path / "hurt.mp4", range(60), g="20", bf="3")
    data = bytearray((tmp_path / "hurt.mp4").read_bytes())
    data[len(data) // 3 : len(data) // 3 + 800] = bytes(800)
    (tmp_path / "hurt.mp4").write_bytes(data)
    hurt = FilmFile(file=tmp_path / "hurt.mp4", name="hurt.mp4")
    with pytest.raises(Refused, match=r"hurt.mp4: \d+ of 60 frames cannot be decoded"):
        hurt.frames(hurt.shown().starts_T, 192, "stretch")
    assert numbers(hurt.frames(hurt.shown().starts_T[:5], 192, "stretch")) == list(range(5)), "what is whole is read"
