"""What a trained plan makes and rebuilds when it is asked, and which kinds of answers a plan says it can give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.compiler.answers.answerable import ANSWERS, answerable
from core.compiler.compile import compile
from core.inference.answering import Cancelled
from core.inference.generate import generate
from core.inference.reconstruct import reconstruct
from core.inference.trained import Trained
from core.problems import Refused
from core.telemetry.events import Pictures
from studio.open.documents import examples, find_document
from tests.core.made_blocks import SIDE, made_blocks, painter
from tests.core.training.running import checkpoint, trainer
from tests.documents import tiny_clip


@pytest.fixture(autouse=True, scope="module")
def catalogue() -> Iterator[None]:
    with made_blocks():
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trained, list[Pictures]]]:
    """A painter after five steps, and what its diagnostic said at the last of them."""
    folder, document = tmp_path_factory.mktemp("painter"), painter()
    run = trainer(document)
    run.train()
    (folder / "state.json").write_text(json.dumps(checkpoint(run, folder)))
    opened = Trained(document, folder)
    yield opened, [event for event in run.listener.of(Pictures) if event.at.step == 5]  # type: ignore[attr-defined]
    opened.close()


def test_what_is_generated_is_what_the_monitor_shows_for_that_seed(trained: tuple[Trained, list[Pictures]]) -> None:
    model, said = trained
    things = generate(model, count=4, seed=0)
    painted = next(event for event in said if event.series == "made/paint/image")
    assert [thing.seed for thing in things] == list(painted.seeds)
    np.testing.assert_array_equal([thing.made for thing in things], painted.pictures)


def test_a_sentence_and_a_seed_say_what_is_painted(trained: tuple[Trained, list[Pictures]]) -> None:
    model, _ = trained
    one, again = (generate(model, count=3, seed=7, sentence="red heart") for _ in range(2))
    np.testing.assert_array_equal([thing.made for thing in one], [thing.made for thing in again])
    alone = generate(model, count=1, seed=9, sentence="red heart")[0]
    np.testing.assert_array_equal(alone.made, one[2].made)
    other = generate(model, count=1, seed=9, sentence="blue moon over the sea")[0]
    assert not np.array_equal(other.made, alone.made)


def test_cancelled_it_gives_what_there_is(trained: tuple[Trained, list[Pictures]]) -> None:
    model, _ = trained
    told: list[tuple[int, int]] = []

    def three(done: int, of: int) -> bool:
        told.append((done, of))
        return done < 3

    with pytest.raises(Cancelled) as cancelled:
        generate(model, count=8, progress=three)
    assert told == [(1, 8), (2, 8), (3, 8)]
    assert [thing.seed for thing in cancelled.value.so_far] == [0, 1, 2]


def test_a_picture_file_is_rebuilt_beside_what_the_model_saw(
    trained: tuple[Trained, list[Pictures]], tmp_path: Path
) -> None:
    model, said = trained
    file = tmp_path / "red.png"
    Image.new("RGB", (SIDE, SIDE), (250, 20, 30)).save(file)
    (thing,) = reconstruct(model, file)
    assert thing.original is not None
    np.testing.assert_array_equal(thing.original, np.full((SIDE, SIDE, 3), (250, 20, 30)))
    assert thing.made.shape == thing.original.shape
    rebuilt = next(event for event in said if event.series == "made/rebuild/image")
    things = reconstruct(model, count=4)
    np.testing.assert_array_equal([thing.made for thing in things], rebuilt.pictures)
    np.testing.assert_array_equal([thing.original for thing in things], rebuilt.originals)


def test_a_plan_says_what_it_can_be_asked_for_and_why_not_the_rest() -> None:
    able = answerable(compile(painter()))
    assert tuple(able) == ANSWERS
    assert {kind for kind, why in able.items() if why is None} == {"generate", "reconstruct"}
    clip = answerable(compile(tiny_clip()))
    assert {kind for kind, why in clip.items() if why is None} == {"retrieve", "classify"}
    assert {kind: why.what for kind, why in clip.items() if why is not None} == {
        "caption": "No block here writes text.",
        "generate": "No block here makes images.",
        "transcribe": "No block here writes text.",
        "localise": "No block here gives places: boxes in an image, or spans of time.",
        "reconstruct": "No block here reconstructs an image that came in.",
        "align": "No block here says by how much audio and video are apart, or when a word is said.",
    }


def test_what_a_plan_cannot_give_is_refused_with_its_reason(
    tmp_path: Path, trained: tuple[Trained, list[Pictures]]
) -> None:
    run = trainer(tiny_clip(steps=1))
    run.train()
    (tmp_path / "state.json").write_text(json.dumps(checkpoint(run, tmp_path)))
    clip = Trained(tiny_clip(steps=1), tmp_path)
    with pytest.raises(Refused, match="No block here makes images"):
        generate(clip)
    with pytest.raises(Refused, match="No block here reconstructs"):
        reconstruct(clip)
    clip.close()


@pytest.mark.parametrize("name", [example.key for example in examples()])
def test_every_example_that_compiles_says_all_eight(name: str) -> None:
    try:
        plan = compile(find_document(name))
    except Refused:
        pytest.skip("it wants a folder or a run first")
    assert tuple(answerable(plan)) == ANSWERS
