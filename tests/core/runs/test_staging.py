"""Three stages of a language model that sees: each trains what it says and nothing else, and begins where the one before it ended."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from core.compiler.describe import vocabulary
from core.graph import edits
from core.graph.document import Document
from core.graph.staging import alone, rates_of, three_stages
from core.problems import Refused
from core.runs.staging import queue_stage
from core.runs.worker import RunThread
from core.store.database import Store
from core.store.library import Library
from core.store.places import checkpoint_folder
from tests.documents import captions, tiny_clip

TRAINED = [{"token_mlp"}, {"token_mlp", "language_decoder"}, {"token_mlp", "language_decoder", "vit"}]
PARTS = sorted(TRAINED[-1])


def document(steps: int = 6) -> Document:
    drawn = captions(steps=steps)
    return edits.set_recipe(
        drawn, stages=three_stages(drawn, vocabulary()), callbacks={"checkpointing": {"every": 1}}, learning_rate=0.01
    )  # fmt: skip


def trained(store: Store, drawn: Document, number: int) -> str:
    facts = queue_stage(Library(store), drawn, number)
    thread = RunThread(store, facts.uid)
    thread.start()
    thread.join(60)
    assert Library(store).facts(facts.uid).status == "finished"
    return facts.uid


def weights(store: Store, uid: str, step: int) -> dict[str, Tensor]:
    """Of a kept checkpoint."""
    rows = Library(store).reader(uid).checkpoints()
    folder = next(Path(row.path) for row in rows if row.step == step and row.kept)
    assert folder.is_relative_to(checkpoint_folder(store, uid))
    return {key: value for file in sorted(folder.glob("*.safetensors")) for key, value in load_file(file).items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Nodes of which any weight is another."""
    names = [name for name in before if name.startswith("nodes.") and "/" not in name and name in after]
    assert names
    found = {name for name in names if not torch.equal(before[name], after[name])}
    return {part for part in PARTS if any(f"n_{part}." in name for name in found)}


def test_each_stage_trains_what_it_says_from_where_the_one_before_it_ended(tmp_path: Path) -> None:
    drawn = document()
    with Store.open(tmp_path / "runs.sqlite") as store:
        with pytest.raises(Refused, match="Stage 1, connector alone, has no checkpoint"):
            queue_stage(Library(store), drawn, 1)
        runs = [trained(store, drawn, number) for number in range(3)]
        for number, uid in enumerate(runs):
            facts = Library(store).facts(uid)
            assert facts.steps == 2
            assert facts.parent == (runs[number - 1] if number else "")
            assert facts.name.startswith(f"{drawn.name} · {number + 1} {drawn.recipe.stages[number].name}")
            first, last = weights(store, uid, 1), weights(store, uid, 2)
            assert moved(first, last) == TRAINED[number]
            if number:  # its first step too changed only that: it began with the weights that were left
                assert moved(weights(store, runs[number - 1], 2), first) <= TRAINED[number]
        with pytest.raises(Refused, match="no stage 4"):
            queue_stage(Library(store), drawn, 3)


def test_the_rates_are_those_of_their_groups() -> None:
    drawn = document()
    found = [rates_of(drawn, number, PARTS) for number in range(3)]
    assert found == [
        {"token_mlp": 0.01}, {"token_mlp": 1e-4, "language_decoder": 2e-5}, {"token_mlp": 1e-4, "language_decoder": 2e-5, "vit": 1e-5},
    ]  # fmt: skip
    one = alone(drawn, 1)
    assert rates_of(one, 0, PARTS) == found[1]
    assert one.recipe.steps == 2
    assert three_stages(tiny_clip(), vocabulary()) == ()  # nothing there writes
