"""The audio files or videos of a folder, and which of them a table means: by path, by name alone, or by a film's id on the web."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from core.data.class_folders import ClassFolders
from core.data.paths import inside
from core.data.readers.media_formats import Formats
from core.problems import Refused, refuse

_START = re.compile(r"_(\d+)(?:\.0+)?(?:_\d+(?:\.0+)?)?$")  # ``id_30``, ``id_30.000_40.000``, ``id_30000_40000``


class ClipFiles:
    """What lies below a folder; walked once, and only when a path does not lead to a file."""

    def __init__(self, root: Path, formats: Formats) -> None:
        self.root, self._formats = root, formats
        self.folders = ClassFolders(formats.endings | formats.unread)

    def all(self) -> Iterator[Path]:
        """Every file of its kind by its ending, readable or not, in the order of names."""
        return self.folders.files(self.root)

    def find(self, name: str, near: Path, part: str = "") -> Path:
        """The file that a table in the folder ``near`` means; one that is called as the ``part`` of it before others.

        Raises Refused where there is none, or several.
        """
        try:
            return inside(near, name)
        except Refused as refused:
            first = refused
        leads_out = ".." in Path(name).parts or Path(name).is_absolute()
        found = [] if leads_out else self._by_name.get(Path(name).name.casefold(), [])
        if not found and Path(name).suffix.lower() not in self._formats.endings:
            usual = (part, name, f"y{name}", f"v_{name}")  # AudioSet's and ActivityNet's ids have a letter before them
            found = next((some for stem in usual if (some := self._by_stem.get(stem.casefold(), []))), [])
        if len(found) > 1:
            raise refuse(f"{name[:160]!r} is the name of several files.", hint="Write their folders into the table.")
        if not found:
            raise first
        return inside(self.root, found[0].relative_to(self.root).as_posix())

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for file in self.all():
            found[file.name.casefold()].append(file)
        return dict(found)

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for file in self.all():
            stem = file.stem.casefold()
            for name in dict.fromkeys((stem, _START.sub("", stem))):
                found[name].append(file)
        return dict(found)
