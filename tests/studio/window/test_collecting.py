"""Garbage is taken away on the window's thread, whoever made it."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from studio.window.collecting import Collector


class Knot:
    """Holds itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def collector(qtbot):
    collector = Collector()
    yield collector
    collector.close()
    assert gc.isenabled()


def test_another_thread_never_collects(qtbot, collector):
    ended_on: list[int] = []
    weakref.finalize(Knot(), lambda: ended_on.append(threading.get_ident()))

    def litter() -> None:
        for _ in range(20_000):
            Knot()

    thread = threading.Thread(target=litter)
    thread.start()
    thread.join()
    assert ended_on == []
    qtbot.waitUntil(lambda: ended_on != [])
    assert ended_on == [threading.get_ident()]
