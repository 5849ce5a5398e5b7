"""A diffusion block on the canvas: what it is made of, what teaches it, and that the moving average is what draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.compiler.answerable import answerable
from core.compiler.compile import compile
from core.compiler.making import makings
from core.graph import edits
from core.graph.document import Document
from core.inference.generate import generate
from core.inference.trained import Trained
from core.telemetry.events import Pictures, Scalars
from tests.core.training.running import checkpoint, trainer
from tests.documents import Drawing

SIDE = 16


def drawer(key: str = "generators.unet", **recipe: Any) -> Document:
    """Emoji drawn from their names."""
    draw, name = Drawing("drawer"), key.split(".")[1]
    draw.add("sources.emoji", image_size=SIDE, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.text_transformer", width=8, depth=0)
    draw.add("connectors.pool")
    draw.add(key, width=8, heads=2, steps=2)
    draw.add("objectives.denoising")
    for source, target in (
        ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"), ("emoji.image", f"{name}.image"),
        ("text_transformer.tokens", f"{name}.tokens"), ("text_transformer.tokens", "pool.tokens"),
        ("pool.embedding", f"{name}.embedding"), (f"{name}.denoised", "denoising.denoised"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {
        "callbacks": {"ema": {"decay": 0.5}, "evaluation": {"every": 4, "most": 20, "train": False}},
        "diagnostics": {"made": {"every": 2, "samples": 3}}, "threads": 1, "steps": 4, **recipe,
    }  # fmt: skip
    return edits.set_recipe(draw.document, batch_size=8, **recipe)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trained, Any]]:
    folder, document = tmp_path_factory.mktemp("drawer"), drawer()
    run = trainer(document)
    run.train()
    (folder / "state.json").write_text(json.dumps(checkpoint(run, folder)))
    opened = Trained(document, folder)
    yield opened, run.listener  # type: ignore[attr-defined]
    opened.close()


@pytest.mark.parametrize("key", ["generators.unet", "generators.dit"])
def test_what_is_drawn_is_made_of_the_sentence_and_not_of_the_image_that_teaches(key: str) -> None:
    plan = compile(drawer(key))
    (making,) = makings(plan)
    assert making.made_of == {"sentence", "text"}
    assert making.original is None
    assert answerable(plan)["generate"] is None
    assert answerable(plan)["reconstruct"] is not None


def test_what_is_asked_for_is_what_the_monitor_showed_drawn_by_the_average(trained: tuple[Trained, Any]) -> None:
    model, listener = trained
    shown = next(event for event in listener.of(Pictures) if event.at.step == 4)
    things = generate(model, count=3, seed=0)
    np.testing.assert_array_equal([thing.made for thing in things], shown.pictures)
    assert shown.pictures.shape == (3, SIDE, SIDE, 3)
    assert len(shown.titles) == 3


def test_a_drawn_image_hangs_on_its_sentence(trained: tuple[Trained, Any]) -> None:
    model, _ = trained
    with torch.no_grad():  # four steps taught it next to nothing: make it say something
        for parameter in model.experiment.node("unet").parameters():
            parameter.normal_(std=0.2, generator=torch.Generator().manual_seed(0))
    red, again, blue = (
        generate(model, count=1, seed=3, sentence=text)[0].made for text in ("red heart", "red heart", "blue moon")
    )
    np.testing.assert_array_equal(red, again)
    assert not np.array_equal(red, blue)


def test_the_held_out_error_is_told_beside_that_of_saying_nothing(trained: tuple[Trained, Any]) -> None:
    _, listener = trained
    told = {name: value for event in listener.of(Scalars) for name, value in event.values.items()}
    assert told["score/test/denoising/error"] < 1.2 * told["score/test/denoising/chance error"]
    assert {"score/validation/denoising/error", "score/test/denoising/error at much noise"} <= set(told)


def test_steps_are_the_same_whether_or_not_images_are_drawn_between_them(tmp_path: Path) -> None:
    kept = []
    for diagnostics in ({}, {"made": {"every": 1, "samples": 1}}):
        run = trainer(drawer(diagnostics=diagnostics))
        run.train()
        kept.append(torch.cat([p.detach().flatten() for p in run.experiment.parameters()]))
    assert torch.equal(*kept)
