"""Which task has its turn at a step, and with what share: pure functions of the recipe, so a resumed run draws the same.

Shares go from a start to an end over the run: each end is normalised to sum to one, so 3 : 1 to 1 : 1 goes from 75 % to 50 %.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from core.graph.document import Document
from core.graph.recipe import Mix
from core.graph.subgraphs.flat import flattened
from core.graph.vocabulary import Vocabulary

T = TypeVar("T")


def shares_at(mix: Mix, sources: Sequence[str], step: int, steps: int) -> dict[str, float]:
    """The share of each task at the step about to be taken (0-based) of a run of ``steps``; they sum to one.

    A single task has all of it. Raises ValueError where no task has a share at one end.
    """
    if len(sources) == 1:
        return {sources[0]: 1.0}
    place = min(step / max(steps - 1, 1), 1.0)
    way = place if mix.schedule == "linear" else (1 - math.cos(math.pi * place)) / 2
    starts, ends = (_normalised(numbers) for numbers in ends_of(mix, sources))
    return {source: start + (end - start) * way for source, start, end in zip(sources, starts, ends)}


def ends_of(mix: Mix, sources: Sequence[str]) -> tuple[list[float], list[float]]:
    """The numbers that a person wrote for the first and the last step."""
    parts = [mix.part(source) for source in sources]
    return [part.start for part in parts], [part.start if part.end is None else part.end for part in parts]


def _normalised(numbers: Sequence[float]) -> list[float]:
    total = math.fsum(numbers)
    if total <= 0:
        raise ValueError("No task has a share.")
    return [number / total for number in numbers]


def place_of(seed: int, what: str, step: int) -> float:
    """A number in [0, 1) that a step draws: the same whenever it is asked for."""
    digest = hashlib.blake2b(f"{seed}/{what}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def one_of(shares: Mapping[T, float], place: float) -> T:
    """Whose share of the line from 0 to 1 a place lies in; shares sum to one."""
    edge = 0.0
    for name, share in shares.items():
        edge += share
        if place < edge:
            return name
    return max(shares, key=lambda name: shares[name])  # rounding left a sliver above the last edge


def drawn(mix: Mix, sources: Sequence[str], seed: int, step: int, steps: int) -> str:
    """The source whose task learns at a step: one number in [0, 1) by (seed, step) falls into one of the shares."""
    return one_of(shares_at(mix, sources, step, steps), place_of(seed, "turn", step))


def taking_turns(mix: Mix, sources: Sequence[str]) -> tuple[str, ...]:
    """The sources whose tasks learn at some step; the others are only evaluated."""
    if len(sources) == 1:
        return tuple(sources)
    starts, ends = ends_of(mix, sources)
    return tuple(source for source, start, end in zip(sources, starts, ends) if start > 0 or end > 0)


def mean_shares(mix: Mix, sources: Sequence[str]) -> dict[str, float]:
    """What each task has of the whole run: both schedules pass the middle half-way."""
    first, last = shares_at(mix, sources, 0, 2), shares_at(mix, sources, 1, 2)
    return {source: (first[source] + last[source]) / 2 for source in sources}


def source_nodes(document: Document) -> list[str]:
    """The sources that are not disabled, those inside subgraphs by their paths."""
    nodes = flattened(document).document.nodes
    return [key for key, node in nodes.items() if node.block.startswith("sources.") and not node.muted]


def giving_sources(document: Document, words: Vocabulary) -> tuple[str, ...]:
    """The sources that may have a task: not those that lead into a join and nowhere else."""
    document = flattened(document).document
    roles = {key: words.spec(node.block).role for key, node in document.nodes.items()}
    led = {key: {roles[wire.target.node] for wire in document.wires_from(key)} for key in roles}
    return tuple(key for key, role in roles.items() if role == "source" and led[key] != {"source"})
