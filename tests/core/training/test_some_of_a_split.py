"""A score of a part of a split stands on samples of all its kinds, the same for every score; controls are not of the same kind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from core.blocks.objectives.perceptual import Perceptual
from core.data.order import evenly
from core.data.sources.emoji import EmojiPairs
from core.graph.document import End
from core.inference.changes import Change, changed
from core.telemetry.events import Exhibit, Scalars
from core.training.judge import Images, Judge
from tests.core.training.running import trainer
from tests.documents import tiny_clip

SOME = 64


@pytest.fixture(scope="module")
def emoji() -> EmojiPairs:
    return EmojiPairs(EmojiPairs.Config(second_artist="none"))


@pytest.fixture(scope="module")
def run() -> Any:
    """A run whose scores stand on 64 of each split, with a linear probe and attention watched."""
    callbacks = {"evaluation": {"every": 2, "most": SOME, "train": True}, "linear_probe": {"most": SOME, "level": 1}}
    run = trainer(tiny_clip(steps=2, callbacks=callbacks, diagnostics={"attention": {"every": 2, "samples": 8}}))
    run.train()
    return run


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_some_of_a_split_have_the_kinds_of_all(emoji: EmojiPairs, split: str) -> None:
    """Of the first 64 test captions a third are flags, of all a ninth; of the first 64 of training three quarters."""

    def shares(indices: Any) -> Counter[str]:
        counts = Counter(emoji.class_names(index)[0] for index in indices)
        return Counter({kind: count / len(indices) for kind, count in counts.items()})

    indices = list(emoji.splits()[split])
    every, some, first = shares(indices), shares(evenly(indices, SOME)), shares(indices[:SOME])
    assert max(abs(every[kind] - some[kind]) for kind in every) < 0.08
    assert max(abs(every[kind] - first[kind]) for kind in every) > 0.2


@pytest.mark.parametrize("turns", [2, 3, 4, 5])
def test_data_that_comes_in_turns_is_met_at_every_turn(turns: int) -> None:
    """Two views, three speakers, five captions one after the other: at equal distances only one of them would be met."""
    counts = Counter(index % turns for index in evenly(range(600), 120))
    assert set(counts) == set(range(turns))
    assert min(counts.values()) > 120 / turns / 2


def test_every_score_stands_on_the_same_samples_and_says_how_many(run: Any) -> None:
    feed, listener = run.feed, run.listener
    for split in ("validation", "test"):
        chosen = evenly(list(feed.splits[split]), SOME)
        assert run.embedded[split]["indices"] == chosen == feed.some(split, SOME)
        assert [index for _, indices in feed.split(split, 16, SOME) for index in indices] == chosen
    said: dict[str, float] = {}
    for event in listener.of(Scalars):
        said |= event.values
    stood_on = {name: value for name, value in said.items() if name.endswith("/examples")}
    assert {name.split("/")[1] for name in stood_on} == {"train", "validation", "test"}
    assert set(stood_on.values()) == {float(SOME)}
    assert {"score/test/linear probe/examples", "retrieval/test/image_to_text/examples"} < set(stood_on)


def test_what_is_shown_is_what_was_measured(run: Any) -> None:
    shown = {event.name: event for event in run.listener.of(Exhibit)}
    source = run.feed.source
    names = [source.label(index) for index in run.embedded["validation"]["indices"]]
    assert list(shown["held out"].sentences) == names
    attended = [source.label(index) for index in run.feed.some("validation", 8)]
    assert list(shown["probe"].sentences) == attended
    kinds = {source.class_names(index)[0] for index in run.feed.some("validation", 8)}
    assert len(kinds) > 3, "the first eight are flags and little else"


def test_the_linear_probe_learns_every_class_of_data_that_is_sorted_by_class(run: Any) -> None:
    probe = run.callback("linear_probe")
    with torch.no_grad():
        _, names = probe._features(run, run.experiment)["train"]
    known = {run.feed.source.class_names(index)[0] for index in run.feed.splits["train"]} - {""}
    assert set(names) == known


class LikeNeighbours:
    """A judge in whose space an image is its brightness, and a caption the number it is."""

    title = "by brightness"

    def trained_captions(self) -> frozenset[str]:
        return frozenset()

    def embed(self, image: torch.Tensor, sentences: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        angle_N = image.mean((1, 2, 3))
        told_N = torch.tensor([float(text) if text else 0.0 for text in sentences])
        return tuple(torch.stack([x.cos(), x.sin()], 1) for x in (angle_N, told_N))  # type: ignore[return-value]


def test_the_control_of_a_clip_score_is_not_the_caption_of_a_neighbour() -> None:
    """Sixteen images in two kinds, sorted: the next caption is almost always of the same kind."""
    sentences = tuple(str(0.0 if number < 8 else 1.5) for number in range(16))
    image_NCHW = torch.stack([torch.full((3, 8, 8), float(text)) for text in sentences])
    images = Images(image_NCHW=image_NCHW, made_NCHW=image_NCHW, sentences=sentences)
    found = Judge(LikeNeighbours()).scored(image_NCHW, images, images)  # type: ignore[arg-type]
    assert found["CLIP score"] == pytest.approx(100)
    assert found["chance CLIP score"] < 10


def test_the_control_of_a_perceptual_distance_is_not_a_neighbour() -> None:
    torch.manual_seed(0)
    kinds = torch.rand(2, 3, 16, 16)
    real = kinds.repeat_interleave(4, 0)
    objective = Perceptual(Perceptual.Config(), {"made": real, "real": real})
    answers = objective.answers(made=real, real=real)
    assert float(answers["distance"].max()) < 1e-6
    assert float(answers["other"].min()) > 1e-3


def test_a_swapped_sample_is_not_a_neighbour() -> None:
    image, end = torch.arange(40.0)[:, None, None, None].expand(-1, 3, 2, 2), End(node="emoji", port="image")
    for seed in range(30):
        other = changed({end: image}, Change(modality="image", how="swap", seed=seed), {end: image})[end]
        apart_N = (other - image)[:, 0, 0, 0].abs()
        assert float(torch.minimum(apart_N, 40 - apart_N).min()) >= 10
