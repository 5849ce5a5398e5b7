"""A trained plan's answers against scores computed by hand from its embeddings, and against what the run itself said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from core.blocks.attention.core import Attention
from core.graph import edits
from core.graph.document import Document
from core.inference.answering import Cancelled
from core.inference.looks import looks
from core.inference.retrieve import pool, retrieve
from core.inference.trained import Trained
from core.problems import Refused
from core.runs.execute import execute
from core.store.database import Store
from core.store.library import Library
from core.training.retrieval import scores
from tests.core.runs.running import queued
from tests.documents import tiny_clip


def text_left(document: Document) -> Document:
    """The same drawing with the objective's sides wired the other way round."""
    other = {"left": "right", "right": "left"}
    wires = [
        replace(wire, target=replace(wire.target, port=other[wire.target.port]))
        if wire.target.node == "info_nce"
        else wire
        for wire in document.wires
    ]
    return replace(document, wires=tuple(wires))


def trained(folder: Path, document: Document) -> tuple[Document, Path, dict[str, float]]:
    with Store.open(folder / "runs.db") as store:
        uid = queued(store, document)
        assert execute(store, uid) == "finished"
        library = Library(store)
        newest = library.reader(uid).checkpoints()[-1]
        return document, Path(newest.path), dict(library.facts(uid).last)


SENTENCE, PICTURE = frozenset({"sentence"}), frozenset({"picture"})
BOTH = SENTENCE | PICTURE
CALLBACKS: dict[str, Any] = {"checkpointing": {}, "evaluation": {"every": 1000}, "ema": {"decay": 0.5}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, Path, dict[str, float]]:
    return trained(tmp_path_factory.mktemp("run"), tiny_clip(steps=30, batch_size=64, callbacks=CALLBACKS))


@pytest.fixture(scope="module")
def model(run: tuple[Document, Path, dict[str, float]]) -> Iterator[Trained]:
    opened = Trained(run[0], run[1])
    yield opened
    opened.close()


def both_sides(model: Trained, split: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """What sentences and pictures are ranked against, and the sample indices."""
    pictures, indices = pool(model, split, model.questions[SENTENCE])
    sentences, same = pool(model, split, model.questions[PICTURE])
    assert indices == same
    return pictures.numpy(), sentences.numpy(), indices


@pytest.mark.parametrize("split", ["test", "validation"])
def test_pools_give_the_scores_that_the_run_said(
    model: Trained, run: tuple[Document, Path, dict[str, float]], split: str
) -> None:
    pictures, sentences, indices = both_sides(model, split)
    assert len(indices) == model.splits[split] == len(set(indices))
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-5)
    things = model.feed().things
    captions, shown = things.captions(indices), things.of(indices, "image")
    there = scores(torch.from_numpy(pictures @ sentences.T), captions, shown, captions)
    back = scores(torch.from_numpy(sentences @ pictures.T), captions, captions, shown)
    for k in (1, 5, 10):
        for way, found in (("image_to_text", there), ("text_to_image", back)):
            assert found[f"R@{k}"] == pytest.approx(run[2][f"retrieval/{split}/{way}/R@{k}"], abs=1e-9)


def test_a_sentence_finds_pictures_in_the_order_of_their_cosines(model: Trained) -> None:
    pictures, sentences, indices = both_sides(model, "test")
    for place in (0, 5, 11):
        kind, answers = retrieve(model, "test", sentence=model.graph.source.label(indices[place]), count=len(indices))
        assert kind == "pictures"
        cosines = dict(zip(indices, (pictures @ sentences[place]).tolist()))
        assert sorted(answer.index for answer in answers) == sorted(indices)
        assert [a.score for a in answers] == sorted((a.score for a in answers), reverse=True)
        assert [a.score for a in answers] == pytest.approx([cosines[a.index] for a in answers], abs=1e-5)
    first = answers[0]
    assert first.split == "test"
    assert first.sentence == model.graph.source.label(first.index)
    assert first.picture is not None
    assert first.picture.shape == (16, 16, 3)


def test_a_picture_file_finds_sentences(model: Trained, tmp_path: Path) -> None:
    pictures, sentences, indices = both_sides(model, "test")
    for place in (0, 3):
        shown = model.answer(indices[place]).picture
        assert shown is not None
        file = tmp_path / f"{place}.png"
        Image.fromarray(shown).save(file)
        kind, answers = retrieve(model, "test", picture=file, count=8)
        assert kind == "sentences"
        cosines = dict(zip(indices, (sentences @ pictures[place]).tolist()))
        assert [a.score for a in answers] == pytest.approx([cosines[a.index] for a in answers], abs=0.02)  # 8 bits
        assert answers[0].score == pytest.approx(max(cosines.values()), abs=0.02)


def test_attention_rows_sum_to_one_and_give_the_output(model: Trained) -> None:
    """Rows times values, through the layer's last matrix, is what the layer passes on in an ordinary forward."""
    sentence = model.graph.source.label(both_sides(model, "test")[2][0])
    layer = next(m for m in model.experiment.node("text_transformer").modules() if isinstance(m, Attention))
    kept: dict[str, torch.Tensor] = {}

    def keep(_: nn.Module, given: tuple[Any, ...], options: dict[str, Any], made: torch.Tensor) -> None:
        kept.update(x=given[0].detach(), out=made.detach())

    hook = layer.register_forward_hook(keep, with_kwargs=True)
    try:
        retrieve(model, "test", sentence=sentence, count=1)  # the fused kernel, nothing recorded
        found = {look.layer: look for look in looks(model, sentence=sentence)}
    finally:
        hook.remove()
    look = found["text_transformer/0"]
    assert look.words[0] == look.words[-1] == ""
    assert len(look.words) > 2
    for each in found.values():
        np.testing.assert_allclose(each.weights.sum(-1), 1, atol=1e-5)
        assert (each.weights >= 0).all()
    x_1ND = kept["x"]
    v_1HNE = layer.key_value(x_1ND).chunk(2, dim=-1)[1].unflatten(-1, (layer.heads, -1)).transpose(1, 2)
    y_1HNE = torch.from_numpy(look.weights)[None] @ v_1HNE
    torch.testing.assert_close(layer.out(y_1HNE.transpose(1, 2).flatten(2)), kept["out"], atol=1e-5, rtol=1e-4)


def test_looks_over_a_sample_and_over_a_picture(model: Trained, tmp_path: Path) -> None:
    index = both_sides(model, "test")[2][0]
    both = {look.layer for look in looks(model, index=index)}
    assert both == {"vit/0", "text_transformer/0", "pool_2/0"}
    file = tmp_path / "one.png"
    Image.new("RGB", (40, 30), "red").save(file)
    (look,) = looks(model, picture=file)
    assert look.layer == "vit/0"
    assert look.keys == {"kind": "patches", "height": 4, "width": 4, "extra": 1}
    assert look.weights.shape == (2, 17, 17)


def test_asking_can_be_cancelled_and_asked_again(run: tuple[Document, Path, dict[str, float]]) -> None:
    opened = Trained(run[0], run[1])
    seen: list[tuple[int, int]] = []

    def at_once(done: int, of: int) -> bool:
        seen.append((done, of))
        return False

    with pytest.raises(Cancelled):
        retrieve(opened, "test", sentence="red heart", progress=at_once)
    assert seen == [(min(128, opened.splits["test"]), opened.splits["test"])]
    found = retrieve(opened, "test", sentence="red heart", count=3)
    assert len(found[1]) == 3
    with pytest.raises(Cancelled) as early:
        retrieve(opened, "train", sentence="red heart", count=3, progress=lambda done, of: done < 256)
    kind, answers = early.value.so_far
    assert (kind, len(answers)) == ("pictures", 3)
    first = set(list(opened.feed().splits["train"])[:256])
    assert {answer.index for answer in answers} <= first, "the best of those embedded by then"
    assert [answer.score for answer in answers] == sorted((a.score for a in answers), reverse=True)
    assert retrieve(opened, "test", sentence="red heart", count=3)[1][0].index == found[1][0].index
    opened.close()


@pytest.mark.parametrize("question", ["", "   "])
def test_questions_that_cannot_be_asked_are_sentences(model: Trained, tmp_path: Path, question: str) -> None:
    with pytest.raises(Refused, match="The sentence is empty"):
        retrieve(model, "test", sentence=question)
    with pytest.raises(Refused, match="is not there"):
        retrieve(model, "test", picture=tmp_path / "gone.png")
    (tmp_path / "words.png").write_text("not an image")
    with pytest.raises(Refused, match="not an image"):
        retrieve(model, "test", picture=tmp_path / "words.png")
    with pytest.raises(Refused, match="no split 'moon'"):
        retrieve(model, "moon", sentence="red heart")


def test_a_checkpoint_that_does_not_fit_is_a_sentence(
    run: tuple[Document, Path, dict[str, float]], tmp_path: Path
) -> None:
    document, folder, _ = run
    with pytest.raises(Refused, match="is of another graph"):
        Trained(edits.set_knob(document, "vit", "width", 32), folder)
    with pytest.raises(Refused, match="subwords"):
        Trained(edits.set_knob(document, "tokenizer", "vocabulary", 260), shutil.copytree(folder, tmp_path / "same"))
    with pytest.raises(Refused, match="There is no checkpoint in"):
        Trained(document, tmp_path / "nothing")
    for name, text in (("weights.safetensors", "short"), ("state.json", "{"), ("state.json", "[]")):
        broken = tmp_path / f"broken-{name}-{len(text)}-{text[0]}".replace("[", "l").replace("{", "o")
        shutil.copytree(folder, broken)
        (broken / name).write_text(text)
        with pytest.raises(Refused, match="is damaged"):
            Trained(document, broken)


def test_a_drawing_without_pairs_cannot_be_asked(run: tuple[Document, Path, dict[str, float]]) -> None:
    kept = {key: node for key, node in run[0].nodes.items() if key != "info_nce"}
    wires = tuple(wire for wire in run[0].wires if wire.target.node != "info_nce")
    with pytest.raises(Refused, match="There is no objective"):
        Trained(replace(run[0], nodes=kept, wires=wires), run[1])


def test_sides_are_told_by_modality_and_not_by_port(tmp_path: Path) -> None:
    """Wired text left, the same run says the same directions, and sentences still find pictures."""
    document = tiny_clip(steps=3, batch_size=64, callbacks={"checkpointing": {}, "evaluation": {"every": 1000}},
                         diagnostics={"samples": {"questions": 6}})  # fmt: skip
    one, other = trained(tmp_path / "one", document), trained(tmp_path / "other", text_left(document))
    scores = {name: value for name, value in one[2].items() if name.startswith("retrieval/")}
    assert scores["retrieval/test/image_to_text/mean rank"] != scores["retrieval/test/text_to_image/mean rank"]
    assert {name: value for name, value in other[2].items() if name.startswith("retrieval/")} == pytest.approx(scores)
    models = [Trained(document, folder) for document, folder, _ in (one, other)]
    answers = [[a.index for a in retrieve(m, "test", sentence="a red heart", count=5)[1]] for m in models]
    assert answers[0] == answers[1]
    for opened in models:
        opened.close()
