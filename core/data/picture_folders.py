"""What lies in a folder of images sorted by class: which folders are splits, which are classes, which are neither.

Archives bring folders that hold no image of the set (``__MACOSX``, ``@eaDir``, notes), and often one folder around
everything. Neither may become a class, and a folder beside ``train`` and ``test`` may not turn those into classes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.data.readers.picture_formats import ENDINGS, UNREAD
from core.data.splitting import SHARES, split_name

_FOREIGN = frozenset({
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__",
})  # fmt: skip
_WRAPPERS = frozenset({"image", "images", "img", "imgs", "picture", "pictures", "data"})
_KNOWN = ENDINGS | UNREAD
MOST_DEEP = 8
MOST_BESIDE = 10  # folders beside the one around everything


@dataclass(frozen=True, kw_only=True)
class Home:
    """The folder of one class, and the split it says; empty: none."""

    folder: Path
    name: str  # of the class
    split: str = ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Class folders, and what stands beside them."""

    homes: tuple[Home, ...]
    outside: tuple[Path, ...] = ()  # images that lie in no class
    strangers: tuple[Path, ...] = ()  # folders with images beside train and test


def is_foreign(name: str) -> bool:
    """Whether a file or folder is a system's own: hidden, or one that archives and disk stations leave behind."""
    return name.startswith(".") or name.lower() in _FOREIGN


def image_files(folder: Path) -> Iterator[Path]:
    """Every image below a folder by its ending, readable or not, in the order of names."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_foreign(name))
        for name in sorted(files):
            if _is_image(name):
                yield Path(here, name)


def layout(root: Path) -> Layout:
    """Where the classes are."""
    root, outside, beside = _unwrapped(root)
    tops = _with_images(root)
    splits = _splits(tops)
    if not splits:
        found = tuple(home for top in tops for home in _class_homes(top))
        return Layout(homes=found, outside=tuple(outside), strangers=tuple(beside))
    homes = []
    for top in splits:
        inner = _inner(top)
        homes += [Home(folder=home, name=home.name, split=split_name(top.name)) for home in _with_images(inner)]
        outside += _directly(inner)
    strangers = (*beside, *(top for top in tops if top not in splits))
    return Layout(homes=tuple(homes), outside=tuple(outside), strangers=strangers)


def _splits(tops: Sequence[Path]) -> list[Path]:
    """The folders that are splits. A class may be called train: it is one among classes like itself."""
    named = [top for top in tops if _is_split(top)]
    if len(named) == len(tops):
        return named
    deep = [top for top in named if _with_images(top)]
    others = [top for top in tops if top not in deep]
    alone = len(deep) == 1 and split_name(deep[0].name) == "train" and not any(_with_images(top) for top in others)
    return deep if len(deep) >= 2 or alone else []


def _class_homes(top: Path) -> list[Home]:
    """A class that is divided into splits inside, or one that says none."""
    if _is_divided(top):
        return [Home(folder=part, name=top.name, split=split_name(part.name)) for part in _with_images(top)]
    return [Home(folder=top, name=top.name)]


def _is_divided(top: Path) -> bool:
    parts = _with_images(top)
    return bool(parts) and all(_is_split(part) and not _with_images(part) for part in parts) and not any(_directly(top))


def _unwrapped(root: Path) -> tuple[Path, list[Path], list[Path]]:
    """Without the folder around everything; the images and the folders of images that lie beside it."""
    outside, beside = list(_directly(root)), list[Path]()
    for _ in range(MOST_DEEP):
        tops = _with_images(root)
        inner = _wrapper(tops)
        if inner is None:
            break
        beside += [top for top in tops if top != inner]
        root = inner
        outside += _directly(root)
    return root, outside, beside


def _wrapper(tops: Sequence[Path], deep: int = MOST_DEEP) -> Path | None:
    """The folder around everything: the only one, or the only one with splits of classes inside, beside folders of notes."""
    if len(tops) == 1:
        top = tops[0]
        return None if _is_split(top) or not _with_images(top) or _is_divided(top) else top
    if deep == 0 or len(tops) > MOST_BESIDE or _splits(tops):
        return None
    holders = [top for top in tops if _holds_splits(top, deep - 1)]
    flat = all(not _with_images(top) for top in tops if top not in holders)
    return holders[0] if len(holders) == 1 and flat else None


def _holds_splits(folder: Path, deep: int) -> bool:
    """Whether splits with classes lie in a folder, or in the one around everything in it."""
    tops = _with_images(folder)
    if splits := _splits(tops):
        return any(_with_images(split) for split in splits)
    inner = _wrapper(tops, deep) if deep else None
    return inner is not None and _holds_splits(inner, deep - 1)


def _inner(split: Path) -> Path:
    """The folder of classes in a split: itself, or the one called images inside."""
    inside = _with_images(split)
    is_wrapped = len(inside) == 1 and inside[0].name.lower() in _WRAPPERS and bool(_with_images(inside[0]))
    return inside[0] if is_wrapped and not any(_directly(split)) else split


def _is_split(folder: Path) -> bool:
    return split_name(folder.name) in SHARES


def _with_images(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:  # knows what is a folder without asking for every file
        names = sorted(entry.name for entry in entries if not is_foreign(entry.name) and entry.is_dir())
    return [folder / name for name in names if next(image_files(folder / name), None) is not None]


def _directly(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if _is_image(entry.name) and entry.is_file())
    return (folder / name for name in names)


def _is_image(name: str) -> bool:
    return not is_foreign(name) and Path(name).suffix.lower() in _KNOWN
