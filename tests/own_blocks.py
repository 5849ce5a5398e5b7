"""A folder of own blocks for a test: files are written, allowed and loaded; nothing stays in the catalogues afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.compiler.describe import own_blocks
from core.own.files import allow, own_file
from core.own.loading import OwnBlocks
from core.own.settings import OwnSettings, read_settings, write_settings
from core.own.template import new_block


class Folder:
    """The usual folder of a person who has switched own blocks on."""

    def __init__(self) -> None:
        write_settings(OwnSettings(on=True))
        self.place = read_settings().place
        self.place.mkdir(parents=True, mode=0o700)

    def template(self, name: str) -> str:
        """A block that works; gives its text."""
        settings, file, _ = new_block(read_settings(), name)
        write_settings(settings)
        return file.text

    def write(self, name: str, text: str) -> Path:
        """A file with this content, not allowed."""
        path = self.place / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def allow(self, name: str) -> None:
        """As a person who has looked at it."""
        settings = read_settings()
        write_settings(allow(settings, name, own_file(settings, name).sha256))

    def switch(self, on: bool) -> None:
        write_settings(replace(read_settings(), on=on))

    def load(self) -> OwnBlocks:
        """Look at the folder anew, as a start does."""
        return own_blocks(again=True)


@contextmanager
def own_folder() -> Iterator[Folder]:
    """One, and empty catalogues behind it."""
    folder = Folder()
    try:
        yield folder
    finally:
        folder.switch(False)
        folder.load()
