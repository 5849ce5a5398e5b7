"""The window never waits: with every monitor open over a live run the event loop is on time."""

import pytest

from studio.benches.redraw import measure


@pytest.mark.long
def test_event_loop_lateness(qapp):
    figures = measure(seconds=5.0)
    assert figures["lateness p99 (ms)"] < 16
    assert figures["steps drawn"] > 350, "the run moved while it was measured"
