"""A film that a person brings: what is told of it is what the objective itself says of the same clip in the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compiler.answers.answerable import NO_OFFSETS_OF_FILM, answerable, answerable_of_film
from core.compiler.compile import compile
from core.graph import edits
from core.graph.document import Document, End
from core.inference.caption import caption
from core.inference.localise import localise
from core.inference.looks import looks
from core.inference.recognise import recognise
from core.inference.retrieve import retrieve
from core.inference.trained import Trained
from core.problems import Refused
from core.store.database import Store
from tests.core.data.films import film
from tests.core.inference.test_questions import FILM, SENTENCE, checkpoint_of
from tests.documents import Drawing, tiny_clip


def watcher(folder: Path) -> Document:
    """One tower over films; every objective that tells something of one, a text tower, and a decoder."""
    draw = Drawing("watcher")
    draw.add("sources.videos", folder=str(folder))
    draw.add("transforms.sample_frames", frames=4, size=16)
    draw.add("transforms.tokenizer", method="words", length=8)
    draw.add("encoders.video_transformer", width=16, depth=1, heads=2, patch_size=8)
    draw.add("connectors.pool")
    draw.add("connectors.projection", width=8)
    draw.add("encoders.text_transformer", width=16, depth=1, heads=2)
    draw.add("connectors.pool")
    draw.add("connectors.projection", width=8)
    draw.add("objectives.info_nce")
    draw.add("objectives.classification", classes=2)
    draw.add("objectives.localisation", classes=2, levels=2, threshold=0.0)
    draw.add("generators.language_decoder", width=16, depth=1, heads=2)
    draw.add("objectives.next_word")
    for source, target in (
        ("videos.clip", "sample_frames.clip"), ("sample_frames.video", "video_transformer.video"),
        ("video_transformer.tokens", "pool.tokens"), ("pool.embedding", "projection.embedding"),
        ("videos.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("text_transformer.tokens", "pool_2.tokens"), ("pool_2.embedding", "projection_2.embedding"),
        ("projection.embedding", "info_nce.left"), ("projection_2.embedding", "info_nce.right"),
        ("pool.embedding", "classification.embedding"), ("videos.classes", "classification.classes"),
        ("video_transformer.tokens", "localisation.tokens"), ("videos.segments", "localisation.segments"),
        ("video_transformer.tokens", "language_decoder.tokens"), ("tokenizer.text", "language_decoder.text"),
        ("language_decoder.logits", "next_word.logits"), ("tokenizer.text", "next_word.text"),
    ):  # fmt: skip
        draw.wire(source, target)
    return edits.set_recipe(
        draw.document, steps=3, batch_size=4, threads=1, callbacks={"checkpointing": {}}, diagnostics={}
    )


def runs_and_jumps(root: Path) -> Path:
    """A dozen films of two classes, each some frames longer than the one before, in two splits."""
    for number in range(12):
        split = ("train", "train", "test")[number % 3]
        place = root / split / ("run", "jump")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        film(place / f"{number}.mp4", range(10 + number))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs_and_jumps(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    document = watcher(folder)
    with Store.open(tmp_path_factory.mktemp("runs") / "runs.db") as store:
        trained = Trained(document, checkpoint_of(store, document))
        yield trained
        trained.close()


def test_every_answer_but_an_offset_can_be_given(model: Trained) -> None:
    told = dict.fromkeys(("retrieve", "classify", "caption", "localise"))
    assert answerable_of_film(model.plan) == told | {"align": NO_OFFSETS_OF_FILM}
    assert {name for name, why in answerable(model.plan).items() if why is None} >= {"retrieve", "classify", "caption"}
    assert {given: question.finds for given, question in model.questions.items()} == {
        SENTENCE: "films",
        FILM: "sentences",
    }


def test_a_file_is_told_what_the_same_clip_of_the_data_is(model: Trained) -> None:
    source = model.graph.source
    index = source.splits()["test"][0]
    batch = next(batch for batch, chosen in model.reading("test") if chosen[0] == index)
    values = model.experiment.run(batch, ["pool"])
    head = model.experiment.node("classification")
    right_K = head.scores(values[End(node="pool", port="embedding")])[0].softmax(-1)  # type: ignore[operator, union-attr]
    told = recognise(model, "film", source.rows[index].file)  # type: ignore[attr-defined]
    names = source.code_names("classes")
    np.testing.assert_allclose(
        [score for _, score in told], [right_K[names.index(n)].item() for n, _ in told], atol=1e-5
    )
    assert sum(score for _, score in told) == pytest.approx(1)


def test_what_is_found_lies_in_the_film(model: Trained) -> None:
    file = model.graph.source.rows[0].file  # type: ignore[attr-defined]
    events = localise(model, "film", file)
    assert events
    assert {event.name for event in events} <= {"run", "jump"}
    assert [event.span.start for event in events] == sorted(event.span.start for event in events)


def test_a_film_finds_captions_and_a_caption_films(model: Trained) -> None:
    file = model.graph.source.rows[0].file  # type: ignore[attr-defined]
    kind, answers = retrieve(model, "test", film=file)
    assert (kind, len(answers)) == ("sentences", 4)
    kind, answers = retrieve(model, "test", sentence="run")
    assert (kind, len(answers)) == ("films", 4)
    assert all(answer.film is not None and answer.picture is not None for answer in answers)
    maps = looks(model, film=file)
    assert {look.keys["kind"] for look in maps} >= {"frames"}
    with torch.no_grad():
        again = retrieve(model, "test", sentence="run")[1]
    assert [answer.score for answer in again] == [answer.score for answer in answers]


def test_a_caption_is_written_about_a_film(model: Trained) -> None:
    file = model.graph.source.rows[0].file  # type: ignore[attr-defined]
    assert caption(model, film=file).sentence == caption(model, index=0).sentence


def test_what_cannot_be_told_of_a_film_says_why() -> None:
    told = answerable_of_film(compile(tiny_clip()))
    assert all(why is not None for why in told.values())
    assert told["classify"] is not None
    assert told["classify"].what.startswith("No block here names a class of videos")


def test_a_file_that_is_no_film_is_refused(model: Trained, tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no film")
    for ask in (
        lambda f: recognise(model, "film", f),
        lambda f: localise(model, "film", f),
        lambda f: retrieve(model, "test", film=f),
    ):
        with pytest.raises(Refused, match=r"no\.mp4"):
            ask(tmp_path / "no.mp4")
