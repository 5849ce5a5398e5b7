"""The library: find, sort, edit, compare, export, delete and take it back. Every act is a wish."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.store.answers import CheckpointFacts, RunFacts
from widgets.library.columns import duration
from widgets.library.library import LibraryView
from widgets.library.table import csv_text, parse_tags

R10 = "retrieval/unseen concepts/image_to_text/R@10"


def facts(number, name, status="finished", loss=1.0, r10=None, **more):
    return RunFacts(
        id=number, uid=f"u{number}", name=name, status=status, created=1_795_000_000 + number, seconds=60 * number,
        step=100, steps=100, seed=number, last={"loss": loss} | ({} if r10 is None else {R10: r10}), best={} if r10 is None else {R10: 2 * r10}, **more,
    )  # fmt: skip


RUNS = [
    facts(1, "mini-CLIP", loss=0.8, r10=0.41, tags=("baseline",)),
    facts(2, "FLIP", loss=0.9, r10=0.38, notes="half the patches"),
    facts(3, "broken", "diverged", loss=float("nan")),
    facts(4, "live", "running", loss=2.0),
]


@pytest.fixture
def library(qtbot):
    view = LibraryView()
    qtbot.addWidget(view)
    view.resize(1200, 600)
    view.show()
    view.set_runs(RUNS)
    return view


def names(library):
    return [run.name for run in library.shown()]


def sort(library, key, order):
    library.view.sortByColumn(library._column(key), order)


def test_newest_first(library):
    assert names(library) == ["live", "broken", "FLIP", "mini-CLIP"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Qt.SortOrder.AscendingOrder, ["mini-CLIP", "FLIP", "live", "broken"]),
        (Qt.SortOrder.DescendingOrder, ["live", "FLIP", "mini-CLIP", "broken"]),
    ],
)
def test_what_is_not_a_number_comes_last_either_way(library, order, expected):
    sort(library, "loss", order)
    assert names(library) == expected


def test_a_missing_metric_comes_last_either_way(library):
    for order, first in ((Qt.SortOrder.AscendingOrder, "FLIP"), (Qt.SortOrder.DescendingOrder, "mini-CLIP")):
        sort(library, f"best:{R10.replace('image_to_text', '*')}", order)
        assert names(library)[0] == first
        assert set(names(library)[2:]) == {"broken", "live"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flip", {"FLIP"}),
        ("patches half", {"FLIP"}),
        ("baseline", {"mini-CLIP"}),
        ("diverged", {"broken"}),
        ("nobody", set()),
    ],
)
def test_search(library, text, expected):
    QTest.keyClicks(library._search, text)
    assert set(names(library)) == expected
    assert library._empty.isVisible() == (not expected)


def test_filter_by_status(library):
    library._status.setCurrentIndex(library._status.findData("running"))
    assert names(library) == ["live"]


def test_an_edit_is_a_wish_and_the_row_changes_when_the_store_has_it(library, qtbot):
    index = library.filter.index(3, 0)
    with qtbot.waitSignal(library.renameRequested) as caught:
        library.filter.setData(index, "  mini-CLIP again ")
    assert caught.args == ["u1", "mini-CLIP again"]
    assert index.data() == "mini-CLIP"
    tags = library.filter.index(3, library._column("tags"))
    with qtbot.waitSignal(library.tagsRequested) as caught:
        library.filter.setData(tags, "a, b，a,,")
    assert caught.args == ["u1", ("a", "b")]
    with qtbot.waitSignal(library.notesRequested):
        library.filter.setData(library.filter.index(3, library._column("notes")), "new")


def test_an_empty_or_equal_name_is_no_wish(library, qtbot):
    with qtbot.assertNotEmitted(library.renameRequested):
        library.filter.setData(library.filter.index(3, 0), "   ")
        library.filter.setData(library.filter.index(3, 0), "mini-CLIP")


def test_delete_asks_and_can_be_taken_back(library, qtbot):
    library.select(["u1", "u2"])
    with qtbot.waitSignal(library.deleteRequested) as deleted:
        QTest.keyClick(library, Qt.Key.Key_Delete)
    assert set(deleted.args[0]) == {"u1", "u2"}
    library.set_runs(RUNS[2:])
    assert library._undo_bar.isVisible()
    with qtbot.waitSignal(library.restoreRequested) as restored:
        library._undo()
    assert restored.args == deleted.args
    assert not library._undo_bar.isVisible()


def test_a_run_that_trains_is_not_deleted(library, qtbot):
    library.select(["u4"])
    assert "stop it first" in library.why_not("delete")
    with qtbot.assertNotEmitted(library.deleteRequested):
        QTest.keyClick(library, Qt.Key.Key_Delete)


@pytest.mark.parametrize(
    ("act", "uids", "reason"),
    [
        ("replay", [], "Select a run"), ("replay", ["u1"], ""), ("replay", ["u1", "u2"], "one run only"),
        ("compare", ["u1"], "two runs or more"), ("compare", ["u1", "u2"], ""), ("continue", ["u1"], "all its steps"),
        ("continue", ["u3"], ""), ("continue", ["u4"], "still trains"), ("fork", ["u1"], "no checkpoint"), ("export", [], ""),
    ],
)  # fmt: skip
def test_why_not(library, act, uids, reason):
    library.select(uids)
    why_not = library.why_not(act)
    assert (reason in why_not) if reason else why_not == ""
    assert library._buttons[act].isEnabled() == (not why_not)


@pytest.mark.parametrize(
    ("act", "signal"),
    [("replay", "replayRequested"), ("open", "openDocumentRequested"), ("continue", "continueRequested")],
)
def test_wishes_name_the_run(library, qtbot, act, signal):
    library.select(["u3"])
    with qtbot.waitSignal(getattr(library, signal)) as caught:
        library._buttons[act].click()
    assert caught.args == ["u3"]


def test_fork_from_a_checkpoint_that_is_still_there(library, qtbot):
    library.select(["u1"])
    library.set_checkpoints(
        "u1",
        [
            CheckpointFacts(step=40, path="a"),
            CheckpointFacts(step=80, path="b", best=True),
            CheckpointFacts(step=20, path="c", kept=False),
        ],
    )
    actions = library._buttons["fork"].menu().actions()
    assert len(actions) == 2
    with qtbot.waitSignal(library.forkRequested) as caught:
        actions[0].trigger()
    assert caught.args == ["u1", 80]


def test_new_facts_keep_selection_and_sorting(library):
    library.select(["u2"])
    sort(library, "name", Qt.SortOrder.AscendingOrder)
    before = names(library)
    library.set_runs([facts(5, "another", r10=0.1), *RUNS])
    assert library.selected() == ("u2",)
    assert names(library) == sorted([*before, "another"], key=str.lower)


def test_sorting_is_kept_when_a_metric_gets_its_column(qtbot):
    view = LibraryView()
    qtbot.addWidget(view)
    view.set_runs([facts(1, "b"), facts(2, "a")])
    view.set_runs(RUNS)
    assert names(view) == ["live", "broken", "FLIP", "mini-CLIP"]


def test_deleted_runs_are_not_shown(library):
    library.set_runs([facts(1, "gone", deleted=True), facts(2, "here")])
    assert names(library) == ["here"]


def test_an_empty_library_says_what_to_do(library):
    library.set_runs([])
    assert "press Run" in library._empty.text()
    assert not library.view.isVisible()


def test_csv_holds_what_is_shown_and_no_formula(library, tmp_path):
    library.set_runs([facts(1, "=HYPERLINK(1)", notes="-2"), facts(2, "plain, with comma")])
    library.write_table(tmp_path / "runs.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "runs.csv").read_text(encoding="utf-8-sig"))))
    assert rows[0][0] == "Name"
    assert {row[0] for row in rows[1:]} == {"'=HYPERLINK(1)", "plain, with comma"}
    assert [row[-1] for row in rows[1:]] == ["u2", "u1"]
    assert csv_text(library.table.columns(), ()).count("\n") == 1


def test_png_of_what_is_seen(library, tmp_path):
    assert library.write_picture(tmp_path / "runs.png")
    assert (tmp_path / "runs.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("seconds", "text"), [(3.2, "3 s"), (125, "2 min 5 s"), (4320, "1 h 12 min")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_tags_are_parted_by_commas_of_both_kinds():
    assert parse_tags(" a，b, a ,") == ("a", "b")


def test_a_model_and_a_tower_of_the_one_selected_run_are_wishes(qtbot, monkeypatch, tmp_path):
    view = LibraryView()
    qtbot.addWidget(view)
    view.set_runs(RUNS)
    said = []
    view.modelRequested.connect(lambda uid, path: said.append((uid, path)))
    view.towerRequested.connect(lambda uid, folder: said.append((uid, folder)))
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: ("m.pt2", ""))
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path))
    view.select([])
    models = view._buttons["export"].menu().actions()[-2:]
    assert not any(action.isEnabled() for action in models)
    uid = RUNS[0].uid
    view.select([uid])
    for action in models:
        assert action.isEnabled()
        action.trigger()
    assert said == [(uid, "m.pt2"), (uid, str(tmp_path))]


def metric_columns(library, *runs):
    """The metric columns' titles, and what they say of each run."""
    library.set_runs(list(runs))
    columns = [column for column in library.table.columns() if column.key.startswith("best:")]
    return [column.title for column in columns], [[column.text(run) for column in columns] for run in runs]


def test_held_out_scores_have_columns_whatever_the_sides_are_called(library):
    """Of the test split the mean of both directions at the end: neither the better one nor the best of many looks."""
    fused = facts(5, "fused", r10=None, document_name="")
    way = "retrieval/test/{}/R@10".format
    fused = replace(
        fused,
        last={
            "loss": 1.0,
            way("shared_to_image"): 0.91,
            way("image_to_shared"): 0.90,
            way("image_to_class"): 0.2,
            "retrieval/test/x/chance R@10": 1.0,
        },
        best={way("shared_to_image"): 0.96, way("image_to_shared"): 0.97, "retrieval/train/image_to_text/R@10": 1.0},
    )
    titles, texts = metric_columns(library, fused, facts(6, "nothing yet"))
    assert titles == ["R@10 test"], "training data is no test"
    assert texts == [["90.5 %"], [""]]


def test_what_chooses_runs_stands_first_with_its_last_and_its_best(library):
    series = "selection/validation/R@10"
    values = {series: 0.41, "retrieval/validation/image_to_text/R@10": 0.5, "retrieval/test/image_to_text/R@10": 0.3,
              "retrieval/test/text_to_image/R@10": 0.2}  # fmt: skip
    run = replace(facts(5, "run"), last=values, best={**values, series: 0.475}, document_name="")
    spoiled = replace(facts(6, "spoiled"), last={series: float("nan")}, best={series: float("inf")}, document_name="")
    titles, texts = metric_columns(library, run, spoiled)
    assert titles == ["R@10 validation", "R@10 test"]
    assert texts[0] == ["41.0 / 47.5 %", "25.0 %"]
    tips = [column.tip for column in library.table.columns() if column.key.startswith("best:")]
    assert tips[0] == "last / best value of validation · mean of both directions · R@10"
    assert tips[1] == "last value of test · mean of both directions · R@10"
    for descending in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        sort(library, f"best:{series}", descending)
        assert names(library)[-1] == "spoiled", "what is not finite comes last either way"


def test_runs_that_answer_otherwise_show_what_they_answer(library):
    boxes = {f"retrieval/test/phrase_to_box/R@{k}": share for k, share in ((1, 0.5), (10, 1.0))}
    words = {"score/test/masked_words/accuracy": 0.25, "score/test/masked_words/chance accuracy": 0.9}
    runs = [
        replace(facts(n, f"run {n}"), last=found, best=found, document_name="") for n, found in ((5, boxes), (6, words))
    ]
    titles, texts = metric_columns(library, *runs)
    assert titles == ["R@1 phrase → box", "accuracy test"]
    assert texts == [["50.0 %", ""], ["", "25.0 %"]]
