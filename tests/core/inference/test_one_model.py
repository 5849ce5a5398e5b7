"""One decoder in two places: it draws behind words and writes behind an image; both can be asked of one trained run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.blocks.generators.writing import Way
from core.compiler.answers.answerable import answerable
from core.compiler.answers.writing import writers
from core.graph import edits
from core.graph.document import Document
from core.graph.recipe import Mix, Part
from core.inference.caption import caption
from core.inference.generate import generate
from core.inference.trained import Trained
from core.telemetry.events import Scalars
from tests.core.training.running import checkpoint, trainer
from tests.documents import Drawing

READING, DRAWING = "emoji_2", "emoji"


def one_model(steps: int = 4) -> Document:
    """Words to codes in one task, codes to words in the other; the tokenizer learns in both."""
    draw = Drawing("one model")
    for _ in range(2):
        draw.add("sources.emoji", image_size=16, second_artist="none")
        draw.add("transforms.tokenizer", vocabulary=300, length=8)
        draw.add("tokenizers.picture_encoder", width=8)
        draw.add("tokenizers.vector_quantizer", codes=8)
        draw.add("tokenizers.picture_decoder", width=8)
        draw.add("objectives.reconstruction")
        draw.add("generators.mixed_decoder", width=16, depth=1, heads=2)
    draw.add("objectives.next_code")
    draw.add("objectives.next_word")
    draw.add("tokenizers.vector_quantizer", codes=8)
    draw.add("tokenizers.picture_decoder", width=8)
    for end in ("", "_2"):
        for source, target in (
            ("emoji.image", "picture_encoder.image"), ("picture_encoder.tokens", "vector_quantizer.tokens"),
            ("vector_quantizer.tokens", "picture_decoder.tokens"), ("picture_decoder.image", "reconstruction.made"),
            ("emoji.image", "reconstruction.real"), ("emoji.sentence", "tokenizer.sentence"),
            ("tokenizer.text", "mixed_decoder.text"), ("vector_quantizer.codes", "mixed_decoder.before" if end else "mixed_decoder.codes"),
        ):  # fmt: skip
            draw.wire(*(f"{node}{end}.{port}" for node, port in (each.split(".") for each in (source, target))))
    for source, target in (
        ("mixed_decoder.said", "next_code.said"), ("vector_quantizer.codes", "next_code.codes"),
        ("mixed_decoder_2.words", "next_word.logits"), ("tokenizer_2.text", "next_word.text"),
        ("mixed_decoder.codes", "vector_quantizer_3.codes"), ("vector_quantizer_3.tokens", "picture_decoder_3.tokens"),
    ):  # fmt: skip
        draw.wire(source, target)
    document = draw.document
    for node in (
        "picture_encoder_2",
        "vector_quantizer_2",
        "picture_decoder_2",
        "mixed_decoder_2",
        "vector_quantizer_3",
        "picture_decoder_3",
    ):
        document = edits.share_weights(document, node, node[:-2])  # fmt: skip
    scored = {"evaluation": {"every": steps, "train": False}, "captions": {"most": 8, "pool": 6, "words": 6}}
    mix = Mix(parts={READING: Part(start=3.0, end=1.0), DRAWING: Part(start=1.0, end=1.0)})
    return edits.set_recipe(
        document, steps=steps, batch_size=8, callbacks=scored, diagnostics={}, threads=1, mix=mix, learning_rate=0.01
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trained, dict[str, float]]]:
    folder, document = tmp_path_factory.mktemp("one"), one_model()
    run = trainer(document)
    assert run.train() == "finished"
    said = run.listener.of(Scalars)  # type: ignore[attr-defined]
    (folder / "state.json").write_text(json.dumps(checkpoint(run, folder)))
    opened = Trained(document, folder)
    yield opened, {name: value for event in said for name, value in event.values.items()}
    opened.close()


def test_it_writes_about_an_image_and_draws_from_words(
    trained: tuple[Trained, dict[str, float]], tmp_path: Path
) -> None:
    model, _ = trained
    found = answerable(model.plan)
    assert found["caption"] is None
    assert found["generate"] is None
    assert [(writer.node, writer.modality) for writer in writers(model.plan)] == [("mixed_decoder_2", "image")]
    path = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(path)
    drawn = Way(most=4, temperature=50.0)
    made = caption(model, path, way=drawn, seed=3)
    assert made.sentence == caption(model, path, way=drawn, seed=3).sentence
    assert all(word.look_HW is not None and word.look_HW.shape == (4, 4) for word in made.words)
    assert all(float(word.look_HW.sum()) == pytest.approx(1, abs=1e-5) for word in made.words)  # type: ignore[union-attr]
    first, second = (generate(model, count=1, seed=5, sentence="red heart")[0] for _ in range(2))
    assert np.array_equal(first.made, second.made)


def test_each_task_is_scored_beside_its_control(trained: tuple[Trained, dict[str, float]]) -> None:
    """Words behind an image beside those behind another's, codes beside their frequency."""
    _, said = trained
    words = {name for name in said if name.startswith("score/test") and "mixed_decoder_2" in name}
    assert {name.rpartition("/")[2] for name in words} >= {"perplexity", "chance perplexity", "chrF", "chance chrF"}
    codes = {name.rpartition("/")[2] for name in said if name.startswith("score/test") and "next_code" in name}
    assert codes >= {"perplexity", "chance perplexity"}
    assert not any("mixed_decoder/" in name for name in said if name.startswith("score/"))  # what draws writes nothing
