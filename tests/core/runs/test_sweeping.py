"""Sweeps carried out: a real tiny one to its table, stopped and resumed, failing configurations, searches, kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from core.graph.configurations import Configuration
from core.graph.document import Document
from core.graph.file import loads
from core.graph.sweep import Axis, Change, Sweep
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from core.runs.launch import queue
from core.runs.proposing import propose
from core.runs.sweeping import SweepThread, begin_sweep, with_counts
from core.runs.trials import trial_document
from core.runs.verdict import sentence, table
from core.store.database import Store
from core.store.library import Library
from core.store.schema import run
from core.store.sweeps import Sweeps
from tests.core.runs.running import LONGEST_SECONDS, until
from tests.documents import tiny_clip

WORDS = declared_vocabulary()
SPENT = "cost/processor seconds"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(slow_where: str) -> Iterator[Store]:
    with Store.open(slow_where) as opened:
        yield opened


def document(axis: Axis | None = None, steps: int = 6, **plan: Any) -> Document:
    callbacks = {"evaluation": {"every": 3, "most": 32, "train": False}, "checkpointing": {"every": 2}}
    drawn = tiny_clip(steps=steps, callbacks=callbacks)
    axis = axis or Axis(path="info_nce.temperature", name="τ", values=(0.05, 0.5))
    return replace(drawn, sweep=Sweep(axes=(axis,), **{"seeds": 2, "metric": "loss", "direction": "lower", **plan}))


def carried_out(store: Store, uid: str) -> str:
    """To its end, in a thread as the window does it; the state it ended in."""
    ended: list[str] = []
    thread = SweepThread(store, uid, lambda _, state: ended.append(state))
    thread.start()
    thread.join(LONGEST_SECONDS)
    assert not thread.is_alive()
    assert thread.error == ""
    return ended[0]


def test_two_values_and_two_seeds_end_in_a_table(store: Store, library: Library) -> None:
    plan = document(metric="retrieval/test/image_to_text/R@10", direction="higher", costs=("throughput", "loss", SPENT))
    facts = begin_sweep(store, plan, WORDS)
    assert carried_out(store, facts.uid) == "finished"
    trials = Sweeps(store).trials(facts.uid)
    assert [trial.state for trial in trials] == ["finished"] * 4
    assert len({trial.run for trial in trials}) == 4
    assert [trial.seed for trial in trials] == [0, 1, 0, 1]
    for trial in trials:
        started_with = loads(library.document_text(trial.run))
        assert started_with.sweep is None
        assert started_with.recipe.seed == trial.seed
        assert (
            started_with.nodes["info_nce"].knobs["temperature"] == Configuration.from_json(trial.configuration).at["τ"]
        )
        assert trial.value == library.facts(trial.run).last["retrieval/test/image_to_text/R@10"]
        assert trial.figures["samples"] == 6 * 16
        assert {"seconds", "parameters", "GFLOPs a sample", "throughput", "loss"} <= trial.figures.keys()
        assert trial.figures[SPENT] == library.facts(trial.run).last[SPENT]  # all of it, not a mean over the steps
        assert library.facts(trial.run).tags == ("tiny clip",)
    assert plan.sweep is not None
    found = table(plan.sweep, trials)
    assert [row.configuration.name for row in found.rows] == ["τ 0.05", "τ 0.5"]
    assert all(row.estimate is not None and row.estimate.seeds == 2 for row in found.rows)
    assert found.comparisons["τ 0.5"].difference.seeds == 2
    assert "τ 0.5" in sentence(found)
    assert carried_out(store, facts.uid) == "finished"  # nothing is run again
    assert len(library.runs()) == 4


def test_an_configuration_that_breaks_is_named_and_the_others_go_on(store: Store) -> None:
    bad = Axis(name="configurations", changes=(
        Change(name="without the objective", muted=("info_nce",)), Change(name="as drawn"),
    ))  # fmt: skip
    facts = begin_sweep(store, document(bad, seeds=1), WORDS)
    assert carried_out(store, facts.uid) == "finished"
    first, second = Sweeps(store).trials(facts.uid)
    assert (first.state, second.state) == ("failed", "finished")
    assert "Nothing can be trained" in first.reason
    stops = begin_sweep(store, document(bad, seeds=1), WORDS, continue_on_error=False)
    assert carried_out(store, stops.uid) == "paused"
    assert [trial.state for trial in Sweeps(store).trials(stops.uid)] == ["failed", "queued"]


def test_a_metric_that_no_run_says_fails_with_what_it_said(store: Store) -> None:
    facts = begin_sweep(store, document(seeds=1, metric="retrieval/nowhere"), WORDS)
    carried_out(store, facts.uid)
    trial = Sweeps(store).trials(facts.uid)[0]
    assert trial.state == "failed"
    assert "without a finite value of 'retrieval/nowhere'" in trial.reason
    assert "loss" in trial.reason


def test_stopped_in_the_middle_it_goes_on_with_the_same_run(store: Store, library: Library) -> None:
    facts = begin_sweep(store, document(steps=4000, seeds=1), WORDS)
    sweeps = Sweeps(store)
    thread = SweepThread(store, facts.uid)
    thread.start()
    until(lambda: sweeps.trials(facts.uid)[0].step > 4)
    thread.stop()
    thread.join(LONGEST_SECONDS)
    assert sweeps.facts(facts.uid).state == "paused"
    first = sweeps.trials(facts.uid)[0]
    assert (first.state, first.run_status) == ("queued", "stopped")
    with store.write() as connection:  # shorten what is left, as if it had been nearly done
        text = library.document_text(first.run).replace('"steps": 4000', f'"steps": {first.step + 5}')
        connection.execute(update(run).where(run.c.uid == first.run).values(document_text=text))
        connection.exec_driver_sql("UPDATE trial SET state = 'skipped' WHERE number = 1")
    assert carried_out(store, facts.uid) == "finished"
    ended = sweeps.trials(facts.uid)[0]
    assert (ended.run, ended.state, ended.step) == (first.run, "finished", first.step + 5)
    assert ended.value is not None
    assert any("Resuming from step" in line.text for line in library.reader(ended.run).log())


def test_a_trial_that_had_ended_before_the_crash_is_not_run_again(store: Store, library: Library) -> None:
    plan = document(seeds=1)
    facts = begin_sweep(store, plan, WORDS)
    sweeps = Sweeps(store)
    sweeps.begin(facts.uid)
    trial = sweeps.claim(facts.uid)
    assert trial is not None
    run = queue(library, trial_document(plan, Configuration.from_json(trial.configuration), trial.seed, WORDS)).uid
    sweeps.attach(facts.uid, trial.number, run)
    from core.runs.execute import execute

    assert execute(store, run) == "finished"
    revision = library.reader(run).head().revision
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE trial SET process = 999999999 WHERE number = 0")
    assert carried_out(store, facts.uid) == "finished"
    assert sweeps.trials(facts.uid)[0].run == run
    assert sweeps.trials(facts.uid)[0].value is not None
    assert library.reader(run).head().revision == revision
    assert len(library.runs()) == 2


def test_equal_compute_gives_a_cheaper_configuration_more_steps() -> None:
    plan = document(Axis(path="vit.depth", values=(1, 4)), steps=100, equal="compute")
    small = trial_document(plan, Configuration(name="1", values={"vit.depth": 1}), 0, WORDS)
    large = trial_document(plan, Configuration(name="4", values={"vit.depth": 4}), 0, WORDS)
    assert small.recipe.steps == 100
    assert 20 < large.recipe.steps < 70
    samples = trial_document(
        replace(plan, sweep=replace(plan.sweep, equal="samples")),
        Configuration(name="b", values={"recipe.batch_size": 64}),
        0,
        WORDS,
    )
    assert samples.recipe.steps * 64 == 100 * 16


def test_what_cannot_be_swept_is_refused_before_anything_is_kept(store: Store) -> None:
    for plan in (
        tiny_clip(),
        document(Axis(path="gone.width", values=(1,))),
        document(Axis(path="vit.depth", values=(65,))),
    ):
        with pytest.raises(Refused):
            begin_sweep(store, plan, WORDS)
    assert Sweeps(store).all() == []


def test_random_search_queues_its_configurations_at_once(store: Store) -> None:
    axis = Axis(path="recipe.learning_rate", low=1e-4, high=1e-2, logarithmic=True)
    facts = begin_sweep(store, with_counts(document(axis, method="random"), trials=5, seeds=3), WORDS)
    assert facts.counts == {"queued": 15}


def test_the_estimator_finds_the_valley() -> None:
    sweep = Sweep(
        axes=(Axis(path="a.x", low=0.0, high=1.0), Axis(path="b.n", low=1, high=9, integer=True), Axis(path="c.how", values=("bad", "good"))),
        method="bayesian", direction="lower",
    )  # fmt: skip

    def cost(configuration: Configuration) -> float:
        x, n, how = (configuration.at[name] for name in ("a.x", "b.n", "c.how"))
        return (float(x or 0) - 0.7) ** 2 + 0.02 * abs(int(n or 0) - 3) + 0.2 * (how == "bad")

    told: list[tuple[Configuration, tuple[float, ...] | None]] = []
    for number in range(40):
        configuration = propose(sweep, told, 0)
        assert propose(sweep, told, 0) == configuration  # rebuilt from the table, it says the same again
        told.append((configuration, None if number == 5 else (cost(configuration),)))
    values = [found[0] for _, found in told if found is not None]
    assert min(values) < 0.03
    assert sum(values[-15:]) / 15 < sum(values[:8]) / 8
    elsewhere = Configuration(name="of another plan", at={"a.x": 7.0})
    assert propose(sweep, [(elsewhere, (1.0,))], 0).at.keys() == {"a.x", "b.n", "c.how"}


def test_a_bayesian_sweep_asks_configuration_by_configuration_and_keeps_all_in_the_store(store: Store) -> None:
    axis = Axis(path="info_nce.temperature", name="τ", low=0.02, high=0.5, logarithmic=True)
    facts = begin_sweep(store, document(axis, steps=2, method="bayesian", trials=3, seeds=2), WORDS)
    assert facts.counts == {"queued": 2}
    assert carried_out(store, facts.uid) == "finished"
    trials = Sweeps(store).trials(facts.uid)
    assert len(trials) == 6
    assert len({trial.configuration for trial in trials}) == 3
    assert [trial.seed for trial in trials] == [0, 1] * 3
    assert all(0.02 <= float(Configuration.from_json(trial.configuration).at["τ"] or 0) <= 0.5 for trial in trials)


def test_trials_run_in_processes_of_their_own(store: Store, library: Library) -> None:
    facts = begin_sweep(store, document(seeds=1, steps=2), WORDS, place="process")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE trial SET state = 'skipped' WHERE number = 1")
    assert carried_out(store, facts.uid) == "finished"
    trial = Sweeps(store).trials(facts.uid)[0]
    assert trial.state == "finished"
    assert library.facts(trial.run).place == "process"


def _command(path: Path, store: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "studio", "sweep", str(path), "--store", str(store), "--json"],
        cwd=ROOT, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.long
def test_killed_again_and_again_no_finished_trial_is_repeated(tmp_path: Path) -> None:
    from core.graph.file import write

    path, where = tmp_path / "plan.cms.json", tmp_path / "runs.db"
    write(document(steps=60), path)
    with Store.open(where) as store:
        sweeps, library = Sweeps(store), Library(store)
        revisions: dict[str, int] = {}
        for kill in range(4):
            child = _command(path, where)

            def further(kill: int = kill) -> bool:
                found = sweeps.all()
                if not found:
                    return False
                trials = sweeps.trials(found[0].uid)
                done = sum(trial.state == "finished" for trial in trials)
                return done > kill or any(trial.state == "running" and trial.step > 10 * kill for trial in trials)

            until(lambda child=child, further=further: further() or child.poll() is not None)
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
            for trial in sweeps.trials(sweeps.all()[0].uid):
                if trial.state == "finished":
                    assert revisions.setdefault(trial.run, library.reader(trial.run).head().revision) == (
                        library.reader(trial.run).head().revision
                    )
        last = _command(path, where)
        out, error = last.communicate(timeout=180)
        assert last.returncode == 0, error
        assert len(sweeps.all()) == 1
        facts = sweeps.all()[0]
        assert facts.counts == {"finished": 4}
        trials = sweeps.trials(facts.uid)
        assert len({trial.run for trial in trials}) == 4
        assert '"verdict"' in out
        for run, revision in revisions.items():
            assert library.reader(run).head().revision == revision
        for trial in trials:
            steps = library.reader(trial.run).points("loss")[0].tolist()
            assert steps == sorted(set(steps))
            assert steps[-1] == 60
