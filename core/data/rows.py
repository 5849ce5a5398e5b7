"""What sources of a person's own files share: rows of file, caption, group and split, read when they are asked for."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.contents import content_hashes
from core.data.report import report_of
from core.data.splitting import Groups, by_split, held_out_words, joined_groups, numbered, read_alike
from core.problems import Problem, Refused

MOST_PROBLEMS = 1000
PLACES = ("folder", "table")  # settings that say where the data lies


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file with what is said of it."""

    file: Path
    name: str  # relative to the folder, for sentences
    caption: str
    label: str
    group: str
    split: str  # as the data says; empty: by a hash of the group
    classes: tuple[str, str] = ("", "")  # coarse, fine
    line: int = 0  # of its table, where it is from one


RowT = TypeVar("RowT", bound=Row)
_COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "file": lambda row: row.name, "stem": lambda row: Path(row.name).stem, "caption": lambda row: row.label,
    "class": lambda row: row.classes[0],
}  # fmt: skip


class Rows(Source, Generic[RowT]):
    """A source whose samples are rows; subclasses find them in :meth:`read_rows`."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.rows: Sequence[RowT] = ()
        self._splits: Mapping[str, Sequence[int]] = {}
        self._codes: list[tuple[int, int]] = []
        self._media: list[Hashable] = []  # equal for the same picture or sound
        self._written: list[str] = []  # the split that the data names for a row
        self._opened_as: Sequence[RowT] = ()  # the rows before a run's tokenizer has joined some
        self._straddling = 0  # groups that the data itself has in several splits
        self._forget()
        self._opened = False

    def _forget(self) -> None:
        self._problems: list[Problem] = []
        self._notes: list[Problem] = []
        self._kinds: Counter[str] = Counter()
        self._faulty = self._passed_over = 0

    @abstractmethod
    def read_rows(self) -> Sequence[RowT]:
        """Every usable row; call :meth:`leave_out` for the others. Raises Refused where there is nothing to read."""

    @abstractmethod
    def nothing_usable(self, first: str) -> Refused:
        """That no row can be used, and what is wrong with the first."""

    @abstractmethod
    def same(self, files: Sequence[Path]) -> list[Hashable]:
        """A name for what is in each file; equal for the same picture or sound."""

    def kinds_left_out(self, kinds: Counter[str]) -> Sequence[str]:
        """Sentences about files of kinds that are not read, by ending."""
        return ()

    def open(self) -> None:
        """Read the rows. Raises Refused with what is missing."""
        if self._opened:
            return
        self._forget()
        self.rows = self.read_rows()
        if not self.rows:
            first = f" The first problem: {self.problems()[0].what}" if self.problems() else ""
            raise self.nothing_usable(first)
        self._media = self.same([row.file for row in self.rows])
        self._written = [row.split for row in self.rows]
        self.rows = self._together(self.rows)
        self.rows = [*self.rows, *(more := self.further_rows(self.rows))]
        self._media += self.same([row.file for row in more]) if more else []
        self._opened_as = self.rows
        self._splits = by_split(row.split for row in self.rows)
        coarse = numbered(row.classes[0] or row.group for row in self.rows)
        fine = numbered("/".join((row.classes[0], row.classes[1] or row.group)) for row in self.rows)
        self._codes = list(zip(coarse, fine))
        self._opened = True

    def further_rows(self, rows: Sequence[RowT]) -> Sequence[RowT]:
        """Rows that are made of the others once their splits are known, such as the same concepts by another artist."""
        return ()

    def caption_of(self, row: RowT) -> str:
        """What rows of equal captions are joined by; empty where the same sentence is said of many pictures on purpose."""
        return ""

    def _together(self, rows: Sequence[RowT]) -> list[RowT]:
        """The rows with what hangs together in one group and, where the data names none, in one split.

        Together hang rows of one group, of one picture and of one caption, and what hangs together with these.
        """
        told = [row.group for row in rows], [row.split for row in rows]
        names = [[("group", row.group), ("picture", picture)] for row, picture in zip(rows, self._media)]
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
        """A file of a kind that is not read here: counted, and told once for its kind."""
        self._kinds[file.suffix.lower()] += 1

    def note(self, what: str, hint: str = "") -> None:
        """Say what is odd about a row that is used all the same."""
        told = Problem(what=what, hint=hint, severity="warning")
        if len(self._notes) < MOST_PROBLEMS and told not in self._notes:
            self._notes.append(told)

    def problems(self) -> tuple[Problem, ...]:
        """What was left out, with the reason: kinds of files, then at most a thousand rows and the number of the rest."""
        kinds = [Problem(what=what, severity="warning") for what in self.kinds_left_out(self._kinds)]
        more = self._faulty - len(self._problems)
        rest = [Problem(what=f"Another {more:,} rows were left out.")] if more else []
        return (*kinds, *self._problems, *rest, *self._notes)

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

    def facts(self) -> Mapping[str, str]:
        """What the test split has that training has not, and how many groups the data itself has in several splits."""
        self.open()
        found = {"test": words} if (words := held_out_words(self)) else {}
        return found | ({"groups in more than one split": f"{self._straddling:,}"} if self._straddling else {})

    def picture(self, index: int) -> Hashable:
        """Equal for the same file or the same contents."""
        self.open()
        return self._media[index]

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
        """The files."""
        self.open()
        return [row.file for row in self._opened_as]

    def fingerprint(self) -> str:
        """Of captions, splits, settings and the contents of the files; not of where they lie."""
        hashes = content_hashes(self.media())
        settings = {name: value for name, value in vars(self.config).items() if name not in PLACES}
        digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass"))
        for row in self._opened_as:
            digest.update(repr(self.told(row, hashes)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]

    @abstractmethod
    def told(self, row: RowT, hashes: Mapping[Path, str]) -> tuple[Any, ...]:
        """All that makes a row's sample what it is; ``hashes``: of the contents of :meth:`media`."""

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """Counts, unreadable files, and the split check."""
        return report_of(self, watch=watch)
