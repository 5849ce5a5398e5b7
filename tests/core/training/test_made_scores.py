"""Scores of made images in a run: beside real ones, the lookup and the nearest training image; with and without a judge."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.compiler.compile import compile
from core.graph import edits
from core.runs.execute import checkpoint_folder
from core.store.database import Store
from core.telemetry.events import LogLine, Pictures, Scalars
from core.training.judge import Judge
from tests.core.compiler.answers.test_making_by_diffusion import drawer
from tests.core.runs.running import started
from tests.core.training.running import trainer
from tests.documents import tiny_clip


def run_with(**knobs: Any) -> Any:
    """A run with scores; what it said."""
    run = trainer(drawer(callbacks={"evaluation": {"every": 2, "most": 12, "train": False}, "made_scores": knobs}))
    run.train()
    return run.listener


def told(listener: Any, step: int) -> dict[str, float]:
    """Scores of made images at a step."""
    found: dict[str, float] = {}
    for event in listener.of(Scalars):
        if event.at.step == step:
            found |= {name: value for name, value in event.values.items() if "/unet/" in name and "score/" in name}
    return found


@pytest.fixture(scope="module")
def listener() -> Any:
    return run_with(most=12, steps=2)


def test_at_the_end_both_splits_are_scored_beside_real_images(listener: Any) -> None:
    found = told(listener, 4)
    names = {
        "images",
        "FID",
        "KID",
        "training FID",
        "training KID",
        "distance to training",
        "real distance to training",
    }
    for split in ("validation", "test"):
        assert {name.removeprefix(f"score/{split}/unet/") for name in found if f"/{split}/" in name} == names
        assert found[f"score/{split}/unet/images"] == 12
        assert found[f"score/{split}/unet/FID"] > found[f"score/{split}/unet/training FID"]  # four steps taught nothing
    assert not told(listener, 2)


def test_the_extractor_and_the_number_of_images_are_said(listener: Any) -> None:
    lines = [event.text for event in listener.of(LogLine) if "FID" in event.text]
    assert lines == [
        f"unet/image on {split}: FID and KID of 12 made and 12 real images, features: 8 x 8 pixels."
        for split in ("validation", "test")
    ]


def test_the_nearest_training_image_stands_beside_what_was_made(listener: Any) -> None:
    (event,) = [event for event in listener.of(Pictures) if event.series == "made/unet/nearest training image"]
    assert event.pictures.shape == event.originals.shape
    assert len(event.titles) == len(event.seeds) == 12
    assert not np.array_equal(event.pictures, event.originals)


def test_scores_are_the_same_when_they_are_computed_again(listener: Any) -> None:
    assert told(run_with(most=12, steps=2), 4) == told(listener, 4)


def judges(folder: Path, **source: Any) -> tuple[Store, str]:
    """A store with a trained run of images and text in one space, and its folder of checkpoints."""
    store = Store.open(folder / "runs.sqlite")
    document = tiny_clip(steps=6, callbacks={"checkpointing": {"every": 6}})
    for name, value in source.items():
        document = edits.set_knob(document, "emoji", name, value)
    run = started(store, document)
    run.join(60)
    return store, str(checkpoint_folder(store, run.uid))


def test_a_judge_finds_captions_beside_real_images_and_the_lookup(tmp_path: Path) -> None:
    store, judge = judges(tmp_path)
    with store:
        listener = run_with(most=12, steps=1, judge=judge)
        found = told(listener, 4)
    for side in ("", "real ", "lookup "):
        low, recall, high = (found[f"score/test/unet/{side}R@10{end}"] for end in (", 95 % from", "", ", 95 % to"))
        assert 0 <= low <= recall <= high <= 1
    assert {"CLIP score", "real CLIP score", "lookup CLIP score", "chance CLIP score", "chance R@10"} <= {
        name.rpartition("/")[2] for name in found
    }
    assert found["score/test/unet/captions seen"] == 0
    warned = [event.text for event in listener.of(LogLine) if event.level == "warning"]
    assert any(text.startswith("The judge was trained on 0 of the 12 captions of test") for text in warned)


def test_a_judge_that_saw_every_pair_is_not_warned_of(tmp_path: Path) -> None:
    store, judge = judges(tmp_path, held_out="nothing")
    with store:
        listener = run_with(most=12, steps=1, judge=judge)
    assert told(listener, 4)["score/test/unet/captions seen"] == 1
    assert not [event.text for event in listener.of(LogLine) if event.text.startswith("The judge")]


def test_a_judge_that_is_no_stranger_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.json").touch()
    judge = Judge(SimpleNamespace(title="drawer", plan=compile(drawer()), place=tmp_path))  # type: ignore[arg-type]
    helped, _ = edits.add_node(drawer(), "encoders.teacher", x=0, y=0, knobs={"run": str(tmp_path)})
    makes, took_part = judge.doubts(helped)
    assert "makes images itself" in makes
    assert "took part in training" in took_part
    assert judge.doubts(drawer()) == (makes,)
    assert Judge().doubts(helped) == ()


def test_a_run_can_be_chosen_by_how_near_its_images_are_to_real_ones() -> None:
    evaluation = {"every": 2, "most": 12, "train": False, "chosen_by": "unet/KID"}
    callbacks = {"evaluation": evaluation, "made_scores": {"every": 2, "most": 12, "steps": 2}, "checkpointing": {}}
    run = trainer(drawer(callbacks=callbacks))
    run.train()
    own = [value for _, value in run.listener.scalars("score/validation/unet/KID")]  # type: ignore[attr-defined]
    assert [value for _, value in run.listener.scalars("selection/validation/unet/KID")] == own  # type: ignore[attr-defined]
    assert run.callback("checkpointing").score == min(own)  # type: ignore[union-attr]
