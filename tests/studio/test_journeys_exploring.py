"""Many runs in the window: any setting as a column, a filter that says where it is wrong, all of it found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.graph import edits
from core.store.database import Store
from core.store.library import Library
from studio.watching.exploring import Exploring
from tests.documents import tiny_clip
from tests.said_runs import said_run
from tests.studio.journey import Person
from widgets.library.library import LibraryView

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")
R10 = "selection/validation/R@10"


def test_runs_are_filtered_by_what_they_are_and_columns_are_chosen(
    sit_down: Callable[..., Person], tmp_path: Path
) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        library = Library(store)
        for batch_size in (16, 32):
            drawn = edits.set_knob(edits.change_node(tiny_clip(), "vit", title="Eye"), "vit", "width", batch_size)
            for seed in (1, 2):
                score = batch_size / 100 + seed / 1000
                said_run(
                    library,
                    f"b{batch_size} s{seed}",
                    {"loss": [2.0, 1.0], R10: [0.1, score]},
                    seed=seed,
                    batch_size=batch_size,
                    document=drawn,
                )
    person = sit_down()
    person.go_to("Runs")
    view = person.window.library
    person.wait(lambda: len(view.shown()) == 4)

    def names() -> set[str]:
        return {run.name for run in view.shown()}

    line = view.filter_line.field
    line.setFocus()
    QTest.keyClicks(line, "batch")
    person.wait(lambda: "batch_size" in view.filter_line.offered())
    line.clear()
    QTest.keyClicks(line, 'r@10 > 0.2 and seed in (1, 5) and name ~ "b"')
    person.press(Qt.Key.Key_Return, on=line)
    person.wait(lambda: names() == {"b32 s1"})
    QTest.keyClicks(line, " and batch_size > 32")
    person.press(Qt.Key.Key_Return, on=line)
    person.wait(lambda: names() == set())
    line.setText("r@10 > 0.2 and batchsize = 32")
    person.press(Qt.Key.Key_Return, on=line)
    pointed, carets, said = view.filter_line.complaint().split("\n")
    assert pointed[carets.index("^") :].startswith("batchsize")
    assert "batch_size" in said
    line.setText("batch_size = 32")
    person.press(Qt.Key.Key_Return, on=line)
    person.wait(lambda: names() == {"b32 s1", "b32 s2"})

    person.click(person.button("Columns…", view))
    chooser = view.chooser
    person.wait(lambda: chooser.isVisible())
    QTest.keyClicks(chooser.search, "vit width")
    person.wait(lambda: chooser.list.count() == 1)
    assert chooser.list.item(0).text() == "Eye · Width", "as the document calls the block and the form its knob"
    chooser.list.item(0).setCheckState(Qt.CheckState.Checked)
    chooser.close()
    person.wait(lambda: view.filter.index(0, person.column("vit.width")).data() == "32")

    left = view.view_now()
    person.window.exploring.keep()
    again = LibraryView(person.window)
    exploring = Exploring(person.session, again)
    again.set_runs(person.session.runs)
    person.wait(lambda: {run.name for run in again.shown()} == {"b32 s1", "b32 s2"})
    assert again.view_now() == left
    assert "vit.width" in again.table.column_keys()
    exploring.close()
    again.deleteLater()
