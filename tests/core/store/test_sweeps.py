"""The queue of trials: claimed once, taken back after a crash, paused, reordered, read in an older studio."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.problems import Refused
from core.store.answers import SweepFacts
from core.store.database import Store
from core.store.library import Library
from core.store.sweeps import Sweeps
from tests.core.store.said import at, scalars

CONFIGURATIONS = ['{"name": "a"}', '{"name": "b"}', '{"name": "c"}']


@pytest.fixture
def sweeps(store: Store) -> Sweeps:
    return Sweeps(store)


def begun(sweeps: Sweeps, **options: bool) -> SweepFacts:
    made = sweeps.create("a sweep", '{"name": "drawing"}', CONFIGURATIONS, [0, 1], document_id="d", **options)
    sweeps.begin(made.uid)
    return sweeps.facts(made.uid)


def test_a_sweep_has_a_trial_for_every_configuration_and_seed(sweeps: Sweeps) -> None:
    made = sweeps.create("a sweep", "{}", CONFIGURATIONS, [5, 6])
    assert made.state == "queued"
    assert made.counts == {"queued": 6}
    assert [(trial.number, trial.configuration, trial.seed) for trial in sweeps.trials(made.uid)] == [
        (i, CONFIGURATIONS[i // 2], 5 + i % 2) for i in range(6)
    ]
    assert sweeps.find("a sweep").uid == sweeps.find(made.uid[:9]).uid == made.uid
    assert sweeps.of_document("{}") == made
    with pytest.raises(Refused, match="no sweep 'b'"):
        sweeps.find("b")


def test_trials_are_claimed_in_order_and_only_while_it_runs(sweeps: Sweeps) -> None:
    made = sweeps.create("a sweep", "{}", CONFIGURATIONS, [0])
    assert sweeps.claim(made.uid) is None
    sweeps.begin(made.uid)
    first = sweeps.claim(made.uid)
    assert first is not None
    assert (first.number, first.state) == (0, "running")
    sweeps.set_state(made.uid, "paused")
    assert sweeps.claim(made.uid) is None
    sweeps.begin(made.uid)
    sweeps.move(made.uid, 2, -1)
    sweeps.skip(made.uid, [1])
    assert [trial.number for trial in sweeps.trials(made.uid)] == [0, 2, 1]
    second = sweeps.claim(made.uid)
    assert second is not None
    assert second.number == 2
    assert sweeps.claim(made.uid) is None
    assert sweeps.end(made.uid) == "running"  # two are still trained
    sweeps.finish(made.uid, 0, 0.5, {"seconds": 3.0, "nothing": float("nan")})
    sweeps.finish(made.uid, 2, 0.25, {})
    assert sweeps.end(made.uid) == "finished"
    found = {trial.number: trial for trial in sweeps.trials(made.uid)}
    assert (found[0].value, found[0].figures, found[1].state) == (0.5, {"seconds": 3.0}, "skipped")
    sweeps.requeue(made.uid, [1])
    assert sweeps.facts(made.uid).state == "paused"


def test_every_change_grows_the_revision(sweeps: Sweeps) -> None:
    made = begun(sweeps)
    seen = [made.revision]
    trial = sweeps.claim(made.uid)
    assert trial is not None
    for act in (
        lambda: sweeps.finish(made.uid, 0, 1.0, {}), lambda: sweeps.move(made.uid, 1, 1), lambda: sweeps.skip(made.uid, [2]),
        lambda: sweeps.set_continue_on_error(made.uid, False), lambda: sweeps.set_state(made.uid, "paused"),
    ):  # fmt: skip
        act()
        seen.append(sweeps.facts(made.uid).revision)
    assert seen == sorted(set(seen))


def test_an_error_pauses_only_where_it_should(sweeps: Sweeps) -> None:
    for on, state in ((True, "running"), (False, "paused")):
        made = begun(sweeps, continue_on_error=on)
        trial = sweeps.claim(made.uid)
        assert trial is not None
        sweeps.fail(made.uid, trial.number, "it broke")
        assert sweeps.facts(made.uid).state == state
        assert sweeps.trials(made.uid)[0].reason == "it broke"


def test_threads_never_get_the_same_trial(sweeps: Sweeps) -> None:
    made = sweeps.create("a sweep", "{}", [f'{{"name": "{n}"}}' for n in range(40)], [0])
    sweeps.begin(made.uid)
    with ThreadPoolExecutor(8) as pool:
        claimed = [trial for trial in pool.map(lambda _: sweeps.claim(made.uid), range(60)) if trial is not None]
    assert sorted(trial.number for trial in claimed) == list(range(40))


CLAIMER = """
import sys
from core.store.database import Store
from core.store.sweeps import Sweeps
with Store.open(sys.argv[1]) as store:
    while (trial := Sweeps(store).claim(sys.argv[2])) is not None:
        print(trial.number, flush=True)
"""


def test_processes_never_get_the_same_trial_and_a_dead_ones_come_back(sweeps: Sweeps, store: Store) -> None:
    made = sweeps.create("a sweep", "{}", [f'{{"name": "{n}"}}' for n in range(60)], [0])
    sweeps.begin(made.uid)
    words = [sys.executable, "-c", CLAIMER, store.url, made.uid]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [child.communicate(timeout=150) for child in both]
    assert [error for _, error in said] == ["", ""]
    assert sorted(int(line) for out, _ in said for line in out.split()) == list(range(60))
    abandoned, trained = sweeps.orphans(made.uid)  # both processes are gone without a word
    assert len(abandoned) == 60
    assert trained == []


def test_a_trial_whose_run_lives_in_another_process_is_not_abandoned(
    sweeps: Sweeps, library: Library, store: Store
) -> None:
    made = begun(sweeps)
    trial = sweeps.claim(made.uid)
    assert trial is not None
    run = library.create_run("its run", "{}").uid
    sweeps.attach(made.uid, trial.number, run)
    assert sweeps.orphans(made.uid) == ([], [])
    with store.write() as connection:  # who claimed it is gone, the run's process (this one) lives
        connection.exec_driver_sql("UPDATE trial SET process = 999999999")
    abandoned, trained = sweeps.orphans(made.uid)
    assert (abandoned, [one.run for one in trained]) == ([], [run])
    recorder = library.recorder(run)
    recorder.say(scalars(3))
    recorder.close()
    assert sweeps.trials(made.uid)[0].step == 3
    assert at(3).step == 3
    assert sweeps.trial_of_run(run) == (made.uid, 0)
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE run SET process = 999999999")
    assert [one.number for one in sweeps.orphans(made.uid)[0]] == [0]
    library.delete(run)
    library.purge()
    assert sweeps.trials(made.uid)[0].run == ""


def test_a_sweep_whose_process_is_gone_is_paused(sweeps: Sweeps, store: Store) -> None:
    made = begun(sweeps)
    assert sweeps.mark_interrupted() == []
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE sweep SET process = 999999999")
    assert [one.uid for one in sweeps.mark_interrupted()] == [made.uid]
    assert sweeps.facts(made.uid).state == "paused"


def test_configurations_are_added_only_by_the_one_who_knows_all(sweeps: Sweeps) -> None:
    made = sweeps.create("a search", "{}", CONFIGURATIONS[:1], [0, 1])
    assert sweeps.add_configurations(made.uid, 2, CONFIGURATIONS[1:2], [0, 1])
    assert not sweeps.add_configurations(made.uid, 2, CONFIGURATIONS[2:], [0, 1])
    assert [trial.number for trial in sweeps.trials(made.uid)] == [0, 1, 2, 3]


def test_sweeps_have_an_order_and_can_be_put_aside(sweeps: Sweeps) -> None:
    uids = [sweeps.create(name, "{}", CONFIGURATIONS, [0]).uid for name in "abc"]
    sweeps.move_sweep(uids[2], -1)
    assert [one.name for one in sweeps.all()] == ["a", "c", "b"]
    sweeps.delete(uids[0])
    assert [one.name for one in sweeps.all()] == ["c", "b"]


def test_a_newer_store_is_read_and_never_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        uid = Sweeps(store).create("a sweep", "{}", CONFIGURATIONS, [0]).uid
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=9999")
    connection.commit()
    connection.close()
    with Store.open(path) as store:
        assert len(Sweeps(store).trials(uid)) == 3
        with pytest.raises(Refused, match="newer Crossmodal Studio"):
            Sweeps(store).begin(uid)
