"""Time is counted in one place: conversions are inverse where they can be, neighbours stay neighbours, sums do not drift."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.telemetry.spans import (
    Span,
    Times,
    durations_of,
    frame_at,
    half_up,
    hop_at,
    hops_in,
    sample_of_hop,
    samples_in,
    seconds_of,
    sum_of,
)

RATES = st.one_of(
    st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 192_000]), st.integers(8_000, 192_000)
)
HOPS = st.integers(1, 4096)
COUNTS = st.integers(0, 192_000 * 3600)


@pytest.mark.parametrize(
    ("number", "whole"),
    [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, 0), (-1.5, -1), (0.49999999999999994, 0), (2**53 + 1, 2**53 + 1), (Fraction(5, 2), 3)],
)  # fmt: skip
def test_halves_go_up(number: float, whole: int) -> None:
    assert half_up(number) == whole


def test_a_time_is_the_number_that_is_written() -> None:
    assert Fraction(1.0005) < Fraction(10005, 10000)  # the binary number lies below
    assert samples_in(0.0005, 1000) == 1
    assert samples_in(1.0005, 1000) == 1001
    assert round(1.0005 * 1000) == 1000  # what rounding to even would give
    with pytest.raises(ValueError, match="finite"):
        samples_in(float("nan"), 16_000)


@given(COUNTS, RATES)
def test_samples_come_back(count: int, hertz: int) -> None:
    assert samples_in(seconds_of(count, hertz), hertz) == count


@given(st.integers(0, 10**7), HOPS)
def test_hops_come_back(frame: int, hop: int) -> None:
    assert hop_at(sample_of_hop(frame, hop), hop) == frame
    sample = sample_of_hop(frame, hop) + (hop - 1) // 2
    assert hop_at(sample, hop) == frame  # less than half a hop is nearer to this one


@given(st.lists(st.integers(1, 192_000), min_size=1, max_size=50), RATES)
def test_neighbours_stay_neighbours(lengths: list[int], hertz: int) -> None:
    edges = [Fraction(sum(lengths[:place]), 192_000) for place in range(len(lengths) + 1)]
    spans = [Span(start=float(a), end=float(b)) for a, b in pairwise(edges)]
    told = [sample for span in spans for sample in (span.samples(hertz).start, span.samples(hertz).stop)]
    assert told[1:-1:2] == told[2::2]
    assert sum(len(span.samples(hertz)) for span in spans) == told[-1] - told[0]


@given(st.integers(0, 10**6), st.integers(0, 10**6), RATES, HOPS)
def test_spans_come_back_from_samples_and_hops(first: int, count: int, hertz: int, hop: int) -> None:
    samples = range(first, first + count)
    assert Span.of_samples(samples, hertz).samples(hertz) == samples
    frames = range(first // 100, (first + count) // 100)
    assert Span.of_hops(frames, hertz, hop).hops(hertz, hop) == frames


@given(st.integers(1, 10**6), HOPS)
def test_hops_of_all_samples_are_all_frames(count: int, hop: int) -> None:
    whole = Span.of_samples(range(count), 16_000)
    assert len(whole.hops(16_000, hop)) in (hops_in(count, hop), hops_in(count, hop) - (count % hop == 0))
    assert hops_in(0, hop) == 0


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=40), st.data())
def test_frames_that_last_unevenly(lasting: list[int], data: st.DataObject) -> None:
    edges = [sum(lasting[:place]) / 1000 for place in range(len(lasting) + 1)]
    starts, end = edges[:-1], edges[-1]
    assert [frame_at(start, starts) for start in starts] == list(range(len(starts)))
    assert sum(durations_of(starts, end)) == pytest.approx(end)
    first = data.draw(st.integers(0, len(starts) - 1))
    stop = data.draw(st.integers(first + 1, len(starts)))
    assert Span.of_frames(range(first, stop), starts, end).frames(starts) == range(first, stop)


def test_a_thousand_pieces_leave_no_error() -> None:
    assert sum([0.1] * 1000) != 100.0
    assert sum_of([0.1] * 1000, 44_100) == 100.0


def test_a_span_is_a_frozen_ordered_half_open_value() -> None:
    one, two = Span(start=0.0, end=1.0), Span(start=1.0, end=2.0)
    assert one < two
    assert sorted([two, one]) == [one, two]
    assert 0.0 in one
    assert 1.0 not in one
    assert 1.0 in two
    assert one.common(two) is None
    assert Span(start=0.5, end=1.5).common(one) == Span(start=0.5, end=1.0)
    assert one.shifted(22_050, 44_100) == Span(start=0.5, end=1.5)
    assert Span(start=1.0, end=1.0).is_empty
    assert Span(start=1.0, end=1.0).frames([0.0, 1.0]) == range(0)
    with pytest.raises(FrozenInstanceError):
        one.start = 3.0  # type: ignore[misc]
    for start, end in ((1.0, 0.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="a span ends"):
            Span(start=start, end=end)


@given(RATES, st.integers(-50_000, 50_000), st.integers(0, 10**6), st.integers(1, 10**5))
def test_cut_and_put_in_front_run_both_ways(hertz: int, first: int, begin: int, count: int) -> None:
    step = Times(hertz=hertz, first=first)
    before = Span.of_samples(range(max(first, 0) + begin, max(first, 0) + begin + count), hertz)
    after = step.forward(before)
    assert after is not None
    assert after.samples(hertz).start == before.samples(hertz).start - first
    assert step.back(after) == before


@given(
    RATES,
    st.integers(0, 10**6),
    st.integers(2, 10**5),
    st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(5, 4), Fraction(2)]),
)
def test_another_speed_comes_back_within_a_step(hertz: int, begin: int, count: int, speed: Fraction) -> None:
    step = Times(hertz=hertz, speed=speed)
    before = range(begin, begin + count)
    after = step.forward(Span.of_samples(before, hertz))
    assert after is not None
    assert abs(len(after.samples(hertz)) - count / speed) <= 1
    again = step.back(after).samples(hertz)
    assert abs(again.start - before.start) <= max(1, speed)
    assert abs(again.stop - before.stop) <= max(1, speed)


@pytest.mark.parametrize(("hertz", "begin"), [(9103, 143), (11986, 13)])
def test_two_samples_at_double_speed_are_one(hertz: int, begin: int) -> None:
    """13 samples in seconds are a little less than 13, and 13 / 2 is no tie any more: one of the ends went astray."""
    after = Times(hertz=hertz, speed=Fraction(2)).forward(Span.of_samples(range(begin, begin + 2), hertz))
    assert after is not None
    assert after.samples(hertz) == range((begin + 1) // 2, (begin + 3) // 2)


def test_what_is_cut_off_is_gone() -> None:
    step = Times(hertz=100, first=50, samples=100)
    assert step.forward(Span(start=0.0, end=0.5)) is None
    assert step.forward(Span(start=1.5, end=2.0)) is None
    assert step.forward(Span(start=0.25, end=0.75)) == Span(start=0.0, end=0.25)
    assert step.forward(Span(start=1.25, end=9.0)) == Span(start=0.75, end=1.0)
    with pytest.raises(ValueError, match="time runs forward"):
        Times(hertz=100, speed=Fraction(0))
