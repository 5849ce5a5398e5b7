"""Objectives that know their own held-out scores say them beside chance; fusion says what it keeps for the backward pass."""

from __future__ import annotations

import math

import pytest

from core.graph import edits
from core.graph.document import Document
from studio.open.documents import find_document
from tests.core.training.running import Said, trainer


def small(name: str) -> Document:
    """An example at a few steps on small pictures."""
    document = edits.set_knob(find_document(name), "emoji", "image_size", 16)
    document = edits.set_knob(document, "resnet", "width", 8)
    callbacks = {"evaluation": {"every": 100, "most": 40, "train": False}}
    return edits.set_recipe(
        document,
        steps=2,
        batch_size=8,
        callbacks=callbacks,
        diagnostics={"memory": {"samples": 2}, "attention": {"samples": 2}},
    )


@pytest.mark.parametrize(
    ("name", "objectives"),
    [("early_fusion_mlm", ["masked_words", "masked_words_2"]), ("cross_attention_matching", ["matching"])],
)
def test_scores_stand_beside_chance(name: str, objectives: list[str]) -> None:
    run = trainer(small(name))
    run.train()
    said = run.listener
    assert isinstance(said, Said)
    for objective in objectives:
        ((_, accuracy),) = said.scalars(f"score/test/{objective}/accuracy")
        ((_, chance),) = said.scalars(f"score/test/{objective}/chance accuracy")
        assert 0 <= accuracy <= 1
        assert chance == 0.5 if objective == "matching" else chance < 0.5
        assert said.scalars(f"accuracy/{objective}")
    ((_, loss),) = said.scalars(f"loss/{objectives[0]}")[:1]
    assert loss == pytest.approx(math.log(2049), abs=0.2) if "masked" in objectives[0] else loss < 2
    fusion = [key for key in run.plan.batch_nodes if run.plan.document.nodes[key].block.startswith("fusion.")]
    assert fusion
    for key in fusion:
        if key != "pairs":
            assert said.scalars(f"memory/{key}")[0][1] > 0
