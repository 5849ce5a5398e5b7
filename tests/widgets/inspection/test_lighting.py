"""What is lit, from a map and what is pointed at: both directions, and the difference of two."""

from __future__ import annotations

import numpy as np
import pytest

from widgets.inspection.lighting import Pointed, difference, head_map, lit_by, map_of, pointed_patch, pointed_word
from widgets.inspection.values import GREATEST, MEAN, Layer, RuleMap, Subject
from widgets.look.heat.side import Side

PLACES = Side(kind="patches", height=2, width=3, extra=1)
WORDS = Side(kind="words", words=("a", "red", "heart"))
ROWS = np.arange(21, dtype=np.float32).reshape(3, 7)


def subject(scale: float = 1.0) -> Subject:
    weights = np.stack([ROWS, ROWS[::-1]]) * scale
    across = Layer(key="across/0", title="across", weights_HQK=weights, queries=WORDS, keys=PLACES)
    rule = RuleMap(
        places=PLACES, place_K=ROWS[0] * scale, word_Q=np.asarray([1, 2, 3], np.float32), by_word_QK=ROWS * scale
    )
    return Subject(
        uid="a",
        step=1,
        run="a",
        picture=None,
        sentence="a red heart",
        words=WORDS,
        layers=(across,),
        rules={"gradient": rule},
    )


def test_heads_are_one_or_all() -> None:
    layer = subject().layers[0]
    np.testing.assert_array_equal(head_map(layer, 1), ROWS[::-1])
    np.testing.assert_array_equal(head_map(layer, MEAN), (ROWS + ROWS[::-1]) / 2)
    np.testing.assert_array_equal(head_map(layer, GREATEST), np.maximum(ROWS, ROWS[::-1]))


@pytest.mark.parametrize("way", ["layer", "gradient"])
def test_a_word_lights_patches_and_a_patch_lights_words(way: str) -> None:
    heat = map_of(subject(), way, "across/0", 0)  # type: ignore[arg-type]
    assert heat is not None
    word = lit_by(heat, pointed_word(heat, 2))
    np.testing.assert_array_equal(word.heat, ROWS[2, 1:].reshape(2, 3))  # type: ignore[arg-type]
    assert word.marked_word == 2
    patch = lit_by(heat, pointed_patch(heat, 1, 0))
    np.testing.assert_array_equal(patch.word_weights, ROWS[:, 4])  # type: ignore[arg-type]
    assert patch.marked_patch == (1, 0)


def test_without_pointing_the_whole_is_lit() -> None:
    heat = map_of(subject(), "gradient", "", MEAN)
    assert heat is not None
    lit = lit_by(heat, Pointed())
    np.testing.assert_array_equal(lit.heat, ROWS[0, 1:].reshape(2, 3))  # type: ignore[arg-type]
    np.testing.assert_array_equal(lit.word_weights, [1, 2, 3])  # type: ignore[arg-type]


def test_patches_among_themselves_light_each_other_both_ways() -> None:
    square = np.arange(49, dtype=np.float32).reshape(1, 7, 7)
    layer = Layer(key="vit/0", title="vit", weights_HQK=square, queries=PLACES, keys=PLACES)
    one = Subject(uid="a", step=1, run="a", picture=None, sentence="", words=None, layers=(layer,))
    heat = map_of(one, "layer", "vit/0", 0)
    assert heat is not None
    np.testing.assert_array_equal(lit_by(heat, Pointed()).heat, square[0, 0, 1:].reshape(2, 3))  # type: ignore[arg-type]
    lit = lit_by(heat, pointed_patch(heat, 0, 1))
    np.testing.assert_array_equal(lit.heat, square[0, 2, 1:].reshape(2, 3))  # type: ignore[arg-type]
    assert lit.marked_patch == (0, 1)


def test_the_difference_is_the_second_less_the_first_and_none_of_other_shapes() -> None:
    first, second = (lit_by(map_of(subject(scale), "gradient", "", MEAN), Pointed()) for scale in (1.0, 3.0))  # type: ignore[arg-type]
    both = difference(first, second)
    assert both is not None
    np.testing.assert_array_equal(both.heat, 2 * ROWS[0, 1:].reshape(2, 3))  # type: ignore[arg-type]
    np.testing.assert_array_equal(both.word_weights, [0, 0, 0])  # type: ignore[arg-type]
    assert difference(first, lit_by(map_of(subject(), "layer", "across/0", 0), Pointed())) is None  # type: ignore[arg-type]


def test_what_is_not_there_is_no_map() -> None:
    assert map_of(subject(), "rollout", "", MEAN) is None
    assert map_of(subject(), "layer", "gone/0", MEAN) is None


def test_bands_of_a_sound_have_the_highest_at_the_top() -> None:
    bands = Side(kind="patches", height=2, width=3, flipped=True)
    assert bands.over(np.arange(6, dtype=np.float32)).tolist() == [[3, 4, 5], [0, 1, 2]]
    for place in range(6):
        row, column = bands.patch(place) or (-1, -1)
        assert bands.token(row, column) == place
