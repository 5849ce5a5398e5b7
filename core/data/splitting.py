"""Which split a group belongs to: a pure function of its name, so nothing has to be stored and nothing can straddle."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.joining import Joined, caption_key

if TYPE_CHECKING:
    from core.data.base import Source

SHARES: Mapping[str, float] = {"train": 0.82, "validation": 0.08, "test": 0.10}
_SALT = "crossmodal split 1"
_ALIASES = {
    "training": "train", "val": "validation", "valid": "validation", "dev": "validation", "development": "validation",
    "testing": "test", "eval": "test", "validate": "validation",
}  # fmt: skip
_NOTHING = ("nan", "none", "null", "n/a", "na")  # how other programs write an empty cell
_OF_WHAT = re.compile(r"[\s_-]*(set|split|data|images)$")


def split_of(group: str, shares: Mapping[str, float] = SHARES) -> str:
    """The split a group falls into; equal groups fall together, whatever else is in the set."""
    place, edge = place_of(group), 0.0
    for name, share in shares.items():
        edge += share
        if place < edge:
            return name
    return list(shares)[-1]


def place_of(group: str) -> float:
    """Where in [0, 1) a group falls."""
    digest = hashlib.sha256(f"{_SALT}/{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_name(written: str) -> str:
    """A split as people write it, in our words: ``val`` and ``validation_set`` are ``validation``; an unknown word stays
    itself.
    """
    word = written.strip().lower()
    if word in _NOTHING:
        return ""
    plain = _OF_WHAT.sub("", word)
    found = _ALIASES.get(plain, plain)
    return found if found in SHARES else word


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


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Rows with the group and the split that each belongs to."""

    groups: list[str]
    splits: list[str]
    straddling: int = 0  # groups that the data itself puts into several splits
    giant: int = 0  # rows of a group that has more than half of all


def joined_groups(names: Sequence[Iterable[Hashable | None]], groups: Sequence[str], written: Sequence[str]) -> Groups:
    """What hangs together by any of its ``names`` is one group, called by the first of its groups in the alphabet.

    A split that the data has ``written`` is kept; rows without one take that of their group's other rows, else the one a hash
    gives. A group with more than half of all rows is trained on: a hash might leave nothing to learn from.
    """
    found = Joined()
    for number, row in enumerate(names):
        for name in row:
            if name is not None:
                found.join(("row", number), name)
    roots = [found.root(("row", number)) for number in range(len(names))]
    called: dict[Hashable, str] = {}
    said: dict[Hashable, set[str]] = {}
    for root, group, split in zip(roots, groups, written, strict=True):
        called[root] = min(called.get(root, group), group)
        said.setdefault(root, set()).update({split} - {""})
    sizes = Counter(root for root, split in zip(roots, written) if not split)
    largest, size = sizes.most_common(1)[0] if sizes else (None, 0)
    giant = size if len(roots) >= LEAST_ROWS and 2 * size > len(roots) and not said[largest] else 0

    def split_for(root: Hashable) -> str:
        if giant and root == largest:
            return "train"
        return min(said[root]) if said[root] else split_of(called[root])

    return Groups(
        groups=[called[root] for root in roots], giant=giant,
        splits=[split or split_for(root) for root, split in zip(roots, written)],
        straddling=sum(len(splits) > 1 for splits in said.values()),
    )  # fmt: skip


def read_alike(found: Groups, written: Sequence[str], keys: Sequence[Hashable]) -> Groups:
    """Groups that have rows of one key are one group.

    Its split is what the data has ``written``, else training where a part of it was there: what was learned to cut
    sentences was learned there. Where most rows would hang together, all stays as it is.
    """
    joined = Joined()
    for group, key in zip(found.groups, keys):
        joined.join(("group", group), ("key", key))
    roots = [joined.root(("group", group)) for group in found.groups]
    if 2 * Counter(roots).most_common(1)[0][1] > len(roots) >= LEAST_ROWS:
        return found
    called: dict[Hashable, str] = {}
    said: dict[Hashable, set[str]] = {}
    were: dict[Hashable, set[str]] = {}
    for root, group, split, told in zip(roots, found.groups, found.splits, written, strict=True):
        called[root] = min(called.get(root, group), group)
        said.setdefault(root, set()).update({told} - {""})
        were.setdefault(root, set()).add(split)

    def split_for(root: Hashable) -> str:
        return min(said[root] or ({"train"} & were[root]) or were[root])

    return Groups(
        groups=[called[root] for root in roots], giant=found.giant,
        splits=[told or split_for(root) for root, told in zip(roots, written)],
        straddling=sum(len(splits) > 1 for splits in said.values()),
    )  # fmt: skip


LEAST_ROWS = 10  # of a set that can be said to hang together
PEOPLE = "unseen people"
SPEAKERS, RECORDINGS, FOLDS = "unseen speakers", "unseen recordings", "other folds"
UNSEEN = {"audio": "unseen clips", "video": "unseen videos"}  # by the source's modality; others hold out pictures
SOME_SEEN = {"audio": "clips of which some are trained on", "video": "videos of which some are trained on"}
CONCEPTS, PICTURES, SEEN_PICTURES = "unseen concepts", "unseen pictures", "pictures of which some are trained on"


def held_out_words(source: Source, split: str = "test") -> str:
    """What a split has that training has not, as far as the data tells; empty where it has no such split.

    Concepts are unseen where no class of the split, the finest the data names, and none of its labels is a training
    sample's. Without classes, or where a class was trained on, what is unseen are the speakers or folds that the source
    holds out, else at most the pictures, clips or videos.
    """
    splits = source.splits()
    ours, trained = (splits.get(name, ()) for name in (split, "train"))
    if not len(ours):
        return ""
    classes = {source.class_names(index) for index in ours}
    known = classes & {source.class_names(index) for index in trained}
    labels = [{caption_key(source.label(index)) for index in indices} for indices in (ours, trained)]
    if () not in classes and not known and not labels[0] & labels[1]:
        return CONCEPTS
    seen = {source.picture(index) for index in ours} & {source.picture(index) for index in trained}
    if seen:
        return SOME_SEEN.get(source.modality, SEEN_PICTURES)
    return source.held_out_by(split) or UNSEEN.get(source.modality, PICTURES)
