"""Every store, by a path or a URL: shared in a process, read and written by several, one owner for a run."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from sqlalchemy import update

from core.store.database import Store
from core.store.library import Library
from core.store.schema import run
from core.telemetry.events import StatusChange
from tests.core.store.said import at, scalars


def test_everyone_in_a_process_shares_one_writer(where: str) -> None:
    one = Store.open(where)
    two = Store.open(one.url)
    assert one is two
    one.close()
    Library(two).create_run("still open", "{}")
    two.close()
    assert Store.open(where) is not one
    Store.open(where).close()
    Store.open(where).close()


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.exec_driver_sql(
                "INSERT INTO run (uid, name, status, reason, created, step, seconds, epoch, samples, steps, seed, place,"
                " parent, parent_step, document_id, document_name, document_text, environment, notes, process,"
                " process_started, heartbeat, revision) VALUES"
                " ('u','n','queued','',0,0,0,0,0,0,0,'','',0,'','','','','',0,0,0,0)"
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Library(store).runs() == []


READER = """
import sys
from core.store.database import Store
from core.store.library import Library
library = Library(Store.open(sys.argv[1]))
reader = library.reader(sys.argv[2])
before = 0
print("ready", flush=True)
while True:
    head = reader.head()
    steps, values = reader.points("loss")
    assert steps.tolist() == list(range(len(steps))), "a hole or a twin"
    assert len(steps) >= before
    before = len(steps)
    if head.status == "finished":
        break
assert len(reader.points("loss")[0]) == int(sys.argv[3])
print(library.store.check(), flush=True)
"""


def test_two_processes_read_while_one_writes(library: Library, store: Store) -> None:
    uid = library.create_run("watched", "{}").uid
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, store.url, uid, "6000"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    recorder = library.recorder(uid, seconds_between_flushes=0.005)
    for step in range(6000):
        recorder.say(scalars(step))
        if step % 1000 == 0:
            assert recorder.flush()
            library.set_notes(uid, f"edited at {step}")
    recorder.say(StatusChange(at=at(6000), status="finished"))
    assert recorder.close()
    for reader in readers:
        out, error = reader.communicate(timeout=100)
        assert reader.returncode == 0, error
        assert out == "[]\n"


WRITER = """
import sys
from core.store.database import Store
from core.store.library import Library
from tests.core.store.said import scalars
library = Library(Store.open(sys.argv[1]))
uid = library.create_run(sys.argv[2], "{}").uid
recorder = library.recorder(uid, seconds_between_flushes=0.002)
for step in range(20_000):
    recorder.say(scalars(step))
    if step % 2000 == 0:
        recorder.flush(); library.set_notes(uid, str(step))
        if library.store.is_file:
            library.store._holder.fold_log("PASSIVE")
assert recorder.close(), recorder.problems
library.store.close()
"""


def test_two_processes_write_and_fold_the_log(where: str) -> None:
    both = [subprocess.Popen([sys.executable, "-c", WRITER, where, name], stderr=subprocess.PIPE, text=True)
            for name in ("one", "two")]  # fmt: skip
    for child in both:
        error = child.communicate(timeout=100)[1]
        assert child.returncode == 0, error
    with Store.open(where) as store:
        assert store.check() == []
        library = Library(store)
        for facts in library.runs():
            assert library.reader(facts.uid).points("loss")[0].tolist() == list(range(20_000))


TAKER = """
import platform, sys
from core.store import liveness
platform.node = lambda: "another-machine"
liveness.SECONDS_UNHEARD = -1.0  # however often it is heard of
from core.store.database import Store
from core.store.library import Library
from tests.core.store.said import scalars
library = Library(Store.open(sys.argv[1]))
library.claim(sys.argv[2])
recorder = library.recorder(sys.argv[2])
recorder.truncate_after(3)
for step in range(4, 9):
    recorder.say(scalars(step, loss=-1.0))
assert recorder.flush(), recorder.problems
print("mine", flush=True)
sys.stdin.read()
recorder.say(scalars(9, loss=-1.0))
assert recorder.close(), recorder.problems
library.store.close()
"""


def given_up(store: Store, uid: str) -> None:
    """As if this process had not been heard of for long, by somebody on another machine."""
    values = {"host": "another-machine-still", "heartbeat": 1.0}
    with store.write() as connection:
        connection.execute(update(run).where(run.c.uid == uid).values(**values))


def test_a_run_that_another_machine_has_taken_over_is_no_longer_written(library: Library, store: Store) -> None:
    uid = library.create_run("r", "{}").uid
    claim, lost = library.claim(uid), threading.Event()
    recorder = library.recorder(uid, on_loss=lost.set)
    for step in range(6):
        recorder.say(scalars(step, loss=float(step)))
    assert recorder.flush()
    given_up(store, uid)
    words = [sys.executable, "-c", TAKER, store.url, uid]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as taker:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "mine\n"
        recorder.say(scalars(6, loss=6.0))
        assert lost.wait(30)
        assert not recorder.flush(5)
        assert not recorder.secure(5)
        recorder.say(StatusChange(at=at(6), status="stopped"))
        assert not recorder.close()
        claim.release()
        assert taker.communicate("go on")[0] == ""
    assert taker.returncode == 0
    assert "taken over" in recorder.problems[-1].what
    assert not list(store.files.rglob("*.spool"))
    steps, values = library.reader(uid).points("loss")
    assert steps.tolist() == list(range(10))
    assert values.tolist() == [0.0, 1.0, 2.0, 3.0, *[-1.0] * 6]
    assert library.facts(uid).status == "queued"


def test_a_run_that_was_given_up_and_that_nobody_took_is_its_owners_again(library: Library, store: Store) -> None:
    uid = library.create_run("r", "{}").uid
    claim = library.claim(uid)
    recorder = library.recorder(uid)
    recorder.say(StatusChange(at=at(0), status="running"))
    assert recorder.flush()
    given_up(store, uid)
    assert [facts.uid for facts in library.mark_interrupted()] == [uid]
    recorder.say(scalars(1))
    assert recorder.flush()
    assert library.facts(uid).status == "running"
    assert library.mark_interrupted() == []
    recorder.say(StatusChange(at=at(1), status="finished"))
    assert recorder.close()
    claim.release()
    assert library.facts(uid).status == "finished"


def test_texts_are_kept_as_they_are_and_ordered_by_their_bytes(library: Library, store: Store) -> None:
    odd = ["a", "B", "ä", "Z", "z", "\0", "a\0b", "\x1a", "\x1a0", "日"]
    uid = library.create_run("\0 and \x1a0", '{"name": "drawing"}', tags=odd).uid
    assert library.facts(uid).name == "\0 and \x1a0"
    assert sorted(library.tags()) == sorted(odd)
    if store.is_file:
        assert library.tags() == sorted(odd)
    plain = [tag for tag in library.tags() if "\0" not in tag and "\x1a" not in tag]
    assert plain == sorted(plain, key=str.encode)


def test_numbers_need_more_than_32_bits(library: Library) -> None:
    large = 2**40
    facts = library.create_run("r", "{}", steps=large, seed=large, params={"n": float("nan"), "i": float("inf")})
    assert (facts.steps, facts.seed) == (large, large)
    found = library.params(facts.uid)
    assert (str(found["n"]), found["i"]) == ("nan", float("inf"))
    recorder = library.recorder(facts.uid)
    recorder.say(scalars(large, loss=float("nan")))
    recorder.say(scalars(large + 1, loss=float("-inf")))
    assert recorder.close()
    assert library.reader(facts.uid).points("loss")[0].tolist() == [large, large + 1]
