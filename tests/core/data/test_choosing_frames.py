"""Which frames are looked at, against closed forms: equal parts, every frame reachable, gaps kept, cuts and fades found."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.films.choosing import (
    Shown,
    apart,
    around_keys,
    by_motion,
    histogram,
    in_segments,
    in_stretches,
    key_frames,
    motion,
)  # fmt: skip
from core.telemetry.spans import Span


def film(frames: int, rate: float = 10.0) -> Shown:
    return Shown(starts_T=np.arange(frames) / rate, end=frames / rate)


def uneven(gaps: list[float]) -> Shown:
    edges = np.cumsum([0.0, *gaps])
    return Shown(starts_T=edges[:-1], end=float(edges[-1]))


FILMS = st.lists(st.floats(0.01, 3.0), min_size=1, max_size=60).map(uneven)


def test_fifteen_frames_in_eight_parts_reach_the_end() -> None:
    """The chapter's whole division never gets past frame 7."""
    assert in_segments(film(15), 8).tolist() == [0, 2, 4, 6, 8, 10, 12, 14]


def test_fewer_frames_than_parts_are_shown_several_times() -> None:
    """The chapter divides by zero."""
    assert in_segments(film(3), 8).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]


def test_time_is_divided_and_not_the_number_of_frames() -> None:
    """Ten frames in the first second, then one that stands for nine."""
    shown = uneven([0.1] * 10 + [9.0])
    assert in_segments(shown, 4).tolist() == [10, 10, 10, 10]
    assert in_segments(shown, 20).tolist()[:2] == [2, 7]


def test_with_full_jitter_every_frame_is_met() -> None:
    shown, generator = film(15), np.random.default_rng(0)
    met = {place for _ in range(300) for place in in_segments(shown, 8, 1.0, generator).tolist()}
    assert met == set(range(15))


@settings(max_examples=60, deadline=None)
@given(shown=FILMS, count=st.integers(1, 40), jitter=st.floats(0, 1), seed=st.integers(0, 9))
def test_frames_never_go_backwards_nor_leave_the_film(shown: Shown, count: int, jitter: float, seed: int) -> None:
    places = in_segments(shown, count, jitter, np.random.default_rng(seed))
    assert len(places) == count
    assert (np.diff(places) >= 0).all()
    assert places.min() >= 0
    assert places.max() < len(shown.starts_T)


def test_stretches_have_one_stride() -> None:
    assert in_stretches(film(100), 8, step_seconds=0.4).tolist() == [36, 40, 44, 48, 52, 56, 60, 64]
    begun = {in_stretches(film(100), 8, step_seconds=0.4, generator=np.random.default_rng(s))[0] for s in range(200)}
    assert min(begun) < 5
    assert max(begun) > 65
    for seed in range(20):
        places = in_stretches(film(100), 8, step_seconds=0.4, generator=np.random.default_rng(seed))
        assert set(np.diff(places)) == {4}


def test_behind_a_short_film_its_last_frame_stands() -> None:
    assert in_stretches(film(4), 6, step_seconds=0.1).tolist() == [0, 1, 2, 3, 3, 3]


def test_several_stretches_lie_one_in_each_part() -> None:
    places = in_stretches(film(100), 8, step_seconds=0.1, stretches=4).reshape(4, 2)
    assert (places // 25).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    with pytest.raises(ValueError, match="8 frames cannot be shared out equally over 3"):
        in_stretches(film(100), 8, step_seconds=0.1, stretches=3)


def test_even_motion_gives_equal_parts() -> None:
    for still in (np.ones(60), np.zeros(60)):
        assert by_motion(film(60), 8, still).tolist() == in_segments(film(60), 8).tolist()


def test_frames_gather_where_something_moves() -> None:
    moving = np.where(np.arange(100) // 10 == 4, 1.0, 0.0)
    places = by_motion(film(100), 10, moving, floor=0.1)
    assert ((places >= 40) & (places < 50)).sum() >= 8


def test_thirty_two_of_ten_minutes_are_half_a_second_apart() -> None:
    """All motion in three seconds of ten minutes: without the gap most frames would lie there."""
    shown = film(15_000, 25.0)
    moving = np.zeros(15_000)
    moving[5_000:5_075] = 1.0
    crowded, kept = by_motion(shown, 32, moving), by_motion(shown, 32, moving, least_gap=0.5)
    assert np.diff(shown.starts_T[crowded]).min() < 0.2
    assert np.diff(shown.starts_T[kept]).min() >= 0.5 - 1e-6
    assert len(set(kept.tolist())) == 32


@settings(max_examples=80, deadline=None)
@given(shown=FILMS, count=st.integers(1, 12), gap=st.floats(0.01, 1.0), seed=st.integers(0, 9))
def test_gaps_are_kept_wherever_they_can_be(shown: Shown, count: int, gap: float, seed: int) -> None:
    times = np.sort(np.random.default_rng(seed).uniform(shown.begin, shown.end, count))
    packed, last = 1, shown.starts_T[0]  # as many as fit when each is taken as early as it can be
    for start in shown.starts_T[1:]:
        if start >= last + gap - 1e-6:
            packed, last = packed + 1, start
    if packed < count:
        with pytest.raises(ValueError, match="do not fit"):
            apart(shown, times, gap)
        return
    places = apart(shown, times, gap)
    assert (np.diff(shown.starts_T[places]) >= gap - 2e-6).all()


def test_times_that_are_far_apart_stay() -> None:
    assert apart(film(100), np.array([1.0, 4.0, 9.0]), 0.5).tolist() == [10, 40, 90]


def picture(*levels: int) -> np.ndarray:
    return np.stack([np.full((8, 8), level, np.uint8) for level in levels], -1)


def test_cuts_are_found_where_they_are() -> None:
    frames = [picture(20, 20, 20)] * 7 + [picture(200, 40, 40)] * 9 + [picture(20, 220, 100)] * 4
    looks = np.stack([histogram(frame) for frame in frames])
    assert key_frames(looks, 0.3).tolist() == [0, 7, 16]


def test_a_slow_fade_is_found() -> None:
    """A white band grows by a hundredth of the picture a frame: no two neighbours differ by more."""
    frames = []
    for row in range(100):
        frame = np.zeros((100, 10, 3), np.uint8)
        frame[:row] = 255
        frames.append(frame)
    looks = np.stack([histogram(frame) for frame in frames])
    neighbours = max(float(np.abs(a - b).sum() / 2) for a, b in pairwise(looks))
    assert neighbours < 0.011
    assert key_frames(looks, 0.305).tolist() == [0, 31, 62, 93]


def test_key_frames_become_as_many_as_are_asked_for() -> None:
    assert around_keys(film(100), np.array([0, 20, 30, 70, 90]), 3).tolist() == [0, 30, 90]
    assert around_keys(film(100), np.array([0, 60]), 4).tolist() == [0, 30, 60, 80]
    assert around_keys(film(100), np.array([0]), 1).tolist() == [0]


def test_motion_is_the_mean_change_of_grey() -> None:
    frames = np.stack([picture(0, 0, 0), picture(30, 30, 30), picture(30, 30, 90)])
    assert motion(frames).tolist() == [30.0, 30.0, 20.0]


def test_a_span_of_a_film_is_what_is_shown_in_it() -> None:
    part = film(100).within(Span(start=2.05, end=4.0))
    assert part.starts_T.tolist() == pytest.approx([place / 10 for place in range(20, 40)])
    assert part.end == 4.0
    with pytest.raises(ValueError, match="nothing is shown from 11 to 12 s; the video runs from 0 to 10 s"):
        film(100).within(Span(start=11.0, end=12.0))
