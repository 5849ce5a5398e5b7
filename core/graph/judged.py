"""Annotated pairs as a drawing carries them: ``[[3, 17, "duplicate"], ...]`` in a knob, and the runs they were judged in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from core.graph.document import Document

BLOCK = "negatives.marked"
FALSE, DUPLICATE, HARD = "false negative", "duplicate", "truly hard"
MOST_PAIRS = 100_000


class Carried(NamedTuple):
    """What one node of a drawing carries."""

    node: str
    pairs: int
    judged_in: str  # names of runs


def read_pairs(text: str) -> list[tuple[int, int, str]]:
    """``[[3, 17, "duplicate"], ...]`` as pairs. Raises ValueError with a sentence for anything else."""
    try:
        rows = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The list of annotated pairs is not JSON: {error}") from None
    if not isinstance(rows, list) or len(rows) > MOST_PAIRS:
        raise ValueError(f"Annotated pairs are a list of at most {MOST_PAIRS:,} rows.")
    return [_pair(row) for row in rows]


def write_pairs(pairs: Iterable[tuple[int, int, str]]) -> str:
    """The inverse of :func:`read_pairs`, in order of the numbers."""
    return json.dumps(sorted([min(left, right), max(left, right), mark] for left, right, mark in pairs))


def carried(document: Document) -> list[Carried]:
    """Every node with judged pairs that is not muted; a damaged list counts as none."""
    found = []
    for node in document.nodes.values():
        if node.block == BLOCK and not node.muted and not node.bypassed:
            try:
                count = len(read_pairs(str(node.knobs.get("pairs", "[]"))))
            except ValueError:
                count = 0
            found.append(Carried(node.id, count, str(node.knobs.get("judged_in", ""))))
    return found


def lineage(document: Document) -> str:
    """``12, from mini-CLIP (a1b2c3)``; empty where the drawing carries none."""
    known = [each for each in carried(document) if each.pairs]
    if not known:
        return ""
    names = ", ".join(dict.fromkeys(each.judged_in for each in known if each.judged_in))
    return f"{max(each.pairs for each in known)}" + (f", from {names}" if names else "")


def _pair(row: Any) -> tuple[int, int, str]:
    if not (isinstance(row, list) and len(row) == 3 and row[2] in (FALSE, DUPLICATE, HARD)):
        raise ValueError(f'An annotated pair reads [3, 17, "duplicate"]; this one is {str(row)[:60]}.')
    left, right = row[:2]
    if not all(type(number) is int and 0 <= number < 2**31 for number in (left, right)):
        raise ValueError(f"Samples of an annotated pair are numbers from 0 on; here: {str(row)[:60]}.")
    return left, right, row[2]
