"""Damaged documents with subgraphs: each is refused or told about; whatever is done with one ends in a document or a sentence."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import pytest

from core.compiler.compile import analyse
from core.graph import edits, file
from core.graph.document import Document
from core.graph.subgraphs.grouping import dissolve, group
from core.graph.subgraphs.levels import level, still_there, with_level
from core.graph.subgraphs.specs import words_of
from core.problems import Refused
from tests.core.compiler.mutations import ODD, places
from tests.subgraphs import WORDS, three_deep, two_copies

NAMES = ("new", "tower", "body", "exit", "entry")


def damaged(dice: random.Random) -> dict[str, Any]:
    """One of three documents with one to three places changed, taken away, doubled or filled from elsewhere."""
    row = edits.change_node(three_deep(), "tower", repeat=2, bypassed=True)
    data: dict[str, Any] = json.loads(file.dumps(dice.choice([three_deep(), two_copies(), row])))
    for _ in range(dice.choice((1, 1, 2, 3))):
        every = [place for part in ("subgraphs", "nodes", "wires") for place in places(data[part], (part,))]
        path, key = dice.choice(every)
        holder = held_at(data, path)
        way = dice.random()
        if way < 0.4:
            holder[key] = dice.choice(ODD)
        elif way < 0.6:
            del holder[key]
        elif way < 0.8 and isinstance(holder, dict):
            holder[dice.choice(NAMES)] = holder[key]
        else:
            other, name = dice.choice(every)
            holder[key] = json.loads(json.dumps(held_at(data, other)[name]))
    return data


def held_at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def handled(document: Document, dice: random.Random) -> None:
    """What hands do with it, on every level."""
    for deep in ((), ("tower",), ("tower", "body"), ("tower", "body", "core")):
        path = still_there(document, deep)
        here = level(document, path)
        with_level(document, path, here)
        words = words_of(here, WORDS)
        with suppress(Refused):
            with_level(document, path, group(here, [key for key in here.nodes if dice.random() < 0.5], words, "G")[0])
        for key in here.nodes:
            with suppress(Refused):
                with_level(document, path, dissolve(here, key)[0])


@pytest.mark.long
def test_no_damage_makes_an_exception() -> None:
    opened = refused = 0
    for seed in range(250):
        dice = random.Random(seed)
        try:
            document = file.from_data(damaged(dice))
        except Refused:
            refused += 1
            continue
        opened += 1
        assert all(problem.sentence() for problem in analyse(document, WORDS).problems)
        handled(document, dice)
    assert min(opened, refused) > 40
