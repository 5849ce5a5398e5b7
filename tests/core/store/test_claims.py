"""One run has one owner, told by process, start and machine; a second starter is told who it is."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.problems import Refused
from core.store import liveness
from core.store.claims import take
from core.store.database import Store
from core.store.library import Library
from core.store.schema import run
from core.store.spool import Spool
from core.telemetry.events import StatusChange
from tests.core.store.said import at, scalars

OTHER = """
import sys
from core.problems import Refused
from core.store.database import Store
from core.store.library import Library
with Store.open(sys.argv[1]) as store:
    try:
        Library(store).claim(sys.argv[2])
        print("mine")
    except Refused as refused:
        print(refused)
"""
CLAIMER = """
import os, sys
from core.store.database import Store
from core.store.library import Library
library = Library(Store.open(sys.argv[1]))
won = 0
for uid in sys.argv[2].split(","):
    try:
        library.claim(uid)
        won += 1
    except Exception:
        pass
print(won, flush=True)
sys.stdin.read()
"""


def elsewhere(store: Store, uid: str) -> str:
    done = subprocess.run([sys.executable, "-c", OTHER, store.url, uid], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def stand_in(store: Store, uid: str, **values: object) -> None:
    with store.write() as connection:
        connection.execute(update(run).where(run.c.uid == uid).values(**values))


def test_a_second_starter_is_told_who_owns_the_run(store: Store, library: Library) -> None:
    uid = library.create_run("r", "{}").uid
    claim = library.claim(uid)
    with pytest.raises(Refused, match=f"The run {uid} is trained by this process already"):
        library.claim(uid)
    said = elsewhere(store, uid)
    assert said.startswith(f"The run {uid} is trained by process {liveness.this_process()[0]} already.")
    claim.release()
    assert elsewhere(store, uid) == "mine"
    assert library.claim(uid).before["status"] == "queued", "who claimed it is gone"


def test_an_ended_run_waits_again_once_it_is_claimed_and_is_as_it_was_where_it_was_not_begun(library: Library) -> None:
    uid = library.create_run("r", "{}").uid
    recorder = library.recorder(uid)
    recorder.say(StatusChange(at=at(3), status="stopped", reason="by hand"))
    assert recorder.close()
    claim = library.claim(uid)
    assert library.facts(uid).status == "queued"
    claim.undo()
    facts = library.facts(uid)
    assert (facts.status, facts.reason) == ("stopped", "by hand")
    library.claim(uid)


def test_of_many_runs_each_is_claimed_once(store: Store, library: Library) -> None:
    uids = ",".join(library.create_run(f"r{n}", "{}").uid for n in range(60))
    two = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, store.url, uids],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    won = [int(child.stdout.readline()) for child in two if child.stdout]
    for child in two:
        child.communicate()
    assert sum(won) == 60


def test_a_child_takes_the_run_with_its_parents_word_and_nobody_else_does(store: Store, library: Library) -> None:
    uid = library.create_run("r", "{}").uid
    claim = library.claim(uid)
    with pytest.raises(Refused, match="another process"):
        take(store, uid, "guessed")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        claim.hand_to(child.pid)
        assert library.liveness(uid)[0]
        assert library.mark_interrupted() == []
        with pytest.raises(Refused, match=f"process {child.pid}"):
            library.claim(uid)
        with pytest.raises(Refused, match=f"process {child.pid}"):  # nor its record, nor its spool file
            library.recorder(uid)
        child.kill()
    assert [facts.uid for facts in library.mark_interrupted()] == [uid]
    library.claim(uid)


def test_a_process_of_another_machine_is_known_by_its_heartbeat_only(store: Store, library: Library) -> None:
    uid = library.create_run("r", "{}").uid
    stand_in(store, uid, status="running", claim="x", host="elsewhere", process=1, heartbeat=time.time())
    assert library.mark_interrupted() == []
    with pytest.raises(Refused, match="process 1 on elsewhere"):
        library.claim(uid)
    stand_in(store, uid, heartbeat=time.time() - 2 * liveness.SECONDS_UNHEARD)
    assert [facts.uid for facts in library.mark_interrupted()] == [uid]


def test_two_machines_of_one_name_are_two(store: Store, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that no process has here may be that of one that lives there: cloned machines, containers."""
    uid = library.create_run("r", "{}").uid
    monkeypatch.setattr(liveness, "machine_word", lambda: "first")
    library.claim(uid)
    stand_in(store, uid, status="running", process=999_999_999)
    monkeypatch.setattr(liveness, "machine_word", lambda: "second")
    assert library.mark_interrupted() == []
    with pytest.raises(Refused, match=f"process 999999999 on {platform.node()} already"):
        library.claim(uid)
    stand_in(store, uid, heartbeat=time.time() - 2 * liveness.SECONDS_UNHEARD)
    assert [facts.uid for facts in library.mark_interrupted()] == [uid]


def test_a_machine_is_known_by_its_number_and_rows_of_before_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    words = []
    for number in ("a", "b", "a"):
        monkeypatch.setattr(liveness, "_read", lambda path, number=number: number if "machine-id" in path else "boot")
        liveness.machine_word.cache_clear()
        words.append(liveness.machine_word())
    assert words[0] == words[2] != words[1]
    host = liveness.this_host()
    assert liveness.host_name(host) == platform.node()
    assert liveness.is_this_host(host)
    assert liveness.is_this_host(platform.node())
    assert not liveness.is_this_host(f"{platform.node()}#{words[1]}")
    monkeypatch.undo()
    liveness.machine_word.cache_clear()


def test_a_run_that_was_claimed_again_since_the_look_is_not_interrupted(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = library.create_run("r", "{}").uid
    stand_in(store, uid, status="running", process=999_999_999, claim="dead")
    looked = library._gone()
    monkeypatch.setattr(library, "_gone", lambda: looked)
    claim = library.claim(uid)
    assert library.mark_interrupted() == []
    with store.read() as connection:
        assert connection.execute(select(run.c.claim).where(run.c.uid == uid)).scalar() == claim.word


def test_a_spool_file_on_a_full_disk_is_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "x.spool")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("core.store.spool._write_all", full)
        with pytest.raises(OSError, match="No space"):
            spool.extend([scalars(1)])
    assert spool.is_empty
    spool.extend([scalars(2)])
    assert [event.at.step for event in Spool(spool.path).take(9)] == [2]
