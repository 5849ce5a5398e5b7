"""What sources of a person's own pictures share: rows whose file is an image."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.data.pictures import PictureMemory, Pixels, meta_image
from core.data.readers.depth import GUESSED
from core.data.readers.image import KEEP, fitted, kept_size
from core.data.readers.picture_formats import left_out
from core.data.readers.still import read_still, still_size
from core.data.rows import Row, Rows
from core.data.same_pictures import same_pictures
from core.graph.ports import port
from core.problems import Problem, Refused, refuse


@dataclass(frozen=True, kw_only=True)
class PictureRow(Row):
    """One picture with its caption."""

    sound: Path | None = None


class PictureRows(Rows[PictureRow]):
    """A source whose samples are :class:`PictureRow`; subclasses find them in :meth:`read_rows`."""

    modality = "image"
    gives = {
        "image": port("image", "the image"),
        "sentence": port("sentence", "its caption"),
        "classes": port("labels", "codes of its class, coarse and fine"),
        "sample": port("number", "its number in this source"),
    }

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._memory = PictureMemory()

    def _forget(self) -> None:
        super()._forget()
        self._guessed: dict[int, dict[Path, str]] = {}  # bits that images of 16 use without saying so -> those images

    def nothing_usable(self, first: str) -> Refused:
        """That there is no image."""
        return refuse(f"There is no image with a caption.{first}")

    def same(self, files: Sequence[Path]) -> list[Hashable]:
        """Equal for the same file or the same pixels."""
        return same_pictures(files)

    def kinds_left_out(self, kinds: Counter[str]) -> Sequence[str]:
        """A sentence for each kind."""
        return left_out(kinds)

    def problems(self) -> tuple[Problem, ...]:
        """What was left out, and which depths were guessed."""
        return (*super().problems(), *self._told_depths())

    def _told_depths(self) -> list[Problem]:
        """Of the images that were decoded so far, which were scaled by a depth that they do not name."""
        return [
            Problem(
                what=f"Images of 16 bits that do not say their depth were read as {bits} bits, for they use no more "
                f"({len(names):,}, such as {next(iter(names.values()))!r}).",
                hint="Where they are meant to be dark, save them with 8 bits.", severity="warning",
            )
            for bits, names in sorted(self._guessed.items())
        ]  # fmt: skip

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """The caption alone costs no decoding."""
        self.open()
        row = self.rows[index]
        given: dict[str, Any] = {}
        if "image" in ports:
            given["image"] = self._memory.get(index, lambda: self.decode(row))
        if "sentence" in ports:
            given["sentence"] = row.caption
        if "classes" in ports:
            given["classes"] = torch.tensor(self._codes[index])
        if "sample" in ports:
            given["sample"] = index
        return given

    def size(self, index: int) -> tuple[int, int]:
        """From the file's head."""
        self.open()
        edge = self.config.image_size
        if self.config.shape != KEEP:
            return edge, edge
        return kept_size(*still_size(self.rows[index].file, name=self.rows[index].name), edge)

    def decode(self, row: PictureRow) -> Pixels:
        """The picture of a row, of a film the frame in its middle: uint8 [3, size, size]."""
        picture = read_still(row.file, name=row.name)
        if bits := picture.info[GUESSED]:
            self._guessed.setdefault(bits, {})[row.file] = row.name
        return fitted(picture, self.config.image_size, how=self.config.shape)

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        return {
            "image": meta_image(batch, self.config.image_size, self.config.shape), "sentence": None,
            "classes": torch.empty(batch, 2, dtype=torch.int64, device="meta"),
            "sample": torch.empty(batch, dtype=torch.int64, device="meta"),
        }  # fmt: skip

    def told(self, row: PictureRow, hashes: Mapping[Path, str]) -> tuple[Any, ...]:
        """Both files' contents, and what is said of them."""
        sound = row.sound and hashes[row.sound]
        return (row.name, hashes[row.file], sound, row.caption, row.group, row.split, row.classes)

    def former_fingerprints(self) -> tuple[str, ...]:
        """Of captions, splits, sizes and times of the files, which is how data was told before."""
        self.open()
        digest = hashlib.sha256(repr(self.config).encode("utf-8", "surrogatepass"))
        for row in self._opened_as:
            size, changed = _times(row.file)
            line = repr((row.name, size, changed, row.caption, row.group, row.split))
            digest.update(line.encode("utf-8", "surrogatepass"))
        return (digest.hexdigest()[:16],)


def _times(file: Path) -> tuple[int, int]:
    try:
        facts = file.stat()
    except OSError:
        return -1, -1
    return facts.st_size, facts.st_mtime_ns
