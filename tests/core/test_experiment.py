"""A script runs an experiment and is given what came of it; it can be cancelled, and what cannot be is one kind of error."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest

from core.experiment import Control, Progress, Refused, open_experiment, result_of, run, turned
from core.graph import file
from core.graph.examples import example_names
from core.store.database import Store
from core.store.library import Library
from core.training.trainer import Trainer
from tests.documents import tiny_clip

SCORED = {"evaluation": {"every": 3}, "checkpointing": {"every": 3}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_from_a_file_to_scores_figures_and_a_model(place: Path, tmp_path: Path) -> None:
    file.write(tiny_clip(steps=50, callbacks=SCORED), tmp_path / "one.cms.json")
    seen: list[Progress] = []
    overrides = {"recipe.steps": 3, "projection.width": 12, "projection_2.width": 12, "callbacks.ema.on": True}
    result = run(tmp_path / "one.cms.json", overrides, store=place, seed=7, name="mine", on_step=seen.append)
    assert (result.status, result.step, result.name) == ("finished", 3, "mine")
    assert result.document.recipe.seed == 7
    assert "ema" in result.document.recipe.callbacks
    assert [each.step for each in seen] == result.figures["loss"].steps.tolist()
    assert seen[-1].figures["loss"] == pytest.approx(result.figures["loss"].values[-1])
    ranked = {name for name in result.scores if name.endswith("R@10")}
    assert ranked
    assert ranked <= result.chance.keys() <= result.scores.keys()
    assert result.selected_by in result.figures
    assert result.checkpoint is not None
    model = result.model()
    assert model.step == 3
    assert model.plan.document.nodes["projection"].knobs["width"] == 12
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.step = 5  # type: ignore[misc]
    with Store.open(place) as store:  # it is a run of the library like any other
        again = result_of(Library(store), "mine")
        assert np.array_equal(again.figures["loss"].values, result.figures["loss"].values)
        assert again.scores == result.scores


def test_the_same_seed_gives_the_same_and_another_gives_another(place: Path) -> None:
    first, second, other = (run(tiny_clip(steps=2), store=place, seed=seed).figures["loss"] for seed in (1, 1, 2))
    assert np.array_equal(first.values, second.values)
    assert not np.array_equal(first.values, other.values)


def test_it_can_be_cancelled_from_another_thread(place: Path) -> None:
    control, begun, results = Control(), threading.Event(), []
    document = tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}})
    thread = threading.Thread(
        target=lambda: results.append(run(document, store=place, control=control, on_step=lambda _: begun.set()))
    )
    thread.start()
    assert begun.wait(60)
    control.stop()
    thread.join(60)
    (result,) = results
    assert result.status == "stopped"
    assert 0 < result.step < 100_000
    assert result.checkpoint is not None


def test_a_function_may_end_the_run_or_fail(place: Path) -> None:
    document = tiny_clip(steps=1000)
    result = run(document, store=place, on_step=lambda progress: progress.step < 2)
    assert (result.status, result.checkpoint) == ("stopped", None)
    with pytest.raises(Refused, match="kept no checkpoint"):
        result.model()

    def fails(progress: Progress) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(document, store=place, on_step=fails)
    with Store.open(place) as store:
        assert {facts.status for facts in Library(store).runs()} == {"stopped"}


def test_ctrl_c_stops_with_what_there_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = threading.Event()
    join = threading.Thread.join

    def interrupted(self: threading.Thread, timeout: float | None = None) -> None:
        join(self, timeout)
        if self.name.startswith("crossmodal-run") and begun.is_set() and not pressed.is_set():
            pressed.set()
            raise KeyboardInterrupt

    begun = threading.Event()
    monkeypatch.setattr(threading.Thread, "join", interrupted)
    result = run(tiny_clip(steps=100_000), store=place, on_step=lambda _: begun.set())
    assert result.status == "stopped"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"recipe.steps": -1}, "Steps"),
        ({"nowhere.depth": 2}, "There is no block called 'nowhere'"),
        ({"vit.dept": 2}, "Did you mean depth"),
        ({"projection.width": 20}, "same width"),
        ({"recipe.device": "cuda:77"}, "cuda"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_kept(
    overrides: dict[str, object], sentence: str, place: Path
) -> None:
    with pytest.raises(Refused) as refused:
        run(tiny_clip(steps=2), overrides, store=place)  # type: ignore[arg-type]
    assert sentence.lower() in str(refused.value).lower()
    assert refused.value.problems
    assert not place.exists()


def test_a_run_that_fails_is_refused_with_its_reason(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Trainer) -> str:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Trainer, "train", broken)
    with pytest.raises(Refused, match="the disk is full"):
        run(tiny_clip(steps=2), store=place)


def test_examples_and_files_are_opened_by_name(tmp_path: Path) -> None:
    assert open_experiment("mini_clip").nodes
    assert "mini_clip" in example_names()
    with pytest.raises(Refused, match="mini_clip"):
        open_experiment("mini_clap")
    with pytest.raises(Refused):
        open_experiment(tmp_path / "none.cms.json")
    assert turned(open_experiment("mini_clip"), {"recipe.steps": 9}).recipe.steps == 9
