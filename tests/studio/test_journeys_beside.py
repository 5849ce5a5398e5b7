"""Two runs on one timeline: every monitor twice, locked by steps or samples, from either side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.store.database import Store
from core.store.library import Library
from tests.said_runs import said_run
from tests.studio.journey import Person


@pytest.mark.long
def test_two_runs_are_locked_by_samples_and_by_steps(sit_down: Callable[..., Person], tmp_path: Path) -> None:
    figures = {"loss": [float(number) for number in range(40, 0, -1)]}
    with Store.open(tmp_path / "runs.sqlite") as store:
        small = said_run(Library(store), "small", figures, batch_size=8).uid
        large = said_run(Library(store), "large", figures, batch_size=16).uid
    person = sit_down()
    window = person.window
    person.wait(lambda: len(person.session.runs) == 2)
    person.session.watch(small, 20)
    window.show_page("train")
    chooser = window.timeline._beside
    person.wait(lambda: chooser.isVisible())
    chooser.setCurrentIndex(chooser.findData(large))
    chooser.activated.emit(chooser.currentIndex())
    beside = window.beside
    person.wait(lambda: beside.pump.cursor.step == 20)
    window.timeline.axisChanged.emit("samples")
    person.wait(lambda: beside.pump.cursor.step == 10)
    assert beside.pump.cursor.axis == "samples"
    person.wait(lambda: beside.is_idle() and window.pump.is_idle())
    assert set(beside.wall.monitors) == set(window.wall.monitors), "every monitor is there twice"
    mine, theirs = (wall.monitors["loss"].value() for wall in (window.wall, beside.wall))
    assert (mine.step, theirs.step) == (20, 10)
    assert mine.cursor_x == theirs.cursor_x == 160, "as many samples seen"
    assert beside.wall.page.isVisible()
    assert "locked by samples" in beside._name.text()
    beside.wall.monitors["loss"].cursorRequested.emit(5)
    person.wait(lambda: window.pump.cursor.step == 10 and beside.pump.cursor.step == 5)
    person.click(beside._close)
    assert not beside.wall.page.isVisible()
    assert beside.uid == ""
