"""Made videos: they do what is said of them, in that order, and what is held out is held out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from core.data.films.stage import ACTIONS, Scene, script_of, turned, words_of
from core.data.sources.emoji_videos import EmojiVideos
from core.data.transforms.sample_frames import SampleFrames
from core.problems import Refused

WHITE = torch.ones(3, 24, 24)
STICK = torch.cat([torch.zeros(3, 48, 48), torch.zeros(1, 48, 48)])
STICK[3, 18:30] = 1.0  # black, lying, opaque in the middle


def opened(**knobs: Any) -> EmojiVideos:
    source = EmojiVideos(EmojiVideos.Config(**knobs))
    source.open()
    return source


def seen(actions: tuple[int, ...], seed: int, times: np.ndarray) -> dict[int, np.ndarray]:
    """What the frames show of a stick before white: its centre, how large it is and how it lies, by axis."""
    script = script_of(actions, 2.0, np.random.default_rng(seed))
    frames = Scene(things=((STICK, script),), background_CHW=WHITE, drift=(0.0, 0.0)).drawn(times, 96)
    dark = 1 - frames.float().mean(1).numpy() / 255
    place = (np.arange(96) + 0.5) / 96
    mass = dark.sum((1, 2))
    x, y = (dark * place).sum((1, 2)) / mass, (dark * place[:, None]).sum((1, 2)) / mass
    dx, dy = place - x[:, None, None], place[:, None] - y[:, None, None]
    xx, yy, xy = ((dark * product).sum((1, 2)) / mass for product in (dx * dx, dy * dy, dx * dy))
    return {0: x, 1: y, 2: np.sqrt(mass), 3: np.arctan2(2 * xy, xx - yy) / 2}


@pytest.mark.parametrize("place", range(len(ACTIONS)))
def test_what_is_said_is_what_is_seen(place: int) -> None:
    """Of everything that could change, by far the most is the axis of the action, and the way it is called."""
    action = ACTIONS[place]
    for seed in range(5):
        found = seen((place,), seed, np.array([0.0, 2.0]))
        change = {axis: float(values[1] - values[0]) for axis, values in found.items()}
        assert np.sign(change[action.axis]) == action.sign, (action.words, seed, change)
        assert abs(change[action.axis]) > {0: 0.2, 1: 0.2, 2: 4.0, 3: 0.5}[action.axis]
        others = [abs(change[axis]) for axis in (0, 1) if axis != action.axis]
        assert max(others) < 0.08


def test_actions_follow_one_another() -> None:
    script = script_of((0, 4, 3), 3.0, np.random.default_rng(1))
    ends = [(act.span.start, act.span.end) for act in script.acts]
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(ends))
    assert [act.action for act in script.acts] == [0, 4, 3]
    assert words_of((0, 4, 3)) == "moves left, then shrinks, then moves down"


def test_an_action_and_its_opposite_pass_through_the_same_states() -> None:
    """From where to where, over many films: what one ends with the other begins with, within sampling error."""
    for axis in range(4):
        falling, rising = (place for place, action in enumerate(ACTIONS) if action.axis == axis)
        edges = {}
        for place in (falling, rising):
            acts = [script_of((place,), 2.0, np.random.default_rng(seed)).acts[0].change for seed in range(2000)]
            edges[place] = np.array(acts)
        spread = edges[falling].std(0)
        np.testing.assert_allclose(
            edges[falling].mean(0), edges[rising].mean(0)[::-1], atol=4 * spread.max() / 2000**0.5
        )


def test_a_film_is_a_function_of_its_number() -> None:
    first, second = opened(actions=2, around=1), opened(actions=2, around=1)
    step = SampleFrames(SampleFrames.Config(frames=4, size=32))
    for index in (0, 700, 3000):
        one, other = (
            step.evaluated(source.part(index, ("clip",)), np.random.default_rng(0))["video"]
            for source in (first, second)
        )
        assert torch.equal(one.frames_TCHW, other.frames_TCHW)
        assert one.starts == other.starts
        assert first.label(index) == second.label(index)


def test_emoji_of_the_test_are_not_in_training() -> None:
    source = opened(actions=1, around=2)
    splits = source.splits()
    groups = {name: {source.group(index) for index in indices} for name, indices in splits.items()}
    assert not groups["train"] & groups["test"]
    files = {
        name: {file for index in indices for file in source.part(index, ("clip",))["clip"].files}
        for name, indices in splits.items()
    }
    assert not files["train"] & files["test"], "those that stand around count too"


def test_of_every_held_out_order_the_reverse_is_trained_on() -> None:
    source = opened(actions=2, hold_out="orders")
    splits = source.splits()
    orders = {name: {source.actions_of(index) for index in indices} for name, indices in splits.items()}
    assert len(orders["test"]) >= 3
    assert not orders["test"] & orders["train"]
    assert {tuple(reversed(order)) for order in orders["test"]} <= orders["train"]
    assert sum(map(len, splits.values())) == len(source)


def test_held_out_pairs_are_there_in_both_orders_and_never_in_training() -> None:
    source = opened(actions=2, hold_out="pairs", cast=8)
    orders = {name: {source.actions_of(index) for index in indices} for name, indices in source.splits().items()}
    assert len(orders["test"]) >= 6
    assert {tuple(reversed(order)) for order in orders["test"]} == orders["test"], (
        "who forgets the order is right half the time"
    )
    assert not {frozenset(order) for order in orders["test"]} & {frozenset(order) for order in orders["train"]}
    groups = {name: {source.group(index) for index in indices} for name, indices in source.splits().items()}
    assert not groups["train"] & groups["test"]


def test_a_held_out_composition_is_known_in_its_parts_alone() -> None:
    source = opened(actions=2, hold_out="compositions", cast=2)
    told = {
        name: {(source.label(index).split(" ")[0], source.actions_of(index)) for index in some}
        for name, some in source.splits().items()
    }
    assert not told["test"] & told["train"]
    assert {(who, tuple(reversed(order))) for who, order in told["test"]} == told["test"], "both orders are there"
    known = {order for _, order in told["train"]}
    assert sum(order in known for _, order in told["test"]) >= 0.5 * len(told["test"]), (
        "the other emoji does it in training"
    )
    groups = {name: {source.group(index) for index in some} for name, some in source.splits().items()}
    assert not groups["train"] & groups["test"]


def test_a_small_cast_plays_every_film() -> None:
    source = opened(actions=2, hold_out="pairs", cast=4)
    for split in ("train", "test"):
        actors = [source.part(index, ("clip",))["clip"].files[-1] for index in source.splits()[split]]
        assert len(set(actors)) == 4
    unseen = opened(cast=4)
    files = {
        name: {unseen.part(index, ("clip",))["clip"].files[-1] for index in some}
        for name, some in unseen.splits().items()
    }
    assert {name: len(some) for name, some in files.items()} == {"train": 4, "validation": 4, "test": 4}
    assert not files["train"] & files["test"]


def test_a_cast_of_all_leaves_the_data_what_it_was() -> None:
    assert opened().fingerprint() != opened(cast=8).fingerprint()
    assert opened().fingerprint() == "c4757d8035537aeb", "as it was before there was a cast"


def test_segments_are_when_each_action_is_done() -> None:
    source = opened(actions=3, seconds=6.0)
    marks = source.part(5, ("segments",))["segments"]
    assert [source.code_names("segments")[code] for code in marks.classes] == [
        ACTIONS[place].words for place in source.actions_of(5)
    ]
    assert all(0 <= span.start < span.end <= 6.0 for span in marks.spans)


def test_no_rate_is_like_another() -> None:
    source = opened()
    counts = {len(source.part(index, ("clip",))["clip"].shown().starts_T) for index in range(0, 400, 10)}
    assert min(counts) >= 16
    assert max(counts) <= 32
    assert len(counts) > 8


def test_a_word_that_no_setting_knows_is_refused_however_it_is_given() -> None:
    with pytest.raises(Refused, match="Unseen in training is 'colours'; it must be one of: emoji, orders"):
        EmojiVideos(EmojiVideos.Config(hold_out="colours"))
    with pytest.raises(Refused, match="Sampling is 'randomly'"):
        SampleFrames(SampleFrames.Config(way="randomly"))


def test_a_turned_caption_is_wrong_in_its_order_alone() -> None:
    source = opened(actions=2, hold_out="compositions", cast=4)
    for index in range(0, 200, 7):
        sample = source.part(index, ("sentence", "turned", "done"))
        assert sample["sentence"].endswith(f" {sample['done']}")
        assert sample["turned"] != sample["sentence"]
        assert sorted(sample["turned"].replace(",", "").split()) == sorted(sample["sentence"].replace(",", "").split())


def test_what_cannot_be_turned_has_its_opposites() -> None:
    words = [action.words for action in ACTIONS]
    assert [words[place] for place in turned((words.index("moves left"),))] == ["moves right"]
    assert [words[place] for place in turned((words.index("grows"), 0, words.index("grows")))] == [
        "shrinks", "moves right", "shrinks",
    ]  # fmt: skip
    for place in range(len(ACTIONS)):
        assert turned(turned((place,))) == (place,) != turned((place,))
