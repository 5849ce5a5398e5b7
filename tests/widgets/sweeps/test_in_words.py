"""Sweeps that were begun elsewhere are read in the person's language, and costs with their units."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from core.graph.configurations import grid_configurations
from core.graph.sweep import Axis, Change, Sweep
from core.runs.verdict import table
from core.store.answers import TrialFacts
from tests.widgets.sweeps.made import facts
from widgets.look.language import use_language
from widgets.sweeps.in_words import configuration_names, configuration_words
from widgets.sweeps.scale import value_scale
from widgets.sweeps.sweeps import SweepsView
from widgets.sweeps.words import short, written

METRIC = "retrieval/validation/image_to_text/R@10"
PLAN = Sweep(
    axes=(
        Axis(name="Fusion", changes=(Change(name="Early against late fusion: what it costs"), Change(name="mine"))),
        Axis(path="tower.how", name="Two encoders", values=("one", "two")),
    ), seeds=1, metric=METRIC,
)  # fmt: skip


@pytest.fixture
def chinese():
    use_language("zh_CN")
    yield
    use_language("en")


def trials() -> list[TrialFacts]:
    return [
        TrialFacts(
            number=number, configuration=configuration.as_json(), seed=0, state="finished", run=f"run-{number}", value=0.2 + 0.01 * number,
            figures={"cost/parameters": 2_795_000.0 + number * 1e6, "cost/processor seconds": 61.0 + number}, step=9, steps=9,
        ) for number, configuration in enumerate(grid_configurations(PLAN))
    ]  # fmt: skip


def shown(qtbot) -> SweepsView:
    view, found = SweepsView(), trials()
    qtbot.addWidget(view)
    view.resize(1200, 800)
    view.set_sweeps([facts("a", found)])
    view.show_sweep("a", PLAN, found, table(PLAN, found))
    return view


def test_names_that_the_tables_know_are_translated_and_others_stay(chinese) -> None:
    assert (
        configuration_words("Early against late fusion: what it costs · Two encoders two")
        == "早期融合与晚期融合的代价 · 两个编码器 two"
    )
    assert configuration_words("my own name 3") == "my own name 3"
    assert configuration_words("") == ""


def test_names_stay_apart(chinese) -> None:
    assert configuration_names(["Two encoders", "两个编码器"]) == {
        "Two encoders": "Two encoders",
        "两个编码器": "两个编码器",
    }


def test_the_whole_page_speaks_one_language_and_its_parts_find_each_other(qtbot, chinese) -> None:
    view = shown(qtbot)
    configurations = [view.configurations.index(row, 0).data() for row in range(view.configurations.rowCount())]
    assert configurations[0] == "早期融合与晚期融合的代价 · 两个编码器 one"
    assert [view.trials.index(row, 1).data() for row in range(view.trials.rowCount())] == configurations
    assert view.across.itemText(1) == "两个编码器"
    assert "Early against" not in view.verdict.text()
    assert {name for name, _ in view.plot.marks()} == set(configurations)
    view.plot.configurationChosen.emit(configurations[2])
    assert view.selected() == (2,)


def test_costs_have_titles_and_units(qtbot) -> None:
    view = shown(qtbot)
    head = [
        view.configurations.headerData(column, Qt.Orientation.Horizontal)
        for column in range(view.configurations.columnCount())
    ]
    column = head.index("parameters")
    assert view.configurations.index(0, column).data() == "2.8 M"
    assert view.configurations.index(1, column).data().startswith("3.8 M (+36 %")
    assert "processor time" in head
    assert written(61.4, "cost/processor seconds") == "61 s"
    assert written(0.024, "GFLOPs a sample") == "24 MFLOPs"
    assert written(0.25, METRIC) == "25.0 %"
    assert short("cost/flops") == "FLOPs per example"
    ticks = value_scale("parameters", [2.1e6, 3.9e6], False, "cost/parameters").ticks()
    assert all(text.endswith(" M") for _, text in ticks)


COUNTED = Sweep(
    axes=(
        Axis(name="attention", changes=(Change(name="joint"), Change(name="space"))),
        Axis(path="sample_frames.frames", name="frames", values=(4, 8, 16)),
    ), seeds=1, metric="GFLOPs a sample", direction="lower", baseline="joint",
)  # fmt: skip


def counted(qtbot) -> SweepsView:
    """FLOPs that grow with the square of the frames for one, and evenly for the other."""
    found = []
    for number, one in enumerate(grid_configurations(COUNTED)):
        frames = int(str(one.at["frames"]))
        value = 0.001 * frames ** (2 if one.at["attention"] == "joint" else 1)
        found.append(TrialFacts(
            number=number, configuration=one.as_json(), seed=0, state="finished", run=f"run-{number}", value=value, figures={"GFLOPs a sample": value},
            step=2, steps=2,
        ))  # fmt: skip
    view = SweepsView()
    qtbot.addWidget(view)
    view.resize(1200, 800)
    view.set_sweeps([facts("a", found)])
    view.show_sweep("a", COUNTED, found, table(COUNTED, found))
    return view


def test_a_counted_cost_is_told_with_its_unit_and_its_powers(qtbot):
    said = counted(qtbot).verdict.text()
    assert "differ by 240 MFLOPs, which is counted" in said
    assert said.endswith("FLOPs per example grows with frames to the power of 2.00 (joint), 1.00 (space).")


def test_powers_are_told_in_the_persons_language(qtbot, chinese):
    assert counted(qtbot).verdict.text().endswith("每样本 FLOPs 随帧的幂增长，幂次为 2.00 (联合), 1.00 (空间)。")


def test_the_plot_leaves_room_for_numbers_with_their_units(qtbot):
    view = counted(qtbot)
    view.show()
    left = min(point.x() for _, point in view.plot.marks())
    assert left > view.plot.fontMetrics().horizontalAdvance("200 MFLOPs")
