"""Many runs in the window: any setting as a column, a filter that says where it is wrong, all of it found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from core.exploring.report import Figure, Text
from core.graph import edits
from core.store.database import Store
from core.store.library import Library
from studio.watching.exploring import Exploring
from studio.watching.reporting import Reporting
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
    person.window.rooms.runs().exploring.keep()
    again = LibraryView(person.window)
    exploring = Exploring(person.session, again)
    again.set_runs(person.session.runs)
    person.wait(lambda: {run.name for run in again.shown()} == {"b32 s1", "b32 s2"})
    assert again.view_now() == left
    assert "vit.width" in again.table.column_keys()
    exploring.close()
    again.deleteLater()


@pytest.mark.long
def test_groups_beside_a_pinned_baseline_are_kept_as_a_view(
    person_with_groups: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = person_with_groups
    view = person.window.library
    person.click(person.button("Groups", view))
    person.wait(lambda: len(view.groups.groups()) == 3)
    head, *rows = view.groups.rows()
    assert head[0] == "Batch size"
    assert [row[0] for row in rows] == ["16", "32", "64"]
    assert rows[0][3].endswith("(n=4)")
    view.groups.pin(view.groups.groups()[0].key)
    said = [row[4] for row in view.groups.rows()[1:]]
    assert said[0] == "baseline"
    assert said[1].endswith("not distinguishable")
    assert said[2].endswith("pp *")
    assert said[2].startswith("+")
    person.wait(person.window.rooms.runs().comparing.is_idle)
    value = person.window.rooms.runs().comparing.curves.value()
    assert [len(bundle.runs) for bundle in value.bundles] == [4, 4, 4]

    plot = person.window.rooms.runs().exploring.parallel.plot
    view.groups._tabs.setCurrentWidget(plot)
    person.wait(lambda: plot.isVisible() and plot.width() > 190)
    x, low = round(plot.axis_x(0)), round(plot.height() - 30)
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, low))
    QTest.mouseMove(plot, QPoint(x, low - 40))
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(x, low - 40))
    person.wait(lambda: [row[0] for row in view.groups.rows()[1:]] == ["◆ 16"])
    plot.clear()
    assert len(view.groups.rows()) == 4

    monkeypatch.setattr("PySide6.QtWidgets.QInputDialog.getText", lambda *_: ("by batch", True))
    view.views_button._save()
    before = view.groups.rows()
    place = tmp_path / "views.json"
    person.window.rooms.runs().exploring.export(str(place))
    person.window.rooms.runs().exploring.remove("by batch")
    person.click(person.button("Back to the table", view.groups))
    view.groups.apply((), (), "", "range")
    person.window.rooms.runs().exploring.bring(str(place))
    kept = next(each for each in person.window.rooms.runs().exploring.views if each.name == "by batch")
    view.apply_view(kept)
    person.wait(lambda: view.groups.isVisible() and view.groups.rows() == before)
    person.window.rooms.runs().exploring.bring(str(tmp_path / "runs.sqlite"))
    assert "no views" in person.said[-1] or "too large" in person.said[-1]


@pytest.fixture
def person_with_groups(sit_down: Callable[..., Person], tmp_path: Path) -> Person:
    with Store.open(tmp_path / "runs.sqlite") as store:
        for batch_size, gain in ((16, 0.0), (32, 0.0), (64, 0.1)):
            for seed in range(4):
                noise = 0.001 * ((7 * seed + batch_size) % 5) * (1 if (seed + batch_size // 16) % 2 else -1)
                said_run(
                    Library(store),
                    f"b{batch_size} s{seed}",
                    {"loss": [2.0, 1.0], R10: [0.1, 0.3 + 0.02 * seed + gain + noise]},
                    seed=seed,
                    batch_size=batch_size,
                )
    person = sit_down()
    person.go_to("Runs")
    person.wait(lambda: len(person.window.library.shown()) == 12)
    return person


@pytest.mark.long
def test_a_report_is_pinned_written_kept_and_exported(person_with_groups: Person, tmp_path: Path) -> None:
    person = person_with_groups
    view, report = person.window.library, person.window.library.report
    person.click(person.button("Groups", view))
    person.wait(lambda: len(view.groups.groups()) == 3 and person.window.rooms.runs().comparing.is_idle())
    person.click(person.button("Pin to the report", view.groups))
    person.click(person.button("Back to the table", view.groups))
    person.click(person.button("Report", view))
    person.click(person.button("Add text", report))
    report.editor.setFocus()
    QTest.keyClicks(report.editor, "## Larger batches <b>win</b>")
    report.title.setFocus()
    QTest.keyClicks(report.title, "Batches")
    figure, text = report.report().parts
    assert isinstance(figure, Figure)
    assert len(figure.sources) == 12
    assert {source.run for source in figure.sources} == {run.uid for run in person.session.runs}
    assert figure.sources[0].step == 2
    assert isinstance(text, Text)
    assert "win" in report.reading.toPlainText()
    person.window.rooms.runs().reporting.export(tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<h3>Larger batches &lt;b&gt;win&lt;/b&gt;</h3>" in page
    assert page.count("<img") == 1
    assert "http" not in page.replace("http-equiv", "")
    person.window.rooms.runs().reporting.export(tmp_path / "out.md")
    assert QImage(str(tmp_path / "out-1.png")).width() > 300
    person.window.rooms.runs().reporting.keep()
    again = LibraryView(person.window)
    Reporting(person.session, again)
    assert again.report.report() == report.report()
    person.window.rooms.runs().reporting.open(tmp_path / "out.html")
    assert "no report" in person.said[-1]
    again.deleteLater()
