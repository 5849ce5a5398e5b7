"""Any figure that a run says can be found, drawn, pinned and compared; what is not chosen costs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.graph import edits
from core.graph.document import Document
from core.graph.file import dumps
from core.telemetry.events import At, Scalars
from studio.open.preferences import Preferences
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.metrics import MetricMonitor, MetricSettings, grouped
from widgets.monitors.metric_names import metric_title, unit_of, written

UNSEEN = {
    "balance/infonce/weight": 1.5, "memory/mixer": 12.0, "reconstruction R2/squeeze": 0.7, "gate/mixer": 0.2, "hidden/drop": 0.3,
    "bias/infonce": -10.0, "kept keys found/mixer": 0.5, "accuracy/infonce": 0.25,
}  # fmt: skip
CURSOR = Cursor(runs=("a",), step=20)


def told(name: str = "a", steps: int = 40, values: dict[str, float] = UNSEEN, until: int = 40) -> MemoryRun:
    run = MemoryRun(steps=steps, name=name)
    document = edits.add_node(Document(), "fusion.cross_attention", 0, 0)[0]
    document = edits.change_node(document, next(iter(document.nodes)), title="Mixer")
    run.document = dumps(document).replace('"cross_attention": {', '"mixer": {')
    for step in range(1, until + 1):
        run.say(
            Scalars(at=At(step=step, seconds=step * 0.1), values={k: v + step / 100 for k, v in values.items()} | {"loss": 1 / step})
        )  # fmt: skip
    return run


def shown(qtbot, readers, cursor=CURSOR) -> MetricMonitor:
    monitor = MetricMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(700, 320)
    monitor.show()
    monitor.present(monitor.read(monitor.settings(), readers, cursor))
    return monitor


def again(monitor, readers, cursor=CURSOR):
    monitor.present(monitor.read(monitor.settings(), readers, cursor))
    return monitor.value()


def titles(monitor) -> list[str]:
    view = monitor.list.view
    return [view.model().index(row, 0).data() for row in range(view.model().rowCount()) if not view.isRowHidden(row)]


@pytest.mark.parametrize("series", UNSEEN)
def test_what_no_other_monitor_draws_is_found_and_drawn_with_its_value(qtbot, series):
    run = told()
    monitor = shown(qtbot, [run])
    monitor.set_pins([series])
    value = again(monitor, [run])
    (line,) = [line for panel in value.panels for line in panel.lines]
    assert line.name == series
    assert line.at == pytest.approx(UNSEEN[series] + 0.2)  # at the cursor, not at the end
    np.testing.assert_array_equal(line.steps, np.arange(1, 21))
    assert any(text.endswith(written(series, line.at)) for text in titles(monitor))


def test_names_are_the_titles_of_blocks_and_words(qtbot):
    monitor = shown(qtbot, [told()])
    assert any(text.startswith("memory · Mixer") for text in titles(monitor))
    assert any(text.startswith("kept keys found again · Mixer") for text in titles(monitor))
    assert metric_title("memory/mixer.1", {"mixer": "Mixer"}) == "memory · Mixer.1"


def test_values_have_their_unit():
    assert written("memory/vit", 12.5) == "12.5 MiB"
    assert written("kept keys found/vit", 0.5) == "50.0 %"
    assert written("retrieval/test/image_to_text/R@10", 0.433) == "43.3 %"
    assert unit_of("gate/mixer") == ""


def test_before_anybody_chose_the_figures_without_a_monitor_are_drawn(qtbot):
    value = shown(qtbot, [told()]).value()
    assert value.drawn
    assert "loss" not in value.drawn


def test_a_search_hides_what_does_not_fit(qtbot):
    monitor = shown(qtbot, [told()])
    monitor.list.field.setText("mem mix")
    assert [text.split("   ")[0] for text in titles(monitor)] == ["memory · Mixer"]
    monitor.list.field.setText("")
    assert len(titles(monitor)) == len(UNSEEN) + 1


def test_a_tick_pins_and_is_announced(qtbot):
    run = told()
    monitor = shown(qtbot, [run])
    row = monitor.list._rows["gate/mixer"]
    with qtbot.waitSignal(monitor.pinsChanged) as pinned:
        row.setCheckState(Qt.CheckState.Checked)
    assert pinned.args == [("gate/mixer",)]
    assert again(monitor, [run]).drawn == ("gate/mixer",)


def test_pins_are_kept_between_starts():
    Preferences().pinned_metrics = ("gate/mixer", "memory/vit")
    assert Preferences().pinned_metrics == ("gate/mixer", "memory/vit")
    Preferences().pinned_metrics = ()
    assert Preferences().pinned_metrics == ()


def test_runs_beside_are_drawn_whole_with_their_value_at_the_cursor(qtbot):
    runs = [told("watched"), told("other", values={"gate/mixer": 5.0})]
    monitor = shown(qtbot, runs)
    monitor.set_pins(["gate/mixer"])
    first, second = again(monitor, runs).panels[0].lines
    assert (len(first.steps), len(second.steps)) == (20, 40)
    assert (first.at, second.at) == (pytest.approx(0.4), pytest.approx(5.2))
    assert [entry[0].split(" · ")[0] for entry in monitor._legend._entries] == ["watched", "other"]
    assert len({entry[2] for entry in monitor._legend._entries}) == 2  # told apart by their stroke


def test_hundreds_of_series_cost_the_reading_of_the_chosen_ones_only(qtbot):
    run = told(values={f"experts/mixer/{number}": float(number) for number in range(400)}, until=5)
    monitor = shown(qtbot, [run], Cursor(runs=("a",), step=5))
    monitor.set_pins(["experts/mixer/7"])
    asked = []
    inner = run.curve
    run.curve = lambda name, **more: asked.append(name) or inner(name, **more)
    again(monitor, [run], Cursor(runs=("a",), step=5))
    assert asked == ["experts/mixer/7"]
    assert len(titles(monitor)) == 401


def test_more_than_can_be_told_apart_is_said(qtbot):
    groups, left_out = grouped([f"gate/{number}" for number in range(11)])
    assert (len(groups), left_out) == (1, 3)
    run = told(values={f"gate/{number}": 1.0 for number in range(11)})
    monitor = shown(qtbot, [run])
    monitor.set_pins([f"gate/{number}" for number in range(11)])
    again(monitor, [run])
    assert "3 more" in monitor.figures.text()


def test_figures_of_one_unit_share_an_axis_and_others_do_not():
    groups, _ = grouped(["memory/a", "gate/a", "memory/b", "accuracy/x", "retrieval/test/image_to_text/R@1"])
    assert groups == [["memory/a", "memory/b"], ["gate/a"], ["accuracy/x", "retrieval/test/image_to_text/R@1"]]


def test_the_list_does_not_move_while_the_run_goes_on(qtbot):
    run = told(values={f"gate/{number:03}": 1.0 for number in range(200)})
    monitor = shown(qtbot, [run])
    view = monitor.list.view
    view.verticalScrollBar().setValue(60)
    view.selectionModel().select(view.model().index(80, 0), view.selectionModel().SelectionFlag.Select)
    again(monitor, [run], Cursor(runs=("a",), step=30))
    assert view.verticalScrollBar().value() == 60
    assert monitor.list.selected() == ("gate/080",)
    run.say(Scalars(at=At(step=41, seconds=5.0), values={"balance/a/weight": 1.0}))
    again(monitor, [run], Cursor(runs=("a",), step=41))
    assert monitor.list.selected() == ("gate/080",)


def test_a_run_without_figures_has_nothing_to_read():
    assert MetricMonitor.read(MetricSettings(), [MemoryRun()], CURSOR) is None
