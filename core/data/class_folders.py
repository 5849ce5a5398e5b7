"""What lies in a folder of files (images, audio) sorted by class: which folders are splits, which are classes, which are neither.

Archives bring folders that hold no file of the set (``__MACOSX``, ``@eaDir``, notes), and often one folder around
everything. Neither may become a class, and a folder beside ``train`` and ``test`` may not turn those into classes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.data.splitting import SHARES, split_name

_FOREIGN = frozenset({
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__",
})  # fmt: skip
_WRAPPERS = frozenset({
    "image", "images", "img", "imgs", "picture", "pictures", "data", "audio", "audios", "sound", "sounds", "wav", "wavs", "clips",
})  # fmt: skip
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
    outside: tuple[Path, ...] = ()  # files that lie in no class
    strangers: tuple[Path, ...] = ()  # folders with files beside train and test


def is_foreign(name: str) -> bool:
    """Whether a file or folder is a system's own: hidden, or one that archives and disk stations leave behind."""
    return name.startswith(".") or name.lower() in _FOREIGN


class ClassFolders:
    """The folders below a root; ``endings``: of the files that count."""

    def __init__(self, endings: Collection[str]) -> None:
        self._endings = endings

    def files(self, folder: Path) -> Iterator[Path]:
        """Every file below a folder by its ending, in the order of names."""
        for here, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not is_foreign(name))
            for name in sorted(files):
                if self._is_member(name):
                    yield Path(here, name)

    def layout(self, root: Path) -> Layout:
        """Where the classes are."""
        root, outside, beside = self._unwrapped(root)
        tops = self._filled(root)
        splits = self._splits(tops)
        if not splits:
            found = tuple(home for top in tops for home in self._class_homes(top))
            return Layout(homes=found, outside=tuple(outside), strangers=tuple(beside))
        homes = []
        for top in splits:
            inner = self._inner(top)
            homes += [Home(folder=home, name=home.name, split=split_name(top.name)) for home in self._filled(inner)]
            outside += self._directly(inner)
        strangers = (*beside, *(top for top in tops if top not in splits))
        return Layout(homes=tuple(homes), outside=tuple(outside), strangers=strangers)

    def _splits(self, tops: Sequence[Path]) -> list[Path]:
        """The folders that are splits. A class may be called train: it is one among classes like itself."""
        named = [top for top in tops if self._is_split(top)]
        if len(named) == len(tops):
            return named
        deep = [top for top in named if self._filled(top)]
        others = [top for top in tops if top not in deep]
        alone = len(deep) == 1 and split_name(deep[0].name) == "train" and not any(self._filled(top) for top in others)
        return deep if len(deep) >= 2 or alone else []

    def _class_homes(self, top: Path) -> list[Home]:
        """A class that is divided into splits inside, or one that says none."""
        if self._is_divided(top):
            return [Home(folder=part, name=top.name, split=split_name(part.name)) for part in self._filled(top)]
        return [Home(folder=top, name=top.name)]

    def _is_divided(self, top: Path) -> bool:
        parts = self._filled(top)
        return (
            bool(parts)
            and all(self._is_split(part) and not self._filled(part) for part in parts)
            and not any(self._directly(top))
        )

    def _unwrapped(self, root: Path) -> tuple[Path, list[Path], list[Path]]:
        """Without the folder around everything; the files and the folders of files that lie beside it."""
        outside, beside = list(self._directly(root)), list[Path]()
        for _ in range(MOST_DEEP):
            tops = self._filled(root)
            inner = self._wrapper(tops)
            if inner is None:
                break
            beside += [top for top in tops if top != inner]
            root = inner
            outside += self._directly(root)
        return root, outside, beside

    def _wrapper(self, tops: Sequence[Path], deep: int = MOST_DEEP) -> Path | None:
        """The folder around everything: the only one, or the only one with splits of classes inside, beside folders of notes."""
        if len(tops) == 1:
            top = tops[0]
            return None if self._is_split(top) or not self._filled(top) or self._is_divided(top) else top
        if deep == 0 or len(tops) > MOST_BESIDE or self._splits(tops):
            return None
        holders = [top for top in tops if self._holds_splits(top, deep - 1)]
        flat = all(not self._filled(top) for top in tops if top not in holders)
        return holders[0] if len(holders) == 1 and flat else None

    def _holds_splits(self, folder: Path, deep: int) -> bool:
        """Whether splits with classes lie in a folder, or in the one around everything in it."""
        tops = self._filled(folder)
        if splits := self._splits(tops):
            return any(self._filled(split) for split in splits)
        inner = self._wrapper(tops, deep) if deep else None
        return inner is not None and self._holds_splits(inner, deep - 1)

    def _inner(self, split: Path) -> Path:
        """The folder of classes in a split: itself, or the one called images inside."""
        inside = self._filled(split)
        is_wrapped = len(inside) == 1 and inside[0].name.lower() in _WRAPPERS and bool(self._filled(inside[0]))
        return inside[0] if is_wrapped and not any(self._directly(split)) else split

    def _is_split(self, folder: Path) -> bool:
        return split_name(folder.name) in SHARES

    def _filled(self, folder: Path) -> list[Path]:
        with os.scandir(folder) as entries:  # knows what is a folder without asking for every file
            names = sorted(entry.name for entry in entries if not is_foreign(entry.name) and entry.is_dir())
        return [folder / name for name in names if next(self.files(folder / name), None) is not None]

    def _directly(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if self._is_member(entry.name) and entry.is_file())
        return (folder / name for name in names)

    def _is_member(self, name: str) -> bool:
        return not is_foreign(name) and Path(name).suffix.lower() in self._endings
