"""Made strokes: the score hangs on which way is which, and on nothing that frames in any order or their differences show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.blocks.ranking_scores import rank_correlation
from core.data.films.stage import X
from core.data.films.strokes import LEFT, RIGHT, SHARES, score_of, strokes_of
from core.data.sources.emoji_strokes import EmojiStrokes


def still(share: float, seed: int = 3) -> np.ndarray:
    """Where the thing is across, at a thousand times of three strokes, without its wobble."""
    script = strokes_of(share, 3, 3.0, np.random.default_rng(seed))
    script.wobble_A3[:, 0] = 0
    return script.at(np.arange(1000) * 0.003)[:, X]


def test_the_score_goes_from_the_slowest_to_the_quickest_way_there() -> None:
    assert [score_of(share) for share in (SHARES[1], 0.5, SHARES[0])] == pytest.approx([0, 50, 100])


@pytest.mark.parametrize("share", [0.2, 0.35, 0.7])
def test_the_share_of_time_on_the_way_there_is_as_it_is_said(share: float) -> None:
    way = np.diff(still(share))
    assert (way > 0).mean() == pytest.approx(share, abs=0.01)
    script = strokes_of(share, 3, 3.0, np.random.default_rng(0))
    assert [act.action for act in script.acts] == [RIGHT, LEFT] * 4
    assert script.acts[0].span.start <= 0
    assert script.acts[-1].span.end >= 3.0


def test_where_it_is_and_how_much_moves_are_alike_for_the_best_and_the_worst() -> None:
    best, worst = still(0.2), still(0.8)
    assert np.sort(best) == pytest.approx(np.sort(worst), abs=0.005), "frames in any order"
    steps = [np.sort(np.abs(np.diff(one))) for one in (best, worst)]
    assert steps[0] == pytest.approx(steps[1], abs=0.0005), "differences alone"


def test_a_film_is_the_same_for_everyone_and_test_emoji_are_unseen() -> None:
    source = EmojiStrokes(EmojiStrokes.Config(videos=1))
    one, again = (EmojiStrokes(source.config).part(7, ("clip", "score")) for _ in range(2))
    assert one["score"] == again["score"] == score_of(source.share(7))
    times = one["clip"].shown().starts_T
    assert (one["clip"].frames(times, 24) == again["clip"].frames(times, 24)).all()
    splits = source.splits()
    train, test = ({source.group(index) for index in splits[name]} for name in ("train", "test"))
    assert len(splits["test"]) > 100
    assert not train & test


def test_a_small_cast_moves_in_every_split_and_videos_are_held_out() -> None:
    source = EmojiStrokes(EmojiStrokes.Config(cast=4))
    splits = source.splits()
    who = [
        {source.label(index).rsplit(" ", 1)[0] for index in splits[name]} for name in ("train", "validation", "test")
    ]
    assert who[0] == who[1] == who[2]
    assert len(who[0]) == 4
    assert sum(map(len, splits.values())) == len(source)
    assert not set(splits["train"]) & set(splits["test"])


def seen(source: EmojiStrokes, index: int) -> tuple[list[float], list[float]]:
    """What a plain baseline sees: statistics of the thing's way across, and of nothing but how much changes from frame to frame."""
    clip = source.part(index, ("clip",))["clip"]
    x_NCHW = clip.frames(np.linspace(0.06, 1.94, 24), 32).float().numpy() / 255
    changes = np.sort(np.abs(np.diff(x_NCHW, axis=0)).mean((1, 2, 3)))
    thing_NHW = np.abs(x_NCHW - np.median(x_NCHW, axis=0)).sum(1)
    across = (thing_NHW.sum(1) * np.arange(32)).sum(1) / thing_NHW.sum((1, 2))
    way = np.diff(across)
    there, back = way[way > 0], way[way < 0]
    return [there.mean(), back.mean(), (way > 0).mean(), np.median(way), (way**3).mean()], list(changes)


def ridge(train: list[list[float]], truth: np.ndarray, test: list[list[float]]) -> np.ndarray:
    """Linear regression on standardised features, in closed form."""
    one, other = np.array(train), np.array(test)
    mean, spread = one.mean(0), one.std(0) + 1e-9
    x, y = (np.c_[(some - mean) / spread, np.ones(len(some))] for some in (one, other))
    return y @ np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ truth)


@pytest.mark.long
def test_the_score_can_be_learned_from_which_way_things_move_and_not_from_how_much_changes() -> None:
    source = EmojiStrokes(EmojiStrokes.Config(seconds=2.0, strokes=1, videos=1))
    splits = source.splits()
    train, test = list(splits["train"])[::4], list(splits["test"])
    truth = [np.array([source.part(index, ("score",))["score"] for index in some]) for some in (train, test)]
    rows = [[seen(source, index) for index in some] for some in (train, test)]
    found = [
        rank_correlation(torch.from_numpy(ridge([row[kind] for row in rows[0]], truth[0], [row[kind] for row in rows[1]])), torch.from_numpy(truth[1]))
        for kind in (0, 1)
    ]  # fmt: skip
    assert found[0] > 0.9, "the way across tells it, of unseen emoji"
    assert abs(found[1]) < 0.25, "how much changes does not: by chance three in ten thousand lie beyond, of 204"
