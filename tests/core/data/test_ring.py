"""The ring buffer: bounded, in order, every item accounted for; and files played as if live, on a clock that is handed in."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from core.data.live import Arrival, Clock, LastSeconds, LiveFilm, play
from core.data.ring import Ring


def test_a_full_ring_drops_the_oldest_and_counts_it() -> None:
    ring: Ring[int] = Ring(3)
    for number in range(5):
        ring.push(number, at=number / 10)
    assert ring.take_all() == [(0.2, 2), (0.3, 3), (0.4, 4)]
    flow = ring.flow()
    assert (flow.put, flow.taken, flow.dropped, flow.waiting, flow.most) == (5, 3, 2, 0, 3)
    assert ring.take_all() == []


def test_a_full_ring_holds_back_who_can_wait() -> None:
    ring: Ring[str] = Ring(1)
    assert ring.offer("a", at=0.0)
    assert not ring.offer("b", at=0.1)
    assert not ring.wait_for_room(0)
    assert ring.take_all() == [(0.0, "a")]
    assert ring.wait_for_room(0)
    assert ring.offer("b", at=0.2)
    assert (ring.flow().held_back, ring.flow().dropped) == (1, 0)


def test_a_closed_ring_gives_what_is_left_and_lets_everybody_go() -> None:
    ring: Ring[int] = Ring(2)
    ring.push(1, at=0.0)
    ring.close()
    assert ring.wait_for_item()
    assert ring.take_all() == [(0.0, 1)]
    assert not ring.wait_for_item()
    assert not ring.wait_for_room()
    with pytest.raises(ValueError, match="closed"):
        ring.push(2, at=1.0)
    with pytest.raises(ValueError, match="at least one"):
        Ring(0)


@pytest.mark.parametrize("is_patient", [False, True])
def test_two_threads_account_for_every_item_in_order(is_patient: bool) -> None:
    ring: Ring[int] = Ring(7)
    count = 5000

    def produce() -> None:
        for number in range(count):
            if is_patient:
                while not ring.offer(number, at=0.0):
                    ring.wait_for_room()
            else:
                ring.push(number, at=0.0)
        ring.close()

    thread = threading.Thread(target=produce)
    thread.start()
    seen: list[int] = []
    while ring.wait_for_item():
        seen += [number for _, number in ring.take_all()]
    thread.join()
    flow = ring.flow()
    assert seen == sorted(set(seen))
    assert flow.put == count == flow.taken + flow.dropped
    assert flow.taken == len(seen)
    assert flow.most <= 7
    assert not is_patient or seen == list(range(count))


class Told:
    """A clock that goes on where somebody waits."""

    def __init__(self) -> None:
        self.time = 100.0
        self.clock = Clock(now=lambda: self.time, wait=self.wait)

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


def frames(count: int, step: float) -> Iterator[Arrival]:
    for number in range(count):
        yield Arrival(due=number * step, frame_CHW=torch.full((3, 4, 4), number, dtype=torch.uint8))


def test_a_file_is_played_when_its_frames_are_due() -> None:
    ring: Ring[Arrival] = Ring(100)
    told = Told()
    play(frames(5, 0.25), ring, told.clock, speed=2.0)
    assert [at for at, _ in ring.take_all()] == pytest.approx([100.0, 100.125, 100.25, 100.375, 100.5])
    assert ring.closed


def test_a_producer_that_is_late_does_not_wait_and_a_cancelled_one_ends() -> None:
    ring: Ring[Arrival] = Ring(100)
    told, cancelled = Told(), threading.Event()

    def slow() -> Iterator[Arrival]:
        for number, one in enumerate(frames(10, 0.1)):
            told.time += 0.3  # decoding takes longer than a frame is shown
            if number == 4:
                cancelled.set()
            yield one

    play(slow(), ring, told.clock, cancelled=cancelled)
    assert [at for at, _ in ring.take_all()] == pytest.approx([100.3, 100.6, 100.9, 101.2])
    assert ring.closed


def test_the_last_seconds_forget_what_is_older() -> None:
    last = LastSeconds(0.5, hertz=10)
    assert last.film is None
    assert last.sound is None
    for one in frames(20, 0.1):
        last.add(one)
        last.add(Arrival(due=one.due + 0.1, sound_S=torch.full((1,), one.due)))
    film = last.film
    assert isinstance(film, LiveFilm)
    shown = film.shown()
    assert len(shown.starts_T) == 5
    assert (shown.begin, shown.end) == (0.0, pytest.approx(0.5))
    assert film.frames(shown.starts_T, 4)[:, 0, 0, 0].tolist() == [15, 16, 17, 18, 19]
    assert film.frames(shown.starts_T[:1], 2).shape == (1, 3, 2, 2)
    sound = last.sound
    assert sound is not None
    assert sound.samples_S.tolist() == pytest.approx([1.5, 1.6, 1.7, 1.8, 1.9])
    assert film.key is None
