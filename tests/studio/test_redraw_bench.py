"""The window never waits: with every monitor open over a live run the event loop is on time."""

from __future__ import annotations

import pytest

from studio.benches.redraw import measure


@pytest.mark.long
def test_event_loop_lateness(qapp):
    assert [figure for figure in measure(seconds=5.0) if not figure.is_kept] == []
