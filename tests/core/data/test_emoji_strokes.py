"""Made strokes: the score hangs on which way is which, and on nothing that frames in any order or their differences show."""

from __future__ import annotations

import numpy as np
import pytest

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
