"""A trained decoder writes about an image: seeded, cancelled, with where each word looked; and what the training option scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.blocks.generators.language_decoder import BESIDE
from core.blocks.generators.writing import Way
from core.blocks.values import Text, Tokens
from core.compiler.answers.answerable import answerable
from core.compiler.compile import compile
from core.graph import edits
from core.graph.document import Document
from core.inference.answering import Cancelled
from core.inference.caption import caption
from core.inference.trained import Trained
from core.problems import Refused
from core.telemetry.events import Scalars
from core.training.callbacks.captions import Shown, against
from tests.core.training.running import checkpoint, trainer
from tests.documents import Drawing, captions, tiny_clip

STEPS = 4


def opened(document: Document, folder: Path) -> tuple[Trained, list[Scalars]]:
    run = trainer(document)
    run.train()
    (folder / "state.json").write_text(json.dumps(checkpoint(run, folder)))
    return Trained(document, folder), run.listener.of(Scalars)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trained, list[Scalars]]]:
    model, said = opened(captions(steps=STEPS), tmp_path_factory.mktemp("captions"))
    yield model, said
    model.close()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(path)
    return path


def test_the_same_seed_writes_the_same_and_every_word_looks_at_the_whole_image_once(
    trained: tuple[Trained, list[Scalars]], image: Path
) -> None:
    model, _ = trained
    drawn = Way(most=6, temperature=50.0)
    heard: list[str] = []
    one = caption(model, image, way=drawn, seed=3, wrote=heard.append)
    assert caption(model, image, way=drawn, seed=3).sentence == one.sentence
    assert {caption(model, image, way=drawn, seed=seed).sentence for seed in range(4, 9)} != {one.sentence}
    assert heard[-1] == one.sentence
    assert len(one.words) == len(heard)
    assert one.log_probability < 0
    for word in one.words:
        assert word.look_HW is not None
        assert word.look_HW.shape == (4, 4)
        assert word.look_HW.sum() == pytest.approx(1, abs=1e-5)
    assert not np.allclose(one.words[0].look_HW, one.words[-1].look_HW, atol=1e-7)  # type: ignore[arg-type]


def test_beams_find_a_sentence_no_less_likely_for_its_length_than_the_greedy_one(
    trained: tuple[Trained, list[Scalars]], image: Path
) -> None:
    model, _ = trained
    greedy, beams = (caption(model, image, way=Way(most=5, beams=count)) for count in (1, 6))
    scores = [each.log_probability / (len(each.words) + each.is_whole) for each in (greedy, beams)]
    assert scores[1] >= scores[0] - 1e-6


def test_cancelled_it_gives_the_words_so_far(trained: tuple[Trained, list[Scalars]], image: Path) -> None:
    model, _ = trained
    drawn = Way(most=8, temperature=50.0)
    whole = caption(model, image, way=drawn, seed=1)
    with pytest.raises(Cancelled) as cancelled:
        caption(model, image, way=drawn, seed=1, progress=lambda done, of: done < 2)
    assert [word.text for word in cancelled.value.so_far.words] == [word.text for word in whole.words[:2]]
    with pytest.raises(Refused, match="no image"):
        caption(model)


def test_through_a_resampler_words_look_at_patches_too(tmp_path: Path, image: Path) -> None:
    model, _ = opened(captions("perceiver_resampler", steps=1, count=3, heads=2), tmp_path)
    made = caption(model, image, way=Way(most=3, temperature=50.0))
    assert all(word.look_HW is not None and word.look_HW.shape == (4, 4) for word in made.words)
    assert all(float(word.look_HW.sum()) == pytest.approx(1, abs=1e-5) for word in made.words)  # type: ignore[union-attr]
    model.close()


def test_through_gates_words_look_at_patches_too(tmp_path: Path, image: Path) -> None:
    document = captions(steps=2)
    decoder = next(node.id for node in document.nodes.values() if node.block == "generators.language_decoder")
    model, said = opened(edits.set_knob(document, decoder, "reads", BESIDE), tmp_path)
    made = caption(model, image, way=Way(most=3, temperature=50.0))
    assert all(word.look_HW is not None and word.look_HW.shape == (4, 4) for word in made.words)
    assert all(float(word.look_HW.sum()) == pytest.approx(1, abs=1e-5) for word in made.words)  # type: ignore[union-attr]
    found = {name: value for event in said for name, value in event.values.items()}
    assert found["score/test/language_decoder/perplexity"] > 1
    model.close()


def test_one_transformer_reads_patches_and_words_packed(tmp_path: Path, image: Path) -> None:
    """GenLIP's form: no tower, patches before the words in one sequence, read both ways (prefix-LM)."""
    document = captions(steps=2)
    vit, decoder = (
        next(n.id for n in document.nodes.values() if n.block == block)
        for block in ("encoders.vit", "generators.language_decoder")
    )
    document = edits.set_knob(edits.set_knob(document, vit, "depth", 0), decoder, "both_ways", True)
    model, said = opened(document, tmp_path)
    assert not model.experiment.node(vit).attentions()  # type: ignore[operator]
    first = next(event.values["loss"] for event in said if "loss" in event.values)
    assert first == pytest.approx(math.log(300), abs=0.1)
    made = caption(model, image, way=Way(most=3, temperature=50.0))
    assert all(float(word.look_HW.sum()) == pytest.approx(1, abs=1e-5) for word in made.words)  # type: ignore[union-attr]
    model.close()


def test_what_is_shown_is_spread_and_the_other_is_far_away() -> None:
    """Neighbours are often alike: the next of many flags is a flag, and a sentence about it is no control."""
    x_BND = torch.arange(12.0)[:, None, None]
    text = Text(ids_BL=torch.arange(12)[:, None], mask_BL=torch.ones(12, 1, dtype=torch.bool), vocabulary=12)
    shown = Shown(tokens=Tokens(x_BND=x_BND, modality="image"), text=text, indices=list(range(100, 112)))
    four = shown.some(4)
    rows = [index - 100 for index in four.indices]
    assert [row // 3 for row in rows] == [0, 1, 2, 3], "one of every stretch of three"
    assert four.tokens.x_BND.flatten().tolist() == rows
    assert four.moved_on().tokens.x_BND.flatten().tolist() == [*rows[2:], *rows[:2]]
    assert four.moved_on().text.ids_BL.flatten().tolist() == rows


def test_the_training_option_scores_beside_chance(trained: tuple[Trained, list[Scalars]]) -> None:
    _, said = trained
    found = {name: value for event in said for name, value in event.values.items()}
    for name in ("exact match", "chrF", "perplexity"):
        assert f"score/test/language_decoder/{name}" in found
        assert f"score/test/language_decoder/chance {name}" in found
    for way in ("image_to_language_decoder", "language_decoder_to_image"):
        assert 0 < found[f"retrieval/test/{way}/chance R@1"] < 1
    assert found["score/test/next_word/perplexity"] > 1
    assert found["score/test/next_word/chance perplexity"] > 1


def test_sentences_are_scored_as_they_stand() -> None:
    own = ["red heart", "blue moon", "green tree"]
    assert against(own, own) == {
        "exact match": 1.0, "chance exact match": 0.0, "same words": 1.0, "chance same words": 0.0, "chrF": pytest.approx(1.0), "chance chrF": pytest.approx(0.03, abs=0.1),
    }  # fmt: skip
    assert against(["red heart", "x", "y"], own)["exact match"] == pytest.approx(1 / 3)


def test_the_same_words_in_another_order_are_told_from_an_exact_match() -> None:
    own = ["a dog, then rain", "rain, then a dog", "rain, then rain"]
    found = against(["rain, then a dog", "rain, then a dog", "rain"], own)
    assert (found["exact match"], found["same words"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (found["chance exact match"], found["chance same words"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_who_can_be_asked_for_a_caption() -> None:
    assert answerable(compile(captions()))["caption"] is None
    assert answerable(compile(tiny_clip()))["caption"] is not None
    draw = Drawing("words alone")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("generators.language_decoder", width=16, depth=1, heads=2)
    draw.add("objectives.next_word")
    for wire in (("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "language_decoder.text"),
                 ("language_decoder.logits", "next_word.logits"), ("tokenizer.text", "next_word.text")):  # fmt: skip
        draw.wire(*wire)
    assert answerable(compile(draw.document))["caption"] is not None
