"""What sources of a person's own pictures share: rows of file, caption, group and split, read when they are asked for."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from core.data.base import DataReport, Source
from core.data.contents import content_hashes
from core.data.pictures import PictureMemory, Pixels, meta_image
from core.data.readers.depth import GUESSED
from core.data.readers.image import KEEP, fitted, kept_size, read_image, size_of
from core.data.readers.picture_formats import left_out
from core.data.report import report_of
from core.data.same_pictures import same_pictures
from core.data.splitting import Groups, by_split, held_out_words, joined_groups, numbered, read_alike
from core.graph.ports import port
from core.problems import Problem, refuse

MOST_PROBLEMS = 1000
PLACES = ("folder", "table")  # settings that say where the data lies


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture with its caption."""

    file: Path
    name: str  # relative to the folder, for sentences
    caption: str
    label: str
    group: str
    split: str  # as the data says; empty: by a hash of the group
    classes: tuple[str, str] = ("", "")  # coarse, fine
    sound: Path | None = None
    line: int = 0  # of its table, where it is from one


_COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "file": lambda row: row.name, "stem": lambda row: Path(row.name).stem, "caption": lambda row: row.label,
    "class": lambda row: row.classes[0],
}  # fmt: skip


class PictureRows(Source):
    """A source whose samples are :class:`Row`; subclasses find them in :meth:`read_rows`."""

    modality = "image"
    gives = {
        "image": port("image", "the image"),
        "sentence": port("sentence", "its caption"),
        "classes": port("labels", "codes of its class, coarse and fine"),
        "sample": port("number", "its number in this source"),
    }

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.rows: Sequence[Row] = ()
        self._splits: Mapping[str, Sequence[int]] = {}
        self._codes: list[tuple[int, int]] = []
        self._pictures: list[Hashable] = []
        self._written: list[str] = []  # the split that the data names for a row
        self._opened_as: Sequence[Row] = ()  # the rows before a run's tokenizer has joined some
        self._straddling = 0  # groups that the data itself has in several splits
        self._forget()
        self._opened = False
        self._memory = PictureMemory()

    def _forget(self) -> None:
        self._problems: list[Problem] = []
        self._notes: list[Problem] = []
        self._kinds: Counter[str] = Counter()
        self._guessed: dict[int, dict[Path, str]] = {}  # bits that images of 16 use without saying so -> those images
        self._faulty = self._passed_over = 0

    @abstractmethod
    def read_rows(self) -> Sequence[Row]:
        """Every usable row; call :meth:`leave_out` for the others. Raises Refused where there is nothing to read."""

    def open(self) -> None:
        """Read the rows. Raises Refused with what is missing."""
        if self._opened:
            return
        self._forget()
        self.rows = self.read_rows()
        if not self.rows:
            first = f" The first problem: {self.problems()[0].what}" if self.problems() else ""
            raise refuse(f"There is no image with a caption.{first}")
        self._pictures = same_pictures([row.file for row in self.rows])
        self._written = [row.split for row in self.rows]
        self.rows = self._together(self.rows)
        self.rows = [*self.rows, *(more := self.further_rows(self.rows))]
        self._pictures += same_pictures([row.file for row in more]) if more else []
        self._opened_as = self.rows
        self._splits = by_split(row.split for row in self.rows)
        coarse = numbered(row.classes[0] or row.group for row in self.rows)
        fine = numbered("/".join((row.classes[0], row.classes[1] or row.group)) for row in self.rows)
        self._codes = list(zip(coarse, fine))
        self._opened = True

    def further_rows(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows that are made of the others once their splits are known, such as the same concepts by another artist."""
        return ()

    def caption_of(self, row: Row) -> str:
        """What rows of equal captions are joined by; empty where the same sentence is said of many pictures on purpose."""
        return ""

    def _together(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with what hangs together in one group and, where the data names none, in one split.

        Together hang rows of one group, of one picture and of one caption, and what hangs together with these.
        """
        told = [row.group for row in rows], [row.split for row in rows]
        names = [[("group", row.group), ("picture", picture)] for row, picture in zip(rows, self._pictures)]
        captions = [("caption", self.caption_of(row)) if self.caption_of(row) else None for row in rows]
        found = joined_groups([[*name, caption] for name, caption in zip(names, captions)], *told)
        if found.giant:  # words that nearly every group says: then the groups that the data names must do
            found = joined_groups(names, *told)
        self._straddling = found.straddling
        if found.giant:
            self.note(
                f"{found.giant:,} of {len(rows):,} rows hang together by images and captions and are trained on. "
                "Name a column of groups, or write the splits into the table."
            )
        return [replace(row, group=group, split=split) for row, group, split in zip(rows, found.groups, found.splits)]

    def settle(self, reads: Callable[[str], Hashable]) -> None:
        """Captions that read alike once a run's tokenizer has cut them are one group and in one split.

        Not where one sentence is said of many images on purpose. The fingerprint stays: it is of the data alone.
        """
        self.open()
        own = self._opened_as[: len(self._written)]
        if not any(self.caption_of(row) for row in own):
            return
        before = Groups(
            groups=[row.group for row in own], splits=[row.split for row in own], straddling=self._straddling
        )
        found = read_alike(before, self._written, [reads(row.caption) for row in own])
        renamed = dict(zip(before.groups, found.groups))
        settled = [replace(row, group=group, split=split) for row, group, split in zip(own, found.groups, found.splits)]
        further = self._opened_as[len(own) :]
        self.rows = [*settled, *(replace(row, group=renamed.get(row.group, row.group)) for row in further)]
        self._straddling = found.straddling
        self._splits = by_split(row.split for row in self.rows)

    def leave_out(self, what: str, hint: str = "") -> None:
        """Say why a row cannot be used."""
        self._faulty += 1
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(Problem(what=what, hint=hint))

    def pass_over(self, what: str, count: int) -> None:
        """Say which ``count`` files do not belong to the set; nothing is wrong with them."""
        self._passed_over += count
        self._notes.append(Problem(what=what, severity="warning"))

    def pass_over_kind(self, file: Path) -> None:
        """An image of a kind that is not read here: counted, and told once for its kind."""
        self._kinds[file.suffix.lower()] += 1

    def note(self, what: str, hint: str = "") -> None:
        """Say what is odd about a row that is used all the same."""
        told = Problem(what=what, hint=hint, severity="warning")
        if len(self._notes) < MOST_PROBLEMS and told not in self._notes:
            self._notes.append(told)

    def problems(self) -> tuple[Problem, ...]:
        """What was left out, with the reason: kinds of files, then at most a thousand rows and the number of the rest."""
        kinds = [Problem(what=what, severity="warning") for what in left_out(self._kinds)]
        more = self._faulty - len(self._problems)
        rest = [Problem(what=f"Another {more:,} rows were left out.")] if more else []
        return (*kinds, *self._problems, *rest, *self._notes, *self._told_depths())

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

    def left_out(self) -> int:
        """Faulty rows, and files that were passed over."""
        return self._faulty + self._passed_over + self._kinds.total()

    def faulty(self) -> int:
        """Rows with a fault, all of them."""
        return self._faulty

    def __len__(self) -> int:
        self.open()
        return len(self.rows)

    def splits(self) -> Mapping[str, Sequence[int]]:
        """As the table says, else by a hash of the group."""
        self.open()
        return self._splits

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives. Raises Refused naming the file where it cannot be read."""
        return self.part(index, tuple(self.gives))

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
        return kept_size(*size_of(self.rows[index].file, name=self.rows[index].name), edge)

    def decode(self, row: Row) -> Pixels:
        """The picture of a row, uint8 [3, size, size]."""
        picture = read_image(row.file, name=row.name)
        if bits := picture.info[GUESSED]:
            self._guessed.setdefault(bits, {})[row.file] = row.name
        return fitted(picture, self.config.image_size, how=self.config.shape)

    def facts(self) -> Mapping[str, str]:
        """What the test split has that training has not, and how many groups the data itself has in several splits."""
        self.open()
        found = {"test": words} if (words := held_out_words(self)) else {}
        return found | ({"groups in more than one split": f"{self._straddling:,}"} if self._straddling else {})

    def picture(self, index: int) -> Hashable:
        """Equal for the same file or the same pixels."""
        self.open()
        return self._pictures[index]

    def group(self, index: int) -> str:
        """The row's group."""
        self.open()
        return self.rows[index].group

    def label(self, index: int) -> str:
        """The row's label."""
        self.open()
        return self.rows[index].label

    def class_names(self, index: int) -> tuple[str, ...]:
        """The row's class and finer class, where the table or the folders say."""
        self.open()
        return tuple(name for name in self.rows[index].classes if name and name != ".")

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        return {
            "image": meta_image(batch, self.config.image_size, self.config.shape), "sentence": None,
            "classes": torch.empty(batch, 2, dtype=torch.int64, device="meta"),
            "sample": torch.empty(batch, dtype=torch.int64, device="meta"),
        }  # fmt: skip

    def named_columns(self) -> tuple[str, ...]:
        """What every row has."""
        return tuple(_COLUMNS)

    def column(self, name: str) -> Sequence[str]:
        """By row."""
        self.open()
        if name not in _COLUMNS:
            raise self.lacks(name)
        return [_COLUMNS[name](row) for row in self.rows]

    def media(self) -> Sequence[Path]:
        """The pictures."""
        self.open()
        return [row.file for row in self._opened_as]

    def fingerprint(self) -> str:
        """Of captions, splits, settings and the contents of the files; not of where they lie."""
        hashes = content_hashes(self.media())
        settings = {name: value for name, value in vars(self.config).items() if name not in PLACES}
        digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass"))
        for row in self._opened_as:
            sound = row.sound and hashes[row.sound]
            told = (row.name, hashes[row.file], sound, row.caption, row.group, row.split, row.classes)
            digest.update(repr(told).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]

    def former_fingerprints(self) -> tuple[str, ...]:
        """Of captions, splits, sizes and times of the files, which is how data was told before."""
        self.open()
        digest = hashlib.sha256(repr(self.config).encode("utf-8", "surrogatepass"))
        for row in self._opened_as:
            size, changed = _times(row.file)
            line = repr((row.name, size, changed, row.caption, row.group, row.split))
            digest.update(line.encode("utf-8", "surrogatepass"))
        return (digest.hexdigest()[:16],)

    def report(self) -> DataReport:
        """Counts, unreadable files, and the split check."""
        return report_of(self)


def _times(file: Path) -> tuple[int, int]:
    try:
        facts = file.stat()
    except OSError:
        return -1, -1
    return facts.st_size, facts.st_mtime_ns
