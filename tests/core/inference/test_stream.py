"""A trained plan follows what goes on: on a clock that is handed in, so that what is dropped and how late answers are is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from core.data.live import Arrival, Clock, LastSeconds
from core.data.ring import Ring
from core.inference.stream import Asked, follow


class Live:
    """Frames every tenth of a second; answering takes its own time, in which more arrive."""

    def __init__(self, count: int, capacity: int, answering: float) -> None:
        self.time, self.answering = 0.0, answering
        self.due = [number / 10 for number in range(count)]
        self.ring: Ring[Arrival] = Ring(capacity)
        self.clock = Clock(now=lambda: self.time, wait=self.pass_by)
        self.asked: list[tuple[float, int]] = []

    def pass_by(self, seconds: float) -> None:
        end = self.time + seconds
        while self.due and self.due[0] <= end + 1e-9:
            self.arrive()
        self.time = max(self.time, end)

    def arrive(self) -> None:
        due = self.due.pop(0)
        self.time = max(self.time, due)
        self.ring.push(Arrival(due=due, frame_CHW=torch.zeros(3, 4, 4, dtype=torch.uint8)), at=due)
        if not self.due:
            self.ring.close()

    def wait(self) -> bool:
        if not self.ring.flow().waiting and self.due:
            self.arrive()
        return bool(self.ring.flow().waiting)

    def ask(self, last: LastSeconds) -> list[tuple[str, float]]:
        film = last.film
        assert film is not None
        self.asked.append((last.due, len(film.shown().starts_T)))
        self.pass_by(self.answering)
        return [("still", 1.0)]

    def follow(self, **knobs: object) -> Iterator[object]:
        asked = Asked(ask=self.ask, size=4, hertz=0, seconds=1.0)
        return follow(self.ring, asked, self.clock, wait=self.wait, **knobs)  # type: ignore[arg-type]


def test_who_is_quick_enough_answers_every_frame_and_drops_none() -> None:
    live = Live(20, capacity=4, answering=0.05)
    said = list(live.follow())
    assert len(said) == 20
    assert [one.latency for one in said] == pytest.approx([0.05] * 20)
    assert said[-1].dropped == 0
    assert live.asked[-1] == (1.9, 10), "a second of frames"


def test_who_is_slow_answers_about_what_is_newest_and_tells_what_was_dropped() -> None:
    """Ten frames arrive while one answer is made, of which four have room: six are lost each time, and the answer is never older than it took."""
    live = Live(101, capacity=4, answering=1.0)
    said = list(live.follow())
    assert [one.due for one in said] == pytest.approx([0.0, *range(1, 11)])
    assert [one.latency for one in said] == pytest.approx([1.0] * 11)
    assert [one.dropped for one in said[:3]] == [6, 12, 18]
    flow = live.ring.flow()
    assert (flow.put, flow.taken, flow.dropped) == (101, 41, 60)
    assert flow.most == 4


def test_it_can_be_cancelled_between_two_answers_and_asked_about_less() -> None:
    live = Live(50, capacity=8, answering=0.1)
    said = []
    for one in live.follow(cancelled=lambda: len(said) == 3, seconds=0.2):
        said.append(one)
    assert len(said) == 3
    assert live.asked[-1][1] == 2


def test_nothing_is_asked_before_both_are_there() -> None:
    ring: Ring[Arrival] = Ring(8)
    ring.push(Arrival(due=0.0, frame_CHW=torch.zeros(3, 4, 4, dtype=torch.uint8)), at=0.0)
    ring.close()
    asked = Asked(ask=lambda last: pytest.fail("there is no sound yet"), size=4, hertz=8000, seconds=1.0)
    assert list(follow(ring, asked, Clock(now=lambda: 0.0, wait=lambda _: None))) == []
