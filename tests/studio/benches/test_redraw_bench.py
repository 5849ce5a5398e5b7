"""The bench of the window over a live run measures a run that moves, and every monitor. Its times are the bench's to show."""

from __future__ import annotations

import pytest

from studio.benches.redraw import measure
from widgets.monitors.catalog import monitors


@pytest.mark.long
def test_the_run_moves_while_it_is_measured(qapp):
    figures = measure(seconds=5.0)
    assert [figure.name for figure in figures if figure.name == "steps drawn" and not figure.is_kept] == []
    assert sum(figure.name.startswith("to draw") for figure in figures) == len(dict(monitors.items()))
