"""The tree of forks in the library: parents before their forks, families where their first member would stand, filters passed over."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from core.store.answers import RunFacts
from widgets.library.library import LibraryView
from widgets.library.lineage import STEP, tree
from widgets.library.table import RUN

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def run(number, parent="", loss=1.0, status="finished", **more):
    return RunFacts(
        id=number, uid=f"u{number}", name=f"run {number}", status=status, created=1_795_000_000 + number, parent=parent,
        parent_step=10, step=20, steps=20, last={"loss": loss}, **more,
    )  # fmt: skip


RUNS = [  # 1 ─┬ 3 ── 5    2 ── 4    6
    run(1, loss=0.9), run(2, loss=0.5), run(3, "u1", loss=0.8, status="failed"), run(4, "u2", loss=math.nan),
    run(5, "u3", loss=0.1), run(6, loss=0.3), run(7, "u1", loss=0.7),
]  # fmt: skip


@pytest.fixture
def library(qtbot):
    view = LibraryView()
    qtbot.addWidget(view)
    view.resize(1200, 600)
    view.show()
    view.set_runs(RUNS)
    return view


def numbers(library):
    return [shown.id for shown in library.shown()]


def depths(library):
    rows = range(library.filter.rowCount())
    return {(i := library.filter.index(row, 0)).data(RUN).id: library.filter.branch(i).depth for row in rows}


def sort(library, key, order):
    library.view.sortByColumn(library._column(key), order)


def test_forks_stand_under_the_run_they_were_forked_from(library):
    assert numbers(library) == [1, 7, 3, 5, 6, 2, 4], "newest first: the family with the newest of all on top"
    assert depths(library) == {1: 0, 7: 1, 3: 1, 5: 2, 6: 0, 2: 0, 4: 1}


def test_a_family_stands_where_its_best_would(library):
    sort(library, "loss", UP)
    assert numbers(library) == [1, 3, 5, 7, 6, 2, 4]
    sort(library, "loss", DOWN)
    assert numbers(library) == [1, 3, 5, 7, 2, 4, 6], "what is not a number comes last among its like"


def test_whose_parent_is_filtered_out_hangs_on_the_nearest_that_is_shown(library):
    library._status.setCurrentIndex(library._status.findData("finished"))
    assert depths(library) == {1: 0, 7: 1, 5: 1, 6: 0, 2: 0, 4: 1}
    library._search.setText("run 5")
    assert depths(library) == {5: 0}
    library._search.setText("")
    library._status.setCurrentIndex(0)
    assert numbers(library) == [1, 7, 3, 5, 6, 2, 4]


def test_row_by_row_where_the_tree_is_switched_off(library):
    library._lineage.click()
    assert numbers(library) == [7, 6, 5, 4, 3, 2, 1]
    sort(library, "loss", UP)
    assert numbers(library) == [5, 6, 2, 7, 3, 1, 4]
    assert library.filter.branch(library.filter.index(0, 0)) is None
    library._lineage.click()
    assert numbers(library) == [1, 3, 5, 7, 6, 2, 4]


def test_a_run_that_gets_better_takes_its_family_along_and_stays_selected(library):
    sort(library, "loss", UP)
    library.select(["u6", "u4"])
    better = [replace(each, last={"loss": 0.01}) if each.id == 4 else each for each in RUNS]
    library.set_runs(better)
    assert numbers(library) == [2, 4, 1, 3, 5, 7, 6]
    assert set(library.selected()) == {"u6", "u4"}
    library.set_runs([*better, run(8, "u6", loss=0.001)])
    assert numbers(library)[:2] == [6, 8]


def test_a_name_stands_in_and_is_edited_there(library):
    def name_at(number):
        row = numbers(library).index(number)
        return library.filter.index(row, library._column("name"))

    index = name_at(5)
    library.view.setCurrentIndex(index)
    library.view.edit(index)
    editor = library.view.indexWidget(index) or library.view.findChildren(type(library._search))[-1]
    assert editor.x() >= library.view.visualRect(index).x() + 2 * STEP
    assert index.data() == "run 5"
    assert "forked from run 3 at step 10" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_lines_say_whether_a_sibling_follows():
    found = tree(RUNS, RUNS, lambda each: each.id, descending=False)
    assert {uid: branch.goes_on for uid, branch in found.items()} == {
        "u1": (), "u3": (True,), "u5": (True, False), "u7": (False,), "u2": (), "u4": (False,), "u6": (),
    }  # fmt: skip


def test_any_family_is_whole_and_in_order():
    """Of random forests: everybody once, parents before children, families together, siblings in the order of their best."""
    draw = random.Random(0)
    for _ in range(50):
        runs = [
            run(n, f"u{draw.randrange(n)}" if draw.random() < 0.6 else "", loss=draw.random()) for n in range(1, 30)
        ]
        for descending in (False, True):
            found = tree(runs, runs, lambda each: each.last["loss"], descending=descending)
            assert sorted(branch.place for branch in found.values()) == list(range(len(runs)))
            order = sorted(runs, key=lambda each: found[each.uid].place)
            family = {each.uid: each.uid for each in runs}
            for each in runs:
                if each.parent in found:
                    assert found[each.parent].place < found[each.uid].place
                    assert found[each.uid].depth == found[each.parent].depth + 1
                    family[each.uid] = family[each.parent]
                else:
                    assert found[each.uid].depth == 0
            roots = [family[each.uid] for each in order]
            assert [root for k, root in enumerate(roots) if k == 0 or roots[k - 1] != root] == list(
                dict.fromkeys(roots)
            )
            best = max if descending else min
            firsts = [best(e.last["loss"] for e in runs if family[e.uid] == root) for root in dict.fromkeys(roots)]
            assert firsts == sorted(firsts, reverse=descending)
