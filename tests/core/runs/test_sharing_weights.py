"""Trials of a search that begin with the weights of what they have in common: which parts, whose, said, and safe where it is cut off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from core.compiler.weights import WEIGHTS, read_tensors
from core.graph import edits
from core.graph.configurations import Configuration, grid_configurations, sweep_problems
from core.graph.document import Document
from core.graph.equal_parts import equal_parts
from core.graph.file import dumps, loads
from core.graph.sweep import Axis, Change, Sweep
from core.runs.declared import declared_vocabulary
from core.runs.execute import _trainer
from core.runs.proposing import propose
from core.runs.sweeping import SweepThread, begin_sweep
from core.runs.verdict import SHARED_WEIGHTS, sentence, table
from core.store.answers import TrialFacts
from core.store.database import Store
from core.store.library import Library
from core.store.places import checkpoint_folder
from core.store.resuming import SHARED, saved_at
from core.store.sweeps import Sweeps
from core.training.control import Control
from tests.core.runs.running import LONGEST_SECONDS, losses, until
from tests.core.runs.test_searching import DRAWINGS, THIRD, planted
from tests.core.training.running import Said
from tests.documents import siamese, tiny_clip

WORDS = declared_vocabulary()
WIDTHS = Axis(
    name="width",
    changes=tuple(
        Change(name=str(width), values={"projection.width": width, "projection_2.width": width})
        for width in (16, 24, 32)
    ),
)
TOWERS = {"augment", "emoji", "pool", "pool_2", "text_transformer", "tokenizer", "vit"}


@pytest.fixture
def store(slow_where: str) -> Iterator[Store]:
    with Store.open(slow_where) as opened:
        yield opened


def plan(*axes: Axis, steps: int = 6, **fields: object) -> Document:
    drawn = tiny_clip(steps=steps, callbacks={"checkpointing": {"every": 2}})
    fields = {"seeds": 1, "metric": "loss", "direction": "lower", "share_weights": True, **fields}
    return replace(drawn, sweep=Sweep(axes=axes or (WIDTHS,), **fields))  # type: ignore[arg-type]


def carried_out(store: Store, document: Document) -> list[TrialFacts]:
    uid = begin_sweep(store, document, WORDS).uid
    _to_its_end(store, uid)
    return Sweeps(store).trials(uid)


def _to_its_end(store: Store, uid: str) -> None:
    thread = SweepThread(store, uid)
    thread.start()
    thread.join(4 * LONGEST_SECONDS)
    assert not thread.is_alive()
    assert thread.error == ""


def test_equal_is_what_does_the_same_behind_the_same() -> None:
    drawn = tiny_clip()
    assert equal_parts(drawn, drawn) == set(drawn.nodes)
    wider = edits.set_knob(drawn, "projection", "width", 32)
    assert equal_parts(drawn, wider) == set(drawn.nodes) - {"projection", "info_nce"}
    other_data = edits.set_knob(drawn, "augment", "flip", 0.5)
    assert equal_parts(drawn, other_data) == {"emoji", "pool_2", "projection_2", "text_transformer", "tokenizer"}
    longer, other_rate = edits.set_recipe(drawn, steps=99), edits.set_recipe(drawn, learning_rate=0.5)
    assert equal_parts(drawn, longer) == set(drawn.nodes)
    assert equal_parts(drawn, other_rate) == equal_parts(drawn, edits.set_recipe(drawn, seed=7)) == frozenset()


def test_weights_in_two_places_are_equal_where_both_are() -> None:
    drawn = siamese()
    changed = edits.set_knob(drawn, "augment_2", "flip", 0.1)
    assert equal_parts(drawn, drawn) == set(drawn.nodes)
    assert equal_parts(drawn, changed) == {"augment", "emoji", "pool"}


def test_a_trial_begins_with_the_weights_it_has_in_common_and_says_whose(store: Store) -> None:
    library, trials = Library(store), carried_out(store, plan())
    first, second, third = trials
    assert first.reason == ""
    assert second.reason.endswith(" % of its weights from trial 1 at step 6.")
    assert {library.facts(trial.run).parent for trial in (second, third)} == {first.run}  # never a chain
    assert SHARED in library.params(second.run)
    assert [step for step, _ in losses(library.reader(second.run))] == list(range(1, 7))
    told = [line.text for line in library.reader(second.run).log()]
    assert any(line.startswith("Begun with the weights of another trial at its step 6: ViT, Text") for line in told), (
        told
    )


def test_what_is_carried_is_bit_equal_and_the_rest_is_as_it_would_be(store: Store) -> None:
    from core.compiler.compile import compile
    from core.store.resuming import Start

    library = Library(store)
    first = carried_out(store, plan())[0]
    saved = saved_at(library, first.run, None)
    assert saved is not None
    before = library.document_text(first.run)
    wider = edits.set_knob(edits.set_knob(loads(before), "projection", "width", 32), "projection_2", "width", 32)
    start = Start(path=str(saved.path), step=0, whole=False, same_run=False, before=before, shared=True)
    run, told = _trainer(compile(wider), start, torch.device("cpu"), Said(), Control())
    alone, _ = _trainer(compile(wider), None, torch.device("cpu"), Said(), Control())
    kept, fresh = read_tensors(saved.path, WEIGHTS), alone.experiment.state_dict()
    carried = set()
    for name, tensor in run.experiment.state_dict().items():
        node = name.split(".")[1].removeprefix("n_")
        carried |= {node} if node in TOWERS else set()
        assert torch.equal(tensor, kept[name] if node in TOWERS else fresh[name]), name
    assert carried == {"vit", "text_transformer", "pool_2"}
    assert "Begun anew: Projection, Projection 2" in told
    assert run.position.step == 0
    assert not run.groups.tensors()  # moments are those of a new run
    for each in (run, alone):
        each.graphs.close()


@pytest.mark.long
def test_nothing_is_shared_where_it_is_trained_in_another_way_or_off(store: Store) -> None:
    rates = Axis(path="recipe.learning_rate", values=(0.001, 0.01))
    assert [trial.reason for trial in carried_out(store, plan(rates))] == ["", ""]
    assert [trial.reason for trial in carried_out(store, plan(share_weights=False))] == ["", "", ""]
    assert not any(run.parent for run in Library(store).runs())


@pytest.mark.long
def test_cut_off_it_goes_on_with_the_same_weights(store: Store) -> None:
    whole = [trial.value for trial in carried_out(store, plan())]
    uid, sweeps, library = begin_sweep(store, plan(steps=6), WORDS).uid, Sweeps(store), Library(store)
    thread = SweepThread(store, uid)
    thread.start()
    until(lambda: sweeps.trials(uid)[1].step > 2)
    thread.stop()
    thread.join(4 * LONGEST_SECONDS)
    _to_its_end(store, uid)
    trials = sweeps.trials(uid)
    assert [trial.value for trial in trials] == whole
    assert [bool(library.facts(trial.run).parent) for trial in trials] == [False, True, True]


def test_a_worker_who_cannot_reach_the_weights_begins_anew(store: Store) -> None:
    """Killed before its first checkpoint; whoever takes the trial over has not the disk that the others' checkpoints are on."""
    uid, sweeps, library = begin_sweep(store, plan(steps=6), WORDS).uid, Sweeps(store), Library(store)
    _to_its_end(store, uid)
    second, third = sweeps.trials(uid)[1:]
    for run in (sweeps.trials(uid)[0].run, second.run, third.run):
        shutil.rmtree(checkpoint_folder(store, run))
    with store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE trial SET state = 'running', process = 999999999, value = NULL WHERE number = 1"
        )
        connection.exec_driver_sql("DELETE FROM checkpoint")
        connection.exec_driver_sql(f"UPDATE run SET status = 'interrupted', step = 0 WHERE uid = '{second.run}'")
    sweeps.set_state(uid, "queued")
    _to_its_end(store, uid)
    again = sweeps.trials(uid)[1]
    assert again.state == "finished"
    assert again.run != second.run
    assert library.facts(again.run).parent == ""
    assert again.reason == ""


def test_the_same_best_is_found_with_sharing() -> None:
    """Where all who share gain alike, and at most one generation does, the estimator ranks as it did: a third of the grid suffices."""
    for seed in range(3):
        truth = planted(seed)
        best = max(truth, key=lambda text: truth[text])
        told: list[tuple[Configuration, tuple[float, ...] | None]] = []
        founders: set[object] = set()
        while len(told) < THIRD:
            one = propose(DRAWINGS, told, 100 * seed)
            bonus = 0.1 if founders else 0.0  # the towers before the fusion are everyone's
            founders.add(one.at["fusion"])
            told.append((one, (truth[one.as_json()][0] + bonus,)))
        assert best in {one.as_json() for one, _ in told}, seed


@pytest.mark.long
def test_a_trained_grid_has_the_same_best_with_sharing_and_its_verdict_warns(store: Store) -> None:
    sharper = Axis(
        path="info_nce.temperature", name="τ", values=(0.02, 0.05, 3.0)
    )  # of models that know little the flattest errs least
    found = []
    for sharing in (False, True):
        document = plan(sharper, share_weights=sharing)
        trials = carried_out(store, document)
        values = [trial.value or 0.0 for trial in trials]
        found.append(trials[values.index(min(values))].configuration)
        assert document.sweep is not None
        assert (SHARED_WEIGHTS in sentence(table(document.sweep, trials))) == sharing
        assert len([trial for trial in trials if trial.reason]) == (2 if sharing else 0)
    assert found[0] == found[1]
    assert Configuration.from_json(found[0]).at["τ"] == 3.0


def test_it_is_off_by_default_kept_in_the_file_and_needs_checkpoints() -> None:
    assert not Sweep().share_weights
    document = plan()
    assert loads(dumps(document)).sweep == document.sweep
    assert "share_weights" not in dumps(plan(share_weights=False))
    assert sweep_problems(document, WORDS) == []
    without = replace(document, recipe=replace(document.recipe, callbacks={}))
    assert "this experiment keeps none" in sweep_problems(without, WORDS)[0].what
    assert len(grid_configurations(document.sweep or Sweep())) == 3
