"""Pairs that a run showed, and what a person said of them, come back as they were."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from core.problems import Refused
from core.store.database import Store
from core.store.library import Library
from core.store.spool import Spool
from core.telemetry.events import Pairs
from tests.core.store.said import at

ORIGINS = ("in-batch", "queue", "mined")


def pairs(step: int, count: int = 5) -> Pairs:
    random = np.random.default_rng(step)
    return Pairs(
        at=at(step), series="pairs/info_nce", left=random.integers(0, 999, count).astype(np.int32),
        right=random.integers(1000, 1999, count).astype(np.int32), cosine=random.normal(size=count).astype(np.float32),
        origin=random.integers(0, 3, count).astype(np.uint8), origins=ORIGINS, hardest=2,
    )  # fmt: skip


def same(found: object, event: Pairs) -> bool:
    arrays = all(np.array_equal(getattr(found, n), getattr(event, n)) for n in ("left", "right", "cosine", "origin"))
    return arrays and (found.origins, found.hardest) == (event.origins, event.hardest)  # type: ignore[attr-defined]


def test_pairs_at_the_cursor_are_those_that_were_said(library: Library) -> None:
    uid = library.create_run("a run", "{}").uid
    recorder = library.recorder(uid)
    events = [pairs(step, count) for step, count in ((10, 5), (20, 0), (30, 192))]
    for event in events:
        recorder.say(event)
    assert recorder.close()
    assert recorder.problems == []
    reader = library.reader(uid)
    assert [reader.series("pairs")[0].name, reader.series("pairs")[0].count] == ["pairs/info_nce", 3]
    assert reader.snapshot_steps("pairs/info_nce") == [10, 20, 30]
    assert reader.pairs_at("pairs/info_nce", 9) is None
    for event, moment in zip(events, (19, 20, 10**9)):
        found = reader.pairs_at("pairs/info_nce", moment)
        assert found is not None
        assert (found.step, same(found, event)) == (event.at.step, True)


def test_pairs_that_make_no_sense_are_said_and_left_out(library: Library) -> None:
    uid = library.create_run("odd", "{}").uid
    recorder = library.recorder(uid)
    whole = pairs(1)
    recorder.say(Pairs(**{**vars(whole), "right": whole.right[:2]}))
    recorder.say(Pairs(**{**vars(whole), "origins": ()}))
    recorder.say(pairs(2))
    assert recorder.close()
    assert [problem.what.split(":")[0] for problem in recorder.problems] == ["A Pairs event could not be kept"] * 2
    assert library.reader(uid).snapshot_steps("pairs/info_nce") == [2]


def test_cut_back_and_damaged_pairs(library: Library, store: Store) -> None:
    uid = library.create_run("cut", "{}").uid
    recorder = library.recorder(uid)
    for step in (10, 20, 30):
        recorder.say(pairs(step))
    assert recorder.truncate_after(20)
    assert recorder.close()
    reader = library.reader(uid)
    assert reader.snapshot_steps("pairs/info_nce") == [10, 20]
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE snapshot SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE step = 20")
    with pytest.raises(ValueError, match="damaged on disk"):
        reader.pairs_at("pairs/info_nce", 25)
    assert reader.pairs_at("pairs/info_nce", 15) is not None


def test_pairs_wait_in_the_spool_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "runs.spool")
    spool.extend([pairs(1), pairs(2, 0)])
    found = Spool(tmp_path / "runs.spool").take(10)
    assert [type(event) for event in found] == [Pairs, Pairs]
    assert all(same(event, pairs(event.at.step, count)) for event, count in zip(found, (5, 0)))


def test_judgements_are_kept_with_the_dataset(library: Library, store: Store) -> None:
    before = time.time()
    assert library.mark("abc", [(7, 3), (3, 7), (1, 2)], "duplicate", run="run-1", step=40) == 2
    assert library.mark("other", [(3, 7)], "truly hard") == 1
    with Store.open(store.path) as again:
        found = Library(again).marks("abc")
    assert [(each.left, each.right, each.mark, each.run, each.step) for each in found] == [
        (1, 2, "duplicate", "run-1", 40), (3, 7, "duplicate", "run-1", 40),
    ]  # fmt: skip
    assert before - 1 <= found[0].made <= time.time()
    library.mark("abc", [(3, 7)], "truly hard", run="run-2", step=50)  # the last word wins
    assert [(each.mark, each.run) for each in library.marks("abc")] == [("duplicate", "run-1"), ("truly hard", "run-2")]
    assert library.unmark("abc", [(7, 3), (8, 9)]) == 1
    assert [(each.left, each.right) for each in library.marks("abc")] == [(1, 2)]
    assert len(library.marks("other")) == 1
    assert library.marks("nothing") == []


@pytest.mark.parametrize(
    ("dataset", "pair", "mark"), [("", (1, 2), "duplicate"), ("a", (1, 1), "duplicate"), ("a", (-1, 2), "duplicate"),
                                  ("a", (1, 2**31), "duplicate"), ("a", (1, 2), "odd")]
)  # fmt: skip
def test_what_is_no_judgement_is_refused(library: Library, dataset: str, pair: tuple[int, int], mark: str) -> None:
    with pytest.raises(Refused):
        library.mark(dataset, [pair], mark)
    assert library.marks(dataset) == []


def test_what_is_known_late_is_added_to_the_parameters(library: Library) -> None:
    uid = library.create_run("late", "{}", params={"steps": 5}).uid
    library.add_params(uid, {"data fingerprint": "abc"})
    library.add_params(uid, {"data fingerprint": "def"})
    assert library.params(uid) == {"steps": 5, "data fingerprint": "def"}


def test_judgements_go_along_with_a_dataset_that_is_told_otherwise(library: Library) -> None:
    library.mark("former", [(1, 2), (3, 4)], "duplicate")
    library.mark("now", [(3, 4), (5, 6)], "truly hard")
    library.rename_dataset("former", "now")
    assert [(each.left, each.mark) for each in library.marks("now")] == [
        (1, "duplicate"), (3, "truly hard"), (5, "truly hard"),
    ]  # fmt: skip
    assert library.marks("former") == []
