"""Which split a group belongs to: a pure function of its name, so nothing has to be stored and nothing can straddle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from core.data.joining import caption_key

if TYPE_CHECKING:
    from core.data.base import Source

SHARES: Mapping[str, float] = {"train": 0.82, "validation": 0.08, "test": 0.10}
_SALT = "crossmodal split 1"
_ALIASES = {
    "training": "train", "val": "validation", "valid": "validation", "dev": "validation", "development": "validation",
    "testing": "test", "eval": "test",
}  # fmt: skip


def split_of(group: str, shares: Mapping[str, float] = SHARES) -> str:
    """The split a group falls into; equal groups fall together, whatever else is in the set."""
    digest = hashlib.sha256(f"{_SALT}/{group}".encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    edge = 0.0
    for name, share in shares.items():
        edge += share
        if place < edge:
            return name
    return list(shares)[-1]


def split_name(written: str) -> str:
    """A split as people write it, in our words: ``val`` is ``validation``; an unknown word stays itself."""
    word = written.strip().lower()
    return _ALIASES.get(word, word)


def by_split(names: Iterable[str]) -> dict[str, list[int]]:
    """Indices by split; train, validation and test come first and always exist."""
    found: dict[str, list[int]] = {name: [] for name in SHARES}
    for index, name in enumerate(names):
        found.setdefault(name, []).append(index)
    return found


def numbered(names: Iterable[str]) -> list[int]:
    """Equal names get equal numbers, in order of appearance."""
    known: dict[str, int] = {}
    return [known.setdefault(name, len(known)) for name in names]


CONCEPTS, PICTURES, NOTHING = "unseen concepts", "unseen pictures", "data that is also in training"


def held_out_words(source: Source, split: str = "test") -> str:
    """What a split has that training has not, as far as the data tells; empty where it has no such split.

    Concepts are unseen where no class of the split, the finest the data names, and none of its labels is a training
    sample's. Without classes, or where a class was trained on, what is unseen are the pictures.
    """
    splits = source.splits()
    ours, trained = (splits.get(name, ()) for name in (split, "train"))
    if not len(ours):
        return ""
    if {source.group(index) for index in ours} & {source.group(index) for index in trained}:
        return NOTHING
    classes = {source.class_names(index) for index in ours}
    if not classes or () in classes or classes & {source.class_names(index) for index in trained}:
        return PICTURES
    labels = ({caption_key(source.label(index)) for index in indices} for indices in (ours, trained))
    return PICTURES if next(labels) & next(labels) else CONCEPTS
