"""Conditions that a run pauses at: read, matched, and true when they should be."""

from __future__ import annotations

import math
import random

import pytest

from core.graph.conditions import Condition, Watch, conditions_in
from core.problems import Refused


def test_conditions_are_read_as_a_person_writes_them():
    found = conditions_in("effective rank < 4; temperature/info_nce>0.5\n Loss JUMPS 6;;gap drops 2.5")
    assert [str(one) for one in found] == [
        "effective rank < 4", "temperature/info_nce > 0.5", "Loss jumps 6", "gap drops 2.5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", " ; ", "loss", "loss =", "loss < x", "loss < nan", "loss < inf", "loss jumps 0", "loss jumps -3", "< 4"],
)
def test_what_cannot_be_read_is_said_with_the_form(text):
    with pytest.raises(Refused) as refused:
        conditions_in(text)
    assert "effective rank < 4" in refused.value.problems[0].hint


@pytest.mark.parametrize(
    ("figure", "series", "fits"),
    [
        ("effective rank", "similarity/info_nce/effective rank", True),
        ("Effective Rank", "similarity/info_nce/effective rank", True),
        ("rank", "similarity/info_nce/effective rank", False),
        ("temperature", "temperature/info_nce", True),
        ("gradient share", "gradient share/image", True),
        ("loss", "loss", True),
        ("loss", "loss/info_nce", True),
        ("loss", "discriminator/loss_2", False),
        ("loss", "gradient/modality/loss", False),
        ("retrieval/test/*/R@1", "retrieval/test/image_to_text/R@1", True),
        ("entropy/vit*", "attention entropy/vit/0", False),
        ("attention entropy/vit*", "attention entropy/vit/0", True),
    ],
)
def test_a_figure_is_meant_by_its_name_its_last_words_or_a_pattern(figure, series, fits):
    assert Condition(figure=figure, relation="<", value=1).fits(series) is fits


def test_a_bound_must_hold_so_many_times_in_a_row_and_is_true_once():
    watch = Watch(Condition(figure="x", relation="<", value=4), in_a_row=3, window=10)
    told = [watch.holds(value) for value in (5, 3, 3, 5, 3, 3, 3, 3, 3, 5, 3, 3, 3)]
    assert [place for place, one in enumerate(told) if one] == [6, 12]


def test_a_number_that_is_none_is_never_below_or_above_but_jumps():
    for relation in ("<", ">"):
        assert not Watch(Condition(figure="x", relation=relation, value=4), in_a_row=1, window=5).holds(math.nan)
    assert Watch(Condition(figure="x", relation="jumps", value=4), in_a_row=1, window=5).holds(math.nan)


def test_a_jump_is_measured_against_what_was_lately():
    draw = random.Random(0)
    watch = Watch(Condition(figure="x", relation="jumps", value=6), in_a_row=1, window=30)
    assert not any(watch.holds(1 + 0.1 * draw.gauss(0, 1)) for _ in range(2000))  # 6 deviations: once in a billion
    assert watch.holds(1 + 0.1 * 9)
    drop = Watch(Condition(figure="x", relation="drops", value=6), in_a_row=1, window=30)
    assert not any(drop.holds(1 + 0.1 * draw.gauss(0, 1)) for _ in range(200))
    assert drop.holds(0.1)


def test_a_figure_that_stood_still_does_not_jump_by_a_rounding_error():
    watch = Watch(Condition(figure="x", relation="jumps", value=6), in_a_row=1, window=5)
    assert not any(watch.holds(value) for value in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0 + 1e-7, 1.0))


def test_a_watch_goes_on_from_its_state():
    values = [3, 3, 5, 3, 3, 3, 3, 5, 3, 3, 3]
    whole = Watch(Condition(figure="x", relation="<", value=4), in_a_row=3, window=10)
    told = [whole.holds(value) for value in values]
    for cut in range(len(values)):
        first = Watch(Condition(figure="x", relation="<", value=4), in_a_row=3, window=10)
        before = [first.holds(value) for value in values[:cut]]
        second = Watch(Condition(figure="x", relation="<", value=4), in_a_row=3, window=10)
        second.load_state(first.state())
        assert before + [second.holds(value) for value in values[cut:]] == told
