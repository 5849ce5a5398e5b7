"""The nearest training example: by common words, never the same caption, the same after a reload, and asked with a sentence alone."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from typing import Any

import numpy as np
import pytest
import torch

from core.data.nearest_captions import Captions
from core.data.transforms.nearest_example import NearestExample
from core.problems import Refused
from core.training.likeness import nearest_captions

CAPTIONS = ("red heart", "green heart", "red car", "a dog that runs")
RANDOM = np.random.default_rng(0)


def images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (4, 3, 5, 4)) / 255


def fitted(**knobs: Any) -> NearestExample:
    step = NearestExample(NearestExample.Config(**knobs))
    assert step.needs_fit
    step.fit({"sentence": caption, "image": image} for caption, image in zip(CAPTIONS, images()))
    assert not step.needs_fit
    return step


@pytest.mark.parametrize(
    ("asked", "found"), [("red heart", 1), ("green heart", 0), ("a red heart", 0), ("Dog, runs", 3), ("whale", 0)]
)
def test_the_image_is_that_of_the_nearest_other_caption(asked: str, found: int) -> None:
    made = fitted().apply({"sentence": asked}, RANDOM)
    assert made["sentence"] == CAPTIONS[found]
    torch.testing.assert_close(made["image"], images()[found], atol=1e-6, rtol=0)


def test_the_measure_is_the_share_of_common_words() -> None:
    """Beside a plain reading of Jaccard's index over random sentences."""
    words = np.random.default_rng(1)
    every = [" ".join(f"w{n}" for n in words.integers(0, 12, words.integers(1, 7))) for _ in range(60)]
    known, asked = every[:40], every[40:]

    def share(one: str, other: str) -> float:
        a, b = set(one.split()), set(other.split())
        return len(a & b) / len(a | b)

    for sentence in asked:
        number = Captions(known).nearest(sentence)
        assert share(sentence, known[number]) == max(share(sentence, each) for each in known)
    assert nearest_captions(asked, known) == [Captions(known).nearest(sentence) for sentence in asked]
    assert Captions(known).nearest(known[3]) == known.index(known[3])
    assert known[Captions(known).nearest(known[3], other=True)] != known[3]


def test_a_checkpoint_keeps_what_it_learned() -> None:
    step = fitted()
    again = NearestExample(NearestExample.Config())
    again.load_state(json.loads(json.dumps(step.state())))
    one, other = (each.apply({"sentence": "red heart"}, RANDOM) for each in (step, again))
    assert torch.equal(one["image"], other["image"])
    assert one["sentence"] == other["sentence"]


@pytest.mark.parametrize("shape", [[4, 3, 5, 5], [3, 3, 5, 4], [4, 3, 10**6, 10**6], [4, 3, 0, 4]])
def test_a_damaged_state_is_refused(shape: list[int]) -> None:
    state = {**fitted().state(), "shape": shape}
    with pytest.raises(Refused, match="damaged"):
        NearestExample(NearestExample.Config()).load_state(state)


def test_a_state_that_swells_is_refused() -> None:
    swollen = b64encode(zlib.compress(bytes(50_000_000))).decode()
    with pytest.raises(Refused, match="damaged"):
        NearestExample(NearestExample.Config()).load_state({**fitted().state(), "images": swollen})


def test_only_so_many_are_kept_and_images_of_two_sizes_are_refused() -> None:
    assert fitted(most=2).state()["captions"] == ["red heart", "green heart"]
    step = NearestExample(NearestExample.Config())
    with pytest.raises(Refused, match="one size"):
        step.fit([{"sentence": "a", "image": torch.rand(3, 4, 4)}, {"sentence": "b", "image": torch.rand(3, 5, 4)}])
    with pytest.raises(Refused, match="different captions"):
        step.fit([{"sentence": "a", "image": torch.rand(3, 4, 4)}] * 2)
