"""A figure of a run by its name: a series' last or best value, or the mean of both directions where a name leaves it open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.graph.selection import without_task

BOTH = "*"  # for a direction: the mean of both
SEEN = ("train", "seen")  # what was trained on is no test


def value_of(values: Mapping[str, float], name: str) -> float | None:
    """A series' value; the mean of both directions where the name leaves it open."""
    if BOTH not in name:
        return values.get(name)
    start, end = name.split(BOTH, 1)
    ways = {each[len(start) : -len(end) or None]: value for each, value in values.items()
            if each.startswith(start) and each.endswith(end)}  # fmt: skip
    pair = pair_of(ways)
    return sum(ways[way] for way in pair) / len(pair) if pair else None


def pair_of(ways: Iterable[str]) -> tuple[str, ...]:
    """Both directions between two sides, pictures and text before others; one alone where it has no way back."""
    known = sorted(way for way in ways if "_to_" in way and not way.endswith(("_to_class", "_to_box")))
    pairs = [(way, back) for way in known if (back := "_to_".join(reversed(way.split("_to_")))) in known and way < back]
    return min(pairs, key=lambda pair: "image_to_text" not in pair, default=tuple(known[:1]))


def may_choose(name: str) -> bool:
    """Whether the best value of a series says something: of one that was measured on held-out data other than the split
    that selects it does not."""
    parts = name.split("/")
    if parts[0] not in ("retrieval", "score"):
        return True
    return without_task(parts[1]) in ("validation", *SEEN)
