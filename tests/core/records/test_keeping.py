"""Runs of others in the library: like any other, told where they came from, and never twice."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core.problems import Refused
from core.records.keeping import Imported, bring
from core.records.looking import DEEPEST, look
from core.records.reader import Stopped
from core.store.database import Store
from core.store.library import Library
from tests.core.records.events import event, scalar, write

LATER = "events.out.tfevents.1700000100.host.1.1"


def said(first: int, last: int, tag: str = "loss") -> list[bytes]:
    return [event(1_700_000_000.0 + s / 4, s, summary=scalar(tag, s / 8)) for s in range(first, last)]


def imported(store: Store, folder: Path) -> Imported:
    found = look(folder)
    return bring(store, [each.place for each in found.runs], folder)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store" / "runs.db")


def test_a_run_is_whole_and_says_where_it_came_from(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "logs/one", [*said(0, 30), event(1_700_000_007.0, 28, summary=scalar("bad", math.inf))])
    came = imported(store, tmp_path / "logs")
    assert [(each.what, each.figures) for each in came.kept] == [("new", 31)]
    library = Library(store)
    (facts,) = library.runs()
    assert (facts.name, facts.status, facts.place, facts.document_name) == (
        "one",
        "finished",
        "import",
        "TensorBoard · logs",
    )
    assert (facts.created, facts.step, facts.seconds, facts.tags) == (1_700_000_000.0, 29, 7.25, ("TensorBoard",))
    reader = library.reader(facts.uid)
    steps, values = reader.points("loss")
    np.testing.assert_array_equal(steps, np.arange(30))
    np.testing.assert_array_equal(values, np.arange(30) / 8)
    assert reader.points("bad")[1].tolist() == [math.inf]
    assert reader.place(20, "seconds") == 5.0
    assert [line.text for line in reader.log()] == [
        f"From TensorBoard: {tmp_path / 'logs/one'}",
        "1 values are not finite (NaN or infinite); they are kept as they are.",
    ]
    store.close()


def test_a_second_time_only_what_is_new_comes(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "logs/one", said(0, 10))
    uid = imported(store, tmp_path / "logs").kept[0].uid
    Library(store).rename(uid, "mine")
    assert [each.what for each in imported(store, tmp_path / "logs").kept] == ["known"]
    write(tmp_path / "logs/one", [*said(10, 14), *said(0, 3, "late")], LATER)
    again = imported(store, tmp_path / "logs")
    assert [(each.uid, each.name, each.what, each.figures) for each in again.kept] == [(uid, "mine", "added", 7)]
    (facts,) = Library(store).runs()
    reader = Library(store).reader(uid)
    assert (facts.step, facts.seconds, len(reader.log())) == (13, 3.25, 1)
    np.testing.assert_array_equal(reader.points("loss")[0], np.arange(14))
    np.testing.assert_array_equal(reader.points("late")[0], np.arange(3))
    store.close()


def test_a_record_that_was_changed_is_written_anew(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "logs/one", said(0, 10))
    uid = imported(store, tmp_path / "logs").kept[0].uid
    restarted = [event(1_700_000_100.0, 4, start=True), event(1_700_000_101.0, 4, summary=scalar("loss", -1.0))]
    write(tmp_path / "logs/one", restarted, LATER)
    again = imported(store, tmp_path / "logs")
    assert [(each.uid, each.what) for each in again.kept] == [(uid, "anew")]
    reader = Library(store).reader(uid)
    assert reader.points("loss")[1].tolist() == [0, 1 / 8, 2 / 8, 3 / 8, -1.0]
    assert (reader.head().step, len(Library(store).runs())) == (4, 1)
    assert "6 values were dropped" in reader.log()[-1].text
    assert [(mark.step, mark.kind) for mark in reader.marks()] == [(4, "note")]
    store.close()


def test_a_deleted_run_comes_back_when_it_is_imported_again(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "logs/one", said(0, 3))
    uid = imported(store, tmp_path / "logs").kept[0].uid
    Library(store).delete(uid)
    assert [each.what for each in imported(store, tmp_path / "logs").kept] == ["added"]
    assert [facts.uid for facts in Library(store).runs()] == [uid]
    store.close()


def test_who_stops_leaves_whole_runs_only(tmp_path: Path, store: Store) -> None:
    for name in ("one", "two"):
        write(tmp_path / "logs" / name, said(0, 5))
    found, asked = look(tmp_path / "logs"), []

    def stops() -> bool:
        asked.append(1)
        return len(asked) > 3  # in the middle of the second

    with pytest.raises(Stopped):
        bring(store, [each.place for each in found.runs], tmp_path / "logs", stops=stops)
    assert [facts.name for facts in Library(store).runs()] == ["one"]
    assert Library(store).runs(deleted=True) == []  # nothing half is put aside
    assert [each.what for each in imported(store, tmp_path / "logs").kept] == ["known", "new"]
    assert len(Library(store).runs()) == 2
    store.close()


def test_who_stops_while_a_changed_run_is_written_anew_loses_nothing_of_it(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "logs/one", said(0, 10))
    uid = imported(store, tmp_path / "logs").kept[0].uid
    write(tmp_path / "logs/one", [event(1_700_000_100.0, 4, start=True), *said(4, 6)], LATER)
    (place,) = [each.place for each in look(tmp_path / "logs").runs]
    for patience in range(20):  # at every look, one after the other
        left = iter(range(patience))
        try:
            bring(store, [place], tmp_path / "logs", stops=lambda left=left: next(left, None) is None)
        except Stopped:
            assert len(Library(store).reader(uid).points("loss")[0]) == 10
        else:
            break
    assert len(Library(store).reader(uid).points("loss")[0]) == 6
    store.close()


def test_folders_that_lie_too_deep_are_counted(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("logs", *("d" * (DEEPEST + 1)))
    write(deep, said(0, 3))
    found = look(tmp_path / "logs")
    assert found.runs == ()
    (problem,) = found.problems
    assert (
        problem.what == f"1 folders in {tmp_path / 'logs'} lie deeper than {DEEPEST} levels and were not looked into."
    )
    assert len(look(tmp_path / "logs/d").runs) == 1


def test_progress_ends_at_the_end(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "logs/one", said(0, 5))
    told: list[tuple[int, int]] = []
    found = look(tmp_path / "logs", told=lambda progress: told.append((progress.done, progress.of)))
    assert told[-1] == (found.runs[0].place.bytes, found.runs[0].place.bytes)
    store.close()


def test_a_store_of_this_studio_is_named_and_left_alone(tmp_path: Path, store: Store) -> None:
    found = look(tmp_path / "store")
    assert found.runs == ()
    assert [problem.what.endswith("is a store of this studio.") for problem in found.problems] == [True]
    store.close()


def test_no_such_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="There is no folder"):
        look(tmp_path / "nowhere")
