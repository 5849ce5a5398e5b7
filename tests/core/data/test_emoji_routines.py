"""Made routines: the score hangs on the order of what is shown, and on nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from core.data.films.routine import LEFT, RIGHT, routine_of, score_of, sides_of
from core.data.films.stage import X
from core.data.sources.emoji_routines import EmojiRoutines


def test_the_score_is_how_often_the_side_changes() -> None:
    assert score_of((LEFT, RIGHT) * 3) == 100.0
    assert score_of((LEFT,) * 3 + (RIGHT,) * 3) == 0.0
    assert score_of((LEFT, RIGHT, RIGHT, LEFT)) == 50.0


@pytest.mark.parametrize("hops", [4, 6, 10])
def test_every_routine_goes_to_both_sides_equally_and_every_score_is_as_likely(hops: int) -> None:
    drawn = [sides_of(hops, np.random.default_rng(seed)) for seed in range(2000)]
    assert all(len(sides) == hops and sides.count(LEFT) == hops // 2 for sides in drawn)
    counts = Counter(score_of(sides) for sides in drawn)
    assert (
        set(counts) == {score_of(sides) for sides in permutations(sorted(drawn[0]))}
        if hops == 4
        else len(counts) == hops - 1
    )
    expected = 2000 / (hops - 1)
    assert (
        sum((count - expected) ** 2 / expected for count in counts.values()) < 30
    )  # chi squared, at most nine degrees


def test_it_comes_back_after_every_hop_and_goes_where_it_is_said() -> None:
    sides = (LEFT, RIGHT, RIGHT, LEFT)
    script = routine_of(sides, 4.0, np.random.default_rng(0))
    home = script.start[X]
    for side, out, back in zip(sides, script.acts[::2], script.acts[1::2]):
        assert np.sign(out.change[1] - home) == (1 if side == RIGHT else -1)
        assert 0.2 <= abs(out.change[1] - home) <= 0.3
        assert (back.change[0], back.change[1]) == pytest.approx((out.change[1], home))
    assert script.at(np.array([0.0, 4.0]))[:, X] == pytest.approx([home, home], abs=0.02)


def test_a_film_is_the_same_for_everyone_and_test_emoji_are_unseen() -> None:
    source = EmojiRoutines(EmojiRoutines.Config(videos=1))
    one, again = (EmojiRoutines(source.config).part(7, ("clip", "score"))["clip"] for _ in range(2))
    times = one.shown().starts_T
    assert (one.frames(times, 24) == again.frames(times, 24)).all()
    splits = source.splits()
    train, test = ({source.group(index) for index in splits[name]} for name in ("train", "test"))
    assert len(splits["test"]) > 100
    assert not train & test
