"""The plan beside the drawing: axes typed, ranged, removed; what cannot be is said; nothing is changed by showing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.graph.sweep import Axis, Change, Sweep
from core.problems import Refused
from tests.widgets import sample
from widgets.sweeps.plan_form import PlanForm, first_axis


@pytest.fixture
def form(qtbot):
    made = PlanForm()
    qtbot.addWidget(made)
    made.resize(320, 800)
    made.set_vocabulary(sample.vocabulary())
    made.show()
    qtbot.waitExposed(made)
    made.heard = []
    made.planChanged.connect(made.heard.append)

    def take(plan) -> None:  # as the session does
        made.set_document(replace(made._document, sweep=plan))

    made.planChanged.connect(take)
    made.set_document(sample.document())
    return made


def planned(form, *axes, **fields):
    form.set_document(replace(sample.document(), sweep=Sweep(axes=axes, **fields)))
    form.heard.clear()
    return form.rows


def typed(edit, text):
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Qt.Key.Key_Return)


def test_without_a_plan_nothing_can_be_run(form):
    assert not form.run.isEnabled()
    assert form.summary.text() == "Nothing is varied yet."


def test_a_first_axis_lies_around_what_is_set():
    document, words = sample.document(), sample.vocabulary()
    depth = first_axis(document, "vit.depth", words)
    assert 4 in depth.values
    assert len(depth.values) > 2
    rate = first_axis(document, "recipe.learning_rate", words)
    assert 1e-3 in rate.values
    assert all(0 <= value <= 10 for value in rate.values)
    with pytest.raises(Refused):
        first_axis(document, "gone.depth", words)


def test_values_are_typed_between_commas(form):
    rows = planned(form, Axis(path="vit.depth", values=(2, 4)))
    assert rows["vit.depth"].values.text() == "2, 4"
    typed(rows["vit.depth"].values, "1, 2, 2, 3")
    assert form.heard[-1].axes[0].values == (1, 2, 3)
    assert form.summary.text() == "3 configurations × 3 seeds = 9 runs"
    heard = len(form.heard)
    typed(form.rows["vit.depth"].values, "1, many")
    assert len(form.heard) == heard
    assert "whole number" in form.rows["vit.depth"].note.text()


def test_a_list_becomes_a_range_and_back(form):
    rows = planned(form, Axis(path="recipe.learning_rate", values=(0.001, 0.1)))
    row = rows["recipe.learning_rate"]
    row.how.setCurrentIndex(2)
    row.how.activated.emit(2)
    axis = form.heard[-1].axes[0]
    assert (axis.low, axis.high, axis.logarithmic, axis.is_range) == (0.001, 0.1, True, True)
    row = form.rows["recipe.learning_rate"]
    typed(row.low, "1")
    assert "low end" in row.note.text()
    typed(row.low, "0.01")
    assert form.heard[-1].axes[0].low == 0.01
    row = form.rows["recipe.learning_rate"]
    row.how.setCurrentIndex(0)
    row.how.activated.emit(0)
    assert form.heard[-1].axes[0].values == (0.01, 0.1)


def test_method_seeds_metric_and_what_is_equal(form):
    planned(form, Axis(path="vit.depth", values=(2, 4)))
    assert not form.trials.isVisible()
    form.method.setCurrentIndex(2)
    form.method.activated.emit(2)
    assert form.heard[-1].method == "bayesian"
    assert form.trials.isVisible()
    form.seeds.setValue(5)
    assert form.heard[-1].seeds == 5
    form.equal.setCurrentIndex(2)
    form.equal.activated.emit(2)
    assert form.heard[-1].equal == "compute"
    typed(form.judge.lineEdit(), "loss")
    assert (form.heard[-1].metric, form.heard[-1].direction) == ("loss", "lower")
    form.baseline.setCurrentIndex(2)
    form.baseline.activated.emit(2)
    assert form.heard[-1].baseline == "vit.depth 4"


def test_axes_are_taken_out_and_the_last_takes_the_sweep(form):
    rows = planned(form, Axis(path="vit.depth", values=(2,)), Axis(name="blocks", changes=(Change(name="full"),)))
    assert "full" in rows["blocks"].note.text()
    rows["vit.depth"].remove.click()
    assert [axis.title for axis in form.heard[-1].axes] == ["blocks"]
    form.rows["blocks"].remove.click()
    assert form.heard[-1] is None


def test_what_is_gone_is_said_and_stops_the_sweep(form):
    rows = planned(form, Axis(path="gone.depth", values=(2,)))
    assert "gone" in rows["gone.depth"].note.text()
    assert "which is gone" in form.problems.text()
    assert not form.run.isEnabled()


def test_showing_changes_nothing(form):
    planned(
        form,
        Axis(path="vit.depth", values=(2, 4)),
        trials=7,
        seeds=2,
        method="random",
        direction="lower",
        equal="samples",
    )
    form.set_document(form._document)
    assert form.heard == []


def test_weights_are_shared_by_a_click_and_back(form):
    planned(form, Axis(path="vit.depth", values=(2, 4)))
    assert not form.sharing.isChecked()
    form.sharing.click()
    assert form.heard[-1].share_weights
    assert form.sharing.isChecked()
    form.sharing.click()
    assert not form.heard[-1].share_weights
