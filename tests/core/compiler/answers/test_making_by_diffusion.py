"""A diffusion block on the canvas: what it is made of, what teaches it, and that the moving average is what draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.blocks.attention.core import Attention, recording
from core.blocks.diffusion.word_maps import WordMaps
from core.compiler.answers.answerable import answerable
from core.compiler.answers.making import makings
from core.compiler.compile import compile
from core.graph import edits
from core.graph.document import Document
from core.inference.answering import Cancelled
from core.inference.generate import Manner, Sight, generate, walk
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


def speaking(model: Trained) -> None:
    """Weights that say something: four steps taught next to nothing."""
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.experiment.node("unet").parameters():
            parameter.normal_(std=0.2, generator=stream)


def test_each_step_is_shown_and_between_two_it_can_be_cancelled(trained: tuple[Trained, Any]) -> None:
    model, _ = trained
    told: list[tuple[int, int]] = []

    def shown(sight: Sight) -> bool:
        assert sight.image.shape == (SIDE, SIDE, 3)
        told.append((sight.done, sight.of))
        return len(told) < 5

    with pytest.raises(Cancelled) as cancelled:
        generate(model, count=3, manner=Manner(shown=shown, steps=3))
    assert told == [(1, 3), (2, 3), (3, 3), (1, 3), (2, 3)]
    assert [thing.seed for thing in cancelled.value.so_far] == [0]


def test_guidance_and_steps_are_a_matter_of_asking(trained: tuple[Trained, Any]) -> None:
    model, _ = trained
    speaking(model)
    images = [
        generate(model, count=1, sentence="red heart", manner=manner)[0].made
        for manner in (Manner(), Manner(guidance=lambda: None), Manner(guidance=lambda: 9.0), Manner(steps=5))
    ]
    np.testing.assert_array_equal(images[0], images[1])
    assert not any(np.array_equal(images[0], other) for other in images[2:])


def test_a_walk_goes_from_one_sentence_and_noise_to_another(trained: tuple[Trained, Any]) -> None:
    model, _ = trained
    speaking(model)
    ends = (("red heart", 3), ("blue moon", 4))
    steps = walk(model, ends=ends, count=4)
    assert len(steps) == 4
    for (sentence, seed), thing in zip(ends, (steps[0], steps[-1])):
        alone = generate(model, count=1, seed=seed, sentence=sentence)[0].made
        assert np.abs(alone.astype(int) - thing.made).max() <= 1  # rounding to bytes, two rows at once
    assert not any(np.array_equal(steps[1].made, other.made) for other in (steps[0], steps[2], steps[3]))


@pytest.mark.parametrize("key", ["generators.unet", "generators.dit"])
def test_where_each_word_was_attended_to_is_told_and_changes_nothing(tmp_path: Path, key: str) -> None:
    run = trainer(drawer(key, diagnostics={}, callbacks={}, steps=1))
    run.train()
    (tmp_path / "state.json").write_text(json.dumps(checkpoint(run, tmp_path)))
    model = Trained(run.plan.document, tmp_path)
    sights: list[Sight] = []
    plain = generate(model, count=1, seed=3, sentence="red heart")[0].made
    seen = generate(model, count=1, seed=3, sentence="red heart", manner=Manner(shown=lambda s: not sights.append(s)))
    np.testing.assert_array_equal(seen[0].made, plain)
    looks = sights[-1].looks
    assert looks is not None
    words = model.words(model.given(sentence="red heart", task=model.plan.tasks[0]), model.plan.tasks[0])
    assert len(looks) == len(words)
    assert looks.shape[1:] == (4, 4)
    assert (looks >= 0).all()
    assert (looks.sum(0) < 1).all(), "the rest is looked at where no condition is meant"
    assert sights[0].looks is not None
    assert not np.array_equal(sights[0].looks, looks), "the mean goes on with every step"
    model.close()


def test_a_map_of_words_is_the_mean_over_layers_stretched_to_the_finest() -> None:
    coarse, fine = Attention(8, 2, key_width=6), Attention(8, 2, key_width=6)
    maps, key_BMD = WordMaps({"0": coarse, "1": fine}, (16, 8)), torch.randn(1, 3, 6)
    x_BND = [torch.randn(1, count, 8) for count in (2, 32)]  # 2 x 1 and 8 x 4 places
    with maps.watching():
        for layer, x in zip((coarse, fine), x_BND):
            layer(x, key_BMD)
    with recording({"0": coarse, "1": fine}) as rows:
        for layer, x in zip((coarse, fine), x_BND):
            layer(x, key_BMD)
    small = rows["0"][0].mean(1)[0, :, 1:].T.reshape(1, 2, 2, 1)
    large = rows["1"][0].mean(1)[0, :, 1:].T.reshape(1, 2, 8, 4)
    wanted = (torch.nn.functional.interpolate(small, (8, 4), mode="bilinear") + large) / 2
    torch.testing.assert_close(maps.mean_BMhw, wanted)
