"""Words to codes to an image on the canvas: a decoder of codes, a quantizer and an image decoder in second places draw what is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.blocks.generators.mixed_decoder import MixedDecoder
from core.blocks.wish import Wish
from core.compiler.answers.answerable import answerable
from core.compiler.answers.making import from_noise, makings
from core.compiler.compile import compile
from core.data.media import pixels_of
from core.graph import edits
from core.graph.document import Document, End
from core.inference.answering import Cancelled
from core.inference.code_book import IMAGES, code_book
from core.inference.generate import Manner, Sight, generate, walk
from core.inference.trained import Trained
from core.telemetry.events import Pictures, Scalars
from tests.core.training.running import checkpoint, trainer
from tests.documents import Drawing, tokenizer


def drawer(**recipe: Any) -> Document:
    """Emoji drawn code by code from their names; the tokenizer learns first, then it is frozen."""
    draw = Drawing("codes")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("tokenizers.picture_encoder", width=8)
    draw.add("tokenizers.vector_quantizer", codes=8)
    draw.add("tokenizers.picture_decoder", width=8)
    draw.add("objectives.reconstruction")
    draw.add("generators.mixed_decoder", width=16, depth=1, heads=2)
    draw.add("objectives.next_code")
    draw.add("tokenizers.vector_quantizer", codes=8)
    draw.add("tokenizers.picture_decoder", width=8)
    for source, target in (
        ("emoji.image", "picture_encoder.image"), ("picture_encoder.tokens", "vector_quantizer.tokens"),
        ("vector_quantizer.tokens", "picture_decoder.tokens"), ("picture_decoder.image", "reconstruction.made"),
        ("emoji.image", "reconstruction.real"), ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "mixed_decoder.text"),
        ("vector_quantizer.codes", "mixed_decoder.codes"), ("mixed_decoder.said", "next_code.said"),
        ("vector_quantizer.codes", "next_code.codes"), ("mixed_decoder.codes", "vector_quantizer_2.codes"),
        ("vector_quantizer_2.tokens", "picture_decoder_2.tokens"),
    ):  # fmt: skip
        draw.wire(source, target)
    document = edits.share_weights(draw.document, "vector_quantizer_2", "vector_quantizer")
    document = edits.share_weights(document, "picture_decoder_2", "picture_decoder")
    recipe = {
        "callbacks": {"evaluation": {"every": 4, "most": 20, "train": False}}, "diagnostics": {"made": {"every": 2, "samples": 3}},
        "threads": 1, "steps": 4, **recipe,
    }  # fmt: skip
    return edits.set_recipe(document, batch_size=8, **recipe)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trained, Any]]:
    folder, document = tmp_path_factory.mktemp("codes"), drawer()
    run = trainer(document)
    assert run.train() == "finished"
    (folder / "state.json").write_text(json.dumps(checkpoint(run, folder)))
    opened = Trained(document, folder)
    yield opened, run.listener  # type: ignore[attr-defined]
    opened.close()


def test_what_is_drawn_after_an_example_is_no_reconstruction_of_it() -> None:
    document, nearest = edits.add_node(drawer(), "transforms.nearest_example", x=0, y=0)
    document, encoder = edits.add_node(document, "tokenizers.picture_encoder", x=0, y=0, knobs={"width": 8})
    document, quantizer = edits.add_node(document, "tokenizers.vector_quantizer", x=0, y=0, knobs={"codes": 8})
    for source, target in (
        ("emoji.sentence", f"{nearest}.sentence"), ("emoji.image", f"{nearest}.image"), (f"{nearest}.image", f"{encoder}.image"),
        (f"{encoder}.tokens", f"{quantizer}.tokens"), (f"{quantizer}.codes", "mixed_decoder.example"),
    ):  # fmt: skip
        ends = (End(node=node, port=port) for node, port in (source.split("."), target.split(".")))
        document = edits.connect(document, *ends)
    plan = compile(document)
    found = {making.end.node: making for making in makings(plan)}
    assert found["picture_decoder_2"].original is None
    assert found["picture_decoder"].original == End(node="emoji", port="image")
    assert [making.end.node for making in from_noise(plan)] == ["picture_decoder_2"]


def test_the_drawn_image_is_made_of_words_and_not_of_the_image_that_teaches(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    found = {making.end.node: making for making in makings(opened.plan)}
    assert found["picture_decoder_2"].made_of == {"sentence", "text"}
    assert found["picture_decoder_2"].original is None
    assert found["picture_decoder"].original is not None  # the reconstruction beside it
    assert answerable(opened.plan)["generate"] is None


def test_an_image_asked_for_is_the_decoded_look_up_of_drawn_codes(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    things = generate(opened, count=2, seed=5, sentence="red heart")
    experiment = opened.experiment.eval()
    mixed = experiment.node("mixed_decoder")
    assert isinstance(mixed, MixedDecoder)
    task = opened.plan.tasks[0]
    text = next(
        v for end, v in opened.batch(opened.given(sentence="red heart", task=task), task).items() if end.port == "text"
    )
    for number, thing in enumerate(things):
        with torch.no_grad():
            codes = mixed.make(Wish(seeds=(5 + number,)), text)["codes"]
            tokens = experiment.node("vector_quantizer")(codes=codes)["tokens"]
            image = experiment.node("picture_decoder")(tokens=tokens)["image"]
        assert np.array_equal(thing.made, pixels_of(image[0]))


def test_guidance_and_seed_are_the_persons(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    again = [generate(opened, count=2, seed=seed, sentence="red heart") for seed in (5, 5, 9)]
    assert all(np.array_equal(a.made, b.made) for a, b in zip(again[0], again[1]))
    assert not all(np.array_equal(a.made, b.made) for a, b in zip(again[0], again[2]))
    strong = generate(opened, count=2, seed=5, sentence="red heart", manner=Manner(guidance=lambda: 30.0))
    assert not all(np.array_equal(a.made, b.made) for a, b in zip(again[0], strong))


def test_a_run_shows_what_it_draws_and_scores_its_codes(trained: tuple[Trained, Any]) -> None:
    _, said = trained
    drawn = [event for event in said.of(Pictures) if event.series == "made/picture_decoder_2/image"]
    assert [event.at.step for event in drawn] == [1, 2, 4]
    assert all(event.titles for event in drawn)
    scores = {name: value for event in said.of(Scalars) for name, value in event.values.items()}
    assert scores["score/validation/next_code/chance perplexity"] <= 8.5
    assert scores["score/validation/next_code/perplexity"] > 1


def test_what_is_drawn_changes_nothing_of_the_training(tmp_path: Path) -> None:
    watched, plain = trainer(drawer()), trainer(drawer(diagnostics={}))
    assert watched.train() == plain.train() == "finished"
    theirs = plain.experiment.state_dict()
    for name, value in watched.experiment.state_dict().items():
        assert torch.equal(value, theirs[name]), name


def test_an_image_of_codes_grows_row_by_row_and_can_be_cancelled_between(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    sights: list[Sight] = []
    whole = generate(opened, count=2, seed=5, manner=Manner(shown=lambda s: not sights.append(s)))
    assert [(sight.done, sight.of) for sight in sights] == [(n, 16) for n in (4, 8, 12, 16)] * 2
    assert (sights[0].image[4:] == 128).all()
    assert not (sights[0].image[:4] == 128).all()
    np.testing.assert_array_equal(sights[3].image, whole[0].made)
    assert [sight.looks is not None for sight in sights[:4]] == [False, False, False, True]
    plain = generate(opened, count=2, seed=5)
    assert all(np.array_equal(a.made, b.made) for a, b in zip(whole, plain)), "watching draws nothing anew"
    with pytest.raises(Cancelled) as cancelled:
        generate(opened, count=2, seed=5, manner=Manner(shown=lambda sight: sight.done < 16))
    assert cancelled.value.so_far == []


def test_a_code_book_opens_with_what_each_code_draws_and_stood_for(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    codes = code_book(opened)
    assert sorted(code.number for code in codes) == list(range(8))
    assert sum(code.share for code in codes) == pytest.approx(1)
    assert [code.share for code in codes] == sorted((code.share for code in codes), reverse=True)
    assert all(code.drawn.shape == (4, 4, 3) for code in codes)
    (codec,) = opened.experiment.codecs()
    feed = opened.feed()
    batch, _ = next(feed.split("test", 64, IMAGES))
    ids_BN = opened.experiment.encoded(codec, batch).ids_BN
    image_CHW = batch[codec.original][0]
    first = next(code for code in codes if code.number == int(ids_BN[0, 0]))
    np.testing.assert_array_equal(first.pieces[0], pixels_of(image_CHW[:, :4, :4]))
    assert all(bool(code.pieces) == bool(code.share) for code in codes)
    with pytest.raises(Cancelled):
        code_book(opened, progress=lambda done, of: False)


def test_a_walk_in_codes_ends_where_each_end_alone_would(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    ends = (("red heart", 5), ("blue moon", 9))
    steps = walk(opened, ends=ends, count=3)
    for (sentence, seed), thing in zip(ends, (steps[0], steps[-1])):
        alone = generate(opened, count=1, seed=seed, sentence=sentence)[0].made
        assert np.abs(alone.astype(int) - thing.made).max() <= 1
    assert not any(np.array_equal(steps[1].made, other.made) for other in (steps[0], steps[2]))


@pytest.mark.parametrize(
    ("quantizer", "knobs"),
    [
        ("residual_quantizer", {"codes": 8}), ("two_level_quantizer", {}), ("finite_scalar_quantizer", {"levels": "4, 4"}),
        ("lookup_free_quantizer", {}), ("sim_vq", {"codes": 8}),
    ],
)  # fmt: skip
def test_every_kind_of_code_book_opens(quantizer: str, knobs: dict[str, Any], tmp_path: Path) -> None:
    run = trainer(tokenizer(quantizer=quantizer, knobs=knobs, steps=1))
    run.train()
    (tmp_path / "state.json").write_text(json.dumps(checkpoint(run, tmp_path)))
    opened = Trained(run.plan.document, tmp_path)
    codes = code_book(opened)
    (codec,) = opened.experiment.codecs()
    assert len(codes) == opened.experiment.node(codec.quantizer).books[0]  # type: ignore[union-attr, index]
    assert sum(code.share for code in codes) == pytest.approx(1)
    assert all(bool(code.pieces) == bool(code.share) for code in codes) or quantizer == "two_level_quantizer"
    opened.close()


def test_what_a_code_saw_of_the_words_is_its_row_of_attention(trained: tuple[Trained, Any]) -> None:
    opened, _ = trained
    sights: list[Sight] = []
    generate(opened, count=1, seed=5, sentence="red heart", manner=Manner(shown=lambda s: not sights.append(s)))
    looks = sights[-1].looks
    task = opened.plan.tasks[0]
    words = opened.words(opened.given(sentence="red heart", task=task), task)
    assert looks is not None
    assert looks.shape == (len(words), 4, 4)
    assert looks[:, 0, 0].sum() > looks[:, 3, 3].sum() > 0, (
        "the last code shares its attention with all codes before it"
    )
    assert looks[:, 0, 0].sum() < 1, "what begins the image is attended to as well"
