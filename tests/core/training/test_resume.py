"""A run resumed at any step is bitwise the run that never stopped; without any part of its state it is not."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.compiler.weights import read_state
from core.graph.document import Document
from core.graph.recipe import Stage
from tests.core.training.running import Said, checkpoint, resumed, same, trainer, weights
from tests.documents import tiny_clip

STEPS = 8


def document() -> Document:
    callbacks: dict[str, Any] = {
        "ema": {"decay": 0.9},
        "clipping": {"norm": 0.5},
        "evaluation": {"every": 3},
        "early_stopping": {"patience": 50},
    }
    return tiny_clip(
        steps=STEPS, batch_size=400, callbacks=callbacks,  # three batches an epoch: resuming crosses epochs
        stages=(Stage(name="one", share=1.0), Stage(name="two", share=1.0)),
    )  # fmt: skip


LEFT_AT = (1, 3, 4, 7)
Kept = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Kept]:
    """What one run keeps at several steps."""
    run, kept = trainer(document()), {}
    run.tell("began")
    for step in LEFT_AT:
        while run.position.step < step:
            run._step()
        folder = tmp_path_factory.mktemp(f"step {step}")
        kept[step] = folder, checkpoint(run, folder)
    run.feed.close()
    return kept


def own(kept: Kept, folder: Path) -> dict[str, Any]:
    """A copy of a checkpoint, which a test may spoil."""
    shutil.copytree(kept[0], folder, dirs_exist_ok=True)
    return deepcopy(kept[1])


@pytest.fixture(scope="module")
def whole() -> tuple[dict[str, Any], list[tuple[int, float]]]:
    run = trainer(document())
    assert run.train() == "finished"
    said = run.listener
    assert isinstance(said, Said)
    averaged = {f"ema/{name}": tensor for name, tensor in run.callback("ema").tensors().items()}  # type: ignore[union-attr]
    return {**weights(run), **averaged}, said.scalars("loss")


def ended(folder: Path, state: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[int, float]]]:
    run = resumed(document(), folder, state)
    run.train()
    averaged = {f"ema/{name}": tensor for name, tensor in run.callback("ema").tensors().items()}  # type: ignore[union-attr]
    return {**weights(run), **averaged}, run.listener.scalars("loss")  # type: ignore[attr-defined]


@pytest.mark.parametrize("step", LEFT_AT)
def test_resume_is_bitwise_equal(
    step: int, left: dict[int, Kept], tmp_path: Path, whole: tuple[dict[str, Any], list[tuple[int, float]]]
) -> None:
    state = own(left[step], tmp_path)
    end, losses = ended(tmp_path, state)
    assert same(end, whole[0])
    assert losses == whole[1][step:]


@pytest.mark.parametrize("part", ["weights", "moments", "step count", "position", "average", "vocabulary"])
def test_every_part_of_the_state_is_needed(
    part: str, left: dict[int, Kept], tmp_path: Path, whole: tuple[dict[str, Any], list[tuple[int, float]]]
) -> None:
    state = own(left[4], tmp_path)
    if part == "position":
        state["position"] = {**state["position"], "step": 3}
    if part == "vocabulary":
        state["transforms"] = trained_vocabulary_of_other_data()
    run = resumed(document(), tmp_path, state)
    if part == "weights":
        fresh = trainer(document())
        run.experiment.load_state_dict(fresh.experiment.state_dict())
    if part == "moments":
        for held in run.groups.optimizer.state.values():
            held["exp_avg_sq"].zero_()
    if part == "step count":
        for held in run.groups.optimizer.state.values():
            held["step"].zero_()
    if part == "average":
        run.callback("ema").average = {}  # type: ignore[union-attr]
    run.train()
    averaged = {f"ema/{name}": tensor for name, tensor in run.callback("ema").tensors().items()}  # type: ignore[union-attr]
    assert not same({**weights(run), **averaged}, whole[0])


def trained_vocabulary_of_other_data() -> dict[str, Any]:
    other = document()
    node = other.nodes["emoji"]
    other = replace(other, nodes={**other.nodes, "emoji": replace(node, knobs={**node.knobs, "language": "Chinese"})})
    return trainer(other).graph.state()


def test_a_checkpoint_in_the_words_of_version_1_goes_on_bitwise(
    left: dict[int, Kept], tmp_path: Path, whole: tuple[dict[str, Any], list[tuple[int, float]]]
) -> None:
    state = own(left[4], tmp_path)
    (tmp_path / "callbacks.safetensors").rename(tmp_path / "habits.safetensors")
    state["habits"] = state.pop("callbacks")
    (tmp_path / "state.json").write_text(json.dumps(state), "utf-8")
    end, losses = ended(tmp_path, read_state(tmp_path))
    assert same(end, whole[0])
    assert losses == whole[1][4:]
