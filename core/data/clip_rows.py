"""What sources of recordings share, of sound or film: class folders, or tables with classes, captions, times, speakers, transcripts.

A row is one clip: a file or a part of it, with all that is told of it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from core.blocks.values import Segments, Waveform
from core.data.beside import Beside
from core.data.clip_files import ClipFiles
from core.data.clip_names import form_of, told_by
from core.data.clip_splits import WAYS, Holding, chosen_way, held_out, natural
from core.data.clip_table import (
    TIMES,
    Columns,
    Wanted,
    called_in,
    cell_file,
    clip_tables,
    columns_of,
    meaning_of_times,
    part_name,
    told_of,
    unread_tables,
)
from core.data.clips import ClipRow, Mark, Told, merged, row_of
from core.data.film_lists import LIST, read_lines
from core.data.media import Marks
from core.data.readers.media_formats import Formats
from core.data.rows import Rows
from core.data.same_pictures import same_files
from core.data.sounds import Heard, SoundMemory
from core.data.splitting import FOLDS, RECORDINGS, SHARES, SPEAKERS
from core.graph.ports import port
from core.knobs import knob
from core.problems import Fix, Problem, Refused, refuse
from core.telemetry.spans import Span, samples_in
from core.texts import printable

CLIPS, EVENTS = "clips", "events"


@dataclass(frozen=True, kw_only=True)
class ClipKnobs:
    """Where clips lie and what is held out. An empty column name means: find it."""

    folder: str | None = knob(
        None, "The folder with the files: a folder for each class, or a table beside them.", path="folder"
    )
    table: str = knob(
        "",
        "The table's name; empty takes the one there is, and class folders where there is none.",
        title="Table name",
    )
    hold_out: str = knob(
        "automatic", "What the test has that training has not. Clips of one recording are never in two splits.",
        choices=WAYS, title="Split by",
    )  # fmt: skip
    test: str = knob(
        "", "Folds or speakers that test, with commas; empty: as the table says, or some of them.", title="Test on"
    )
    validation: str = knob(
        "", "Folds or speakers that validate, with commas. Where test names some and this none, nothing validates.",
        title="Validate on",
    )  # fmt: skip
    class_column: str = knob(
        "", "The column with the class; empty takes label, category, emotion, tone and the like.", path="column"
    )
    caption_column: str = knob("", "The column with the caption.", path="column", advanced=True)
    transcript_column: str = knob("", "The column with what is said.", path="column", advanced=True)
    speaker_column: str = knob("", "The column that says who speaks.", path="column", advanced=True)
    recording_column: str = knob(
        "", "Clips with the same entry are of one recording; empty takes recording, freesound_id, song and the like.",
        path="column", advanced=True,
    )  # fmt: skip
    file_column: str = knob("", "The column with the file's name.", path="column", advanced=True)
    split_column: str = knob("", "The column that says train, validation or test.", path="column", advanced=True)
    events_column: str = knob(
        "", "The column with a list of events, each with start and end.", path="column", advanced=True
    )
    tier: str = knob(
        "", "The tier of a TextGrid beside a clip whose intervals are its events; empty takes words, else the first.",
        advanced=True, title="TextGrid tier",
    )  # fmt: skip
    number_column: str = knob("", "A column of numbers, such as a tempo; empty: none.", path="column", advanced=True)
    subtitles: str = knob(
        CLIPS, "What each line of subtitles (SRT, VTT) beside a clip without a caption is: a clip with its words as the caption, or an "
        "event of the whole clip.", choices=(CLIPS, EVENTS), advanced=True,
    )  # fmt: skip
    times: str = knob(
        "automatic", "What start and end in a row mean: an event in the file, or the part that is read.", choices=TIMES,
        advanced=True, title="Start and end",
    )  # fmt: skip


TOLD_PORTS = {
    "classes": port("labels", "code of its class; -1 where it has none or several"),
    "sentence": port("sentence", "its caption, else its classes in words, else what is said"),
    "transcript": port("sentence", "what is said in it"),
    "speaker": port("labels", "code of who speaks; -1 where that is not told"),
    "segments": port("segments", "its events: start, end, class; one as long as the clip for each class without times"),
    "number": port("number", "the number in the chosen column"),
    "sample": port("number", "its number in this source"),
}


MOST_SECONDS = 600.0  # of a clip's sound


class Clips(Rows[ClipRow]):
    """Clips of one kind of file; subclasses decode them, and say in ``hertz`` and ``seconds`` how their sound is read."""

    formats: ClassVar[Formats]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._memory = SoundMemory()
        self._names: dict[str, tuple[str, ...]] = {}
        self._places: dict[str, dict[str, int]] = {}

    # Reading the index ---------------------------------------------------------------------------------------------

    def missing(self) -> Problem | None:
        """The folder, its table, and the columns that the settings name."""
        try:
            root = self.root()
            for table, _ in clip_tables(root, self.config.table):
                columns_of(_columns_in(table), self._wanted())
        except Refused as refused:
            return refused.problems[0]
        except OSError as error:
            return Problem(what=f"The folder cannot be read: {error.strerror or type(error).__name__}.")
        return None

    def read_rows(self) -> Sequence[ClipRow]:
        """From the tables, else from the folders; what cannot be used is told."""
        if (problem := self.unready()) is not None:
            raise Refused(problem)
        root = self.root()
        tables = clip_tables(root, self.config.table)
        for problem in unread_tables(root) if not self.config.table else ():
            self.note(problem.what, problem.hint)
        found = list(self._of_tables(root, tables)) if tables else list(self._of_folders(root))
        rows = self._with_names(list(self._with_beside(root, found)))
        self._way = ""
        if rows:
            for split in sorted({row.split for row in rows} - {"", *SHARES}):
                self.note(
                    f"The split column says {split[:40]!r}, a split of its own: nothing learns from it or is chosen by it."
                )
            self._way = chosen_way(rows, self._holding())
            return held_out(rows, replace(self._holding(), way=self._way))
        return rows

    @property
    def counts_seconds(self) -> bool:
        """Whether times in tables are seconds, as those of subtitles are."""
        return True

    @abstractmethod
    def root(self) -> Path:
        """The folder that was chosen. Raises Refused where it is not there."""

    def _holding(self) -> Holding:
        named = (
            tuple(part.strip() for part in text.split(",") if part.strip())
            for text in (self.config.test, self.config.validation)
        )
        test, validation = named
        return Holding(way=self.config.hold_out, test=test, validation=validation)

    def _wanted(self) -> Wanted:
        knobs = self.config
        return Wanted(
            file=knobs.file_column, caption=knobs.caption_column, label=knobs.class_column, transcript=knobs.transcript_column,
            speaker=knobs.speaker_column, recording=knobs.recording_column, split=knobs.split_column, events=knobs.events_column,
            number=knobs.number_column,
        )  # fmt: skip

    def _of_tables(self, root: Path, tables: Sequence[tuple[Path, str]]) -> Iterator[ClipRow]:
        files = ClipFiles(root, self.formats)
        for table, split in tables:
            lines = [line for line in read_lines(table) if self._is_usable(line[1])]
            cells = [(number, row) for number, row in lines if isinstance(row, Mapping)]
            columns = columns_of(list(dict.fromkeys(name for _, row in cells for name in row)), self._wanted())
            if not columns.file:
                raise refuse(
                    f"The table {table.name!r} has no column with the file's name.",
                    hint="Name it in the settings.",
                )
            yield from self._of_table(files, table, cells, columns, split)

    def _with_beside(self, root: Path, rows: Sequence[ClipRow]) -> Iterator[ClipRow]:
        """The rows with what files beside them tell; what the table says is believed first."""
        beside = Beside(root, self.config.tier)
        for row in rows:
            told, problems = beside.told(row.file, row.told.origin)
            for problem in problems:
                self.note(f"{row.name}: {problem}")
            row = row_of(row.file, row.name, merged([row.told, told]), line=row.line) if told != Told() else row
            spoken, wrong = beside.cues(row.file) if self.counts_seconds else ((), ())
            for problem in wrong:
                self.leave_out(f"{row.name}: {problem}")
            yield from self._with_cues(row, spoken) if spoken else (row,)

    def _with_cues(self, row: ClipRow, spoken: Sequence[Mark]) -> Iterator[ClipRow]:
        """What is said when: clips of their own, of a part those that begin in it; or events of the one clip there is."""
        told = row.told
        part = Span(start=told.start, end=told.end) if told.end is not None else None
        cues = [mark for mark in spoken if part is None or part.start <= mark.span.start < part.end]
        if told.caption or told.marks or self.config.subtitles == EVENTS:
            known = Told(marks=tuple(cues), transcript=" ".join(mark.label for mark in cues))
            yield row_of(row.file, row.name, merged([told, known]), line=row.line)
            return
        for mark in cues:
            end = mark.span.end if part is None else min(mark.span.end, part.end)
            own = replace(told, caption=mark.label, transcript=mark.label, start=mark.span.start, end=end)
            yield row_of(row.file, row.name, own, line=row.line)

    def _with_names(self, rows: Sequence[ClipRow]) -> list[ClipRow]:
        """Where events are told apart, those of which nothing says what they are would be taken for the first class: left out."""
        if not any(name for row in rows for name in row.told.event_names):
            return list(rows)
        found = list[ClipRow]()
        for row in rows:
            named = tuple(mark for mark in row.told.marks if mark.label)
            for mark in (mark for mark in row.told.marks if not mark.label):
                self.leave_out(
                    f"{row.name}: the event from {mark.span.start:g} to {mark.span.end:g} s has no class, while others have one."
                )
            found.append(row if named == row.told.marks else replace(row, told=replace(row.told, marks=named)))
        return found

    def _is_usable(self, row: Mapping[str, Any] | Problem) -> bool:
        if isinstance(row, Problem):
            (self.note if row.severity == "warning" else self.leave_out)(row.what)
        return not isinstance(row, Problem)

    def _of_table(
        self,
        files: ClipFiles,
        table: Path,
        lines: Sequence[tuple[int, Mapping[str, Any]]],
        columns: Columns,
        split: str,
    ) -> Iterator[ClipRow]:
        names = list(dict.fromkeys(name for _, row in lines for name in row))
        times = self.config.times
        if times == "automatic":
            times = meaning_of_times(columns, names, [cell_file(row, columns) for _, row in lines])
        called, found = called_in(table.parent), list[ClipRow]()
        is_list = table.suffix.lower() == LIST
        for number, row in self._with_file(lines, columns):
            name = cell_file(row, columns)
            try:
                file = files.find(name, table.parent, part_name(row, columns))
                if file.suffix.lower() in self.formats.unread:
                    self.pass_over_kind(file)
                    continue
                for told in told_of(row, columns, times, called):
                    told = replace(told, split=told.split or split)
                    found.append(row_of(file, printable(file.relative_to(files.root).as_posix()), told, line=number))
            except Refused as refused:
                why = refused.problems[0].what
                self.leave_out(f"Entry {number}: {why}" if is_list else f"Line {number}: {why}")
            except (ValueError, TypeError) as error:
                self.leave_out(f"Line {number} has times that cannot be read: {error}.")
        yield from _events_together(found) if times == "events" else found

    def _with_file(
        self, lines: Sequence[tuple[int, Mapping[str, Any]]], columns: Columns
    ) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """Of a column that somebody names, the rows that have a file there: a table of images may have audio for some."""
        there = (
            [(number, row) for number, row in lines if cell_file(row, columns)] if self.config.file_column else lines
        )
        if missing := len(lines) - len(there):
            self.pass_over(f"Rows without a file in the column {columns.file!r} were left out: {missing:,}.", missing)
        return there

    def _of_folders(self, root: Path) -> Iterator[ClipRow]:
        folders = ClipFiles(root, self.formats).folders
        layout = folders.layout(root)
        homes = [(file, home.name, home.split) for home in layout.homes for file in folders.files(home.folder)]
        strangers = [(file, "", "") for file in layout.outside] if not homes else []
        if homes and layout.outside:
            first = layout.outside[0].relative_to(root).as_posix()
            count = len(layout.outside)
            self.pass_over(f"Files outside the class folders were left out: {count:,}, such as {first!r}.", count)
        form = form_of([file.stem for file, _, _ in (*homes, *strangers)])
        for file, name, split in (*homes, *strangers):
            if file.suffix.lower() in self.formats.unread:
                self.pass_over_kind(file)
                continue
            words = " ".join(printable(name).replace("_", " ").replace("-", " ").split())
            shown = printable(file.relative_to(root).as_posix())
            of_folder = Told(labels=(words,) if words else (), split=split)
            yield row_of(file, shown, merged([told_by(form, file.stem), of_folder]))

    def open(self) -> None:
        """Rows, and the names that codes stand for."""
        if self._opened:
            return
        super().open()
        named = {
            "classes": (label for row in self.rows for label in row.told.labels[:1] if len(row.told.labels) == 1),
            "speaker": (row.told.speaker for row in self.rows),
            "segments": (name for row in self.rows for name in row.told.event_names),
        }
        for name, found in named.items():
            self.name_codes(name, tuple(sorted(set(found) - {""}, key=natural)))

    def name_codes(self, port: str, names: tuple[str, ...]) -> None:
        """What the codes on a port stand for from now on."""
        self._names[port] = names
        self._places[port] = {word: place for place, word in enumerate(names)}

    def code_names(self, port: str) -> Sequence[str]:
        """What the codes on a port stand for, in order."""
        self.open()
        return self._names.get(port, ())

    def same(self, files: Sequence[Path]) -> list[Hashable]:
        """Equal for the same file or the same bytes."""
        return same_files(files)

    def kinds_left_out(self, kinds: Counter[str]) -> Sequence[str]:
        """A sentence for each kind."""
        return self.formats.left_out(kinds)

    # Samples -------------------------------------------------------------------------------------------------------

    def told_of(self, index: int, ports: Collection[str], whole: Span | None) -> dict[str, Any]:
        """What is known of a clip; ``whole``: how long the part is that is read, None where segments are not asked for."""
        self.open()
        row = self.rows[index]
        given: dict[str, Any] = {
            "sentence": row.caption, "transcript": row.told.transcript, "sample": index, "number": _number(row.told.number),
            "classes": torch.tensor([self._places["classes"].get(row.classes[0], -1)]),
            "speaker": torch.tensor([self._places["speaker"].get(row.told.speaker, -1)]),
        }  # fmt: skip
        if whole is not None:
            given["segments"] = self._segments(row, whole)
        return {port: given[port] for port in ports if port in given}

    def part_of(self, row: ClipRow) -> Span | None:
        """The part of the file that is meant, in seconds of the file; None: all of it."""
        start, end = row.told.start, row.told.end
        return None if end is None else self.in_seconds(row, Span(start=start, end=end))

    def in_seconds(self, row: ClipRow, span: Span) -> Span:
        """A span of the file as it is told, in seconds of the file."""
        return span

    def _segments(self, row: ClipRow, whole: Span) -> Marks:
        """What of its events is read."""
        part = self.part_of(row)
        start = 0.0 if part is None else part.start
        marks = [Mark(span=self.in_seconds(row, mark.span), label=mark.label) for mark in row.told.marks]
        timed = _marks_of(marks, row.told.labels, start, whole.end)
        found = [(span, mark.label) for mark in timed if (span := mark.span.common(whole)) is not None]
        places = self._places["segments"]
        return Marks(spans=tuple(span for span, _ in found), classes=tuple(places.get(label, 0) for _, label in found))

    def wave_meta(self, batch: int) -> Waveform:
        """A batch of their sound, as long as is read at most."""
        knobs = self.config
        samples = torch.empty(batch, samples_in(knobs.seconds, knobs.hertz), device="meta")
        lengths = torch.empty(batch, dtype=torch.int64, device="meta")
        return Waveform(samples_BS=samples, lengths_B=lengths, hertz=knobs.hertz)

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """One rate; each clip as long as it is or as is read."""
        knobs = self.config
        heard = Heard(hertz=knobs.hertz, seconds=knobs.seconds, seconds_knob="seconds", most_seconds=MOST_SECONDS)
        return {"waveform": heard}, ()

    def told_meta(self, batch: int) -> dict[str, Any]:
        """A batch of what is known of clips."""
        whole, codes = (torch.empty(*shape, dtype=torch.int64, device="meta") for shape in ((batch,), (batch, 1)))
        times = torch.empty(batch, 1, 2, dtype=torch.float64, device="meta")
        return {
            "classes": codes, "speaker": codes, "sentence": None, "transcript": None,
            "segments": Segments(times_BN2=times, class_BN=codes), "number": torch.empty(batch, device="meta"), "sample": whole,
        }  # fmt: skip

    # What is known -------------------------------------------------------------------------------------------------

    def told(self, row: ClipRow, hashes: Mapping[Path, str]) -> tuple[Any, ...]:
        """The file's contents and all that is said of it."""
        return (row.name, hashes[row.file], row.caption, row.group, row.split, row.told)

    def class_names(self, index: int) -> tuple[str, ...]:
        """Its class, or its classes."""
        self.open()
        return self.rows[index].told.labels

    def facts(self) -> Mapping[str, str]:
        """Where it lies, what is held out, and which speakers are on both sides."""
        self.open()
        shared = self._speakers_in_two_splits()
        ways = {
            "as given": "as its table says", "fold": FOLDS, "speaker": SPEAKERS, "recording": RECORDINGS,
        }  # fmt: skip
        found = {"folder": printable(Path(self.config.folder or "").name), "test": ways.get(self._way, "")}
        found |= {"classes": f"{len(self._names['classes']):,}"} if self._names["classes"] else {}
        found |= {"speakers": f"{len(self._names['speaker']):,}"} if self._names["speaker"] else {}
        found |= {"speakers in more than one split": f"{shared:,}"} if shared else {}
        return found | ({"groups in more than one split": f"{self._straddling:,}"} if self._straddling else {})

    def mend(self) -> Fix | None:
        """Split by recording: the splits that a table says may have parts of one film or equal files on both sides."""
        knobs = self.config
        if self._way != "as given" or knobs.test or knobs.validation:
            return None
        return Fix(text="Split by recording", edit="set_knob", arguments={"name": "hold_out", "value": "recording"})

    def held_out_by(self, split: str) -> str:
        """Speakers where none of the split's is heard in training; else what was held out by."""
        heard = {name: {row.told.speaker for row in self.rows if row.split == name} for name in (split, "train")}
        if all("" not in speakers and speakers for speakers in heard.values()) and not heard[split] & heard["train"]:
            return SPEAKERS
        return {"fold": FOLDS, "recording": RECORDINGS}.get(self._way, "")

    def _speakers_in_two_splits(self) -> int:
        homes: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            homes[row.told.speaker].add(row.split)
        return sum(len(splits) > 1 for speaker, splits in homes.items() if speaker)


def _columns_in(table: Path) -> list[str]:
    return list(dict.fromkeys(name for _, row in read_lines(table) if isinstance(row, Mapping) for name in row))


def _events_together(rows: Sequence[ClipRow]) -> Iterator[ClipRow]:
    """One row a file, with the events of all its lines."""
    by_file: dict[Path, list[ClipRow]] = defaultdict(list)
    for row in rows:
        by_file[row.file].append(row)
    for file, some in by_file.items():
        told = merged([row.told for row in some])
        marks = tuple(sorted(mark for row in some for mark in row.told.marks))
        yield row_of(file, some[0].name, replace(told, marks=marks), line=some[0].line)


def _marks_of(marks: Sequence[Mark], labels: Sequence[str], start: float, seconds: float) -> tuple[Mark, ...]:
    """Events on the time of the part that is read; without any, its classes for as long as it lasts."""
    moved = tuple(
        Mark(span=Span(start=max(0.0, mark.span.start - start), end=max(0.0, mark.span.end - start)), label=mark.label)
        for mark in marks
    )
    return moved or tuple(Mark(span=Span(start=0.0, end=seconds), label=label) for label in labels)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
