"""The queue of runs: kept in the store, in order, nobody's until it is begun; and what a run is about, for all to see."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.problems import Refused
from core.store.database import Store
from core.store.library import Library
from core.store.schema import run
from core.store.waiting import give_up, move, waiting
from core.telemetry.events import PhaseChange, StatusChange
from tests.core.store.said import at, scalars


@pytest.fixture
def three(library: Library) -> list[str]:
    """Three runs that wait, the first one first."""
    return [library.create_run(name, "{}", queued=True).uid for name in ("a", "b", "c")]


def order(store: Store) -> list[str]:
    return [facts.name for facts in waiting(store)]


def test_a_queue_is_in_order_and_can_be_put_in_another(store: Store, three: list[str]) -> None:
    assert order(store) == ["a", "b", "c"]
    move(store, three[2], -1)
    assert order(store) == ["a", "c", "b"]
    move(store, three[0], 9)
    assert order(store) == ["c", "b", "a"]
    with pytest.raises(Refused, match="does not wait"):
        move(store, "nobody", 1)


def test_the_queue_outlives_who_made_it(store: Store, library: Library, three: list[str], where: str) -> None:
    gone = {"process": 2**22 + 1, "process_started": 1.0}
    with store.write() as connection:
        connection.execute(update(run).values(**gone))
    assert not library.has_gone()
    assert library.mark_interrupted() == []
    assert [facts.status for facts in library.runs()] == ["queued"] * 3
    assert library.owner_refusal(three[0]) is None
    store.close()
    with Store.open(where) as again:
        assert order(again) == ["a", "b", "c"]


def test_who_begins_a_run_takes_it_out_and_who_could_not_puts_it_back(
    store: Store, library: Library, three: list[str]
) -> None:
    claim = library.claim(three[0])
    assert order(store) == ["b", "c"]
    assert not library.facts(three[0]).waits
    with pytest.raises(Refused):
        library.claim(three[0])
    claim.undo()
    assert order(store) == ["a", "b", "c"]


def test_a_run_that_is_put_aside_or_cannot_begin_leaves_the_queue(
    store: Store, library: Library, three: list[str]
) -> None:
    library.delete(three[0])
    give_up(store, three[1], "The run it should go on from is gone.")
    assert order(store) == ["c"]
    assert (library.facts(three[1]).status, library.facts(three[1]).reason[:7]) == ("failed", "The run")
    library.restore(three[0])
    assert order(store) == ["a", "c"]


def test_what_a_run_is_about_is_read_by_everybody_and_ends_with_it(library: Library) -> None:
    uid = library.create_run("a", "{}", steps=10).uid
    recorder, reader = library.recorder(uid), library.reader(uid)
    recorder.say(StatusChange(at=at(0), status="running"))
    recorder.say(scalars(4))
    recorder.say(PhaseChange(at=at(4), phase="evaluating", done=3, of=9))
    assert recorder.flush()
    head = reader.head()
    assert (head.step, head.phase, head.done, head.of, head.is_live) == (4, "evaluating", 3, 9, True)
    assert head.seconds_left == pytest.approx(6 * head.seconds / 4)
    assert library.facts(uid).phase == "evaluating"
    recorder.say(StatusChange(at=at(4), status="stopped"))
    assert recorder.close()
    assert (reader.head().phase, reader.head().of, reader.head().seconds_left) == ("", 0, None)
