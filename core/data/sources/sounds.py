"""A person's own recordings: class folders, or a table with classes, captions, times, speakers and transcripts.

Axes: S samples.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.blocks.values import Segments, Waveform
from core.data.catalog import sources
from core.data.clips import Mark, SoundRow, Told, merged, row_of
from core.data.media import Marks, Wave
from core.data.paths import folder
from core.data.readers.audio import read_sound
from core.data.readers.sound_formats import UNREAD, left_out
from core.data.rows import Rows
from core.data.same_pictures import same_files
from core.data.sound_files import FOLDERS, SoundFiles
from core.data.sound_splits import WAYS, Holding, chosen_way, held_out, natural
from core.data.sound_table import (
    TIMES,
    Columns,
    Wanted,
    called_in,
    cell_file,
    columns_of,
    meaning_of_times,
    sound_tables,
    told_of,
)
from core.data.sounds import Heard, SoundMemory
from core.data.splitting import SHARES
from core.data.tables import read_table
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused, refuse
from core.telemetry.spans import Span, samples_in
from core.texts import printable

MOST_SECONDS = 600.0  # of a clip
MOST_MARKS = 100_000  # of a clip


@sources.register("sources.sounds")
class Sounds(Rows[SoundRow]):
    """Recordings with their classes, captions, transcripts, speakers and events, from class folders or a table."""

    title = "Audio clips"
    modality = "audio"
    gives = {
        "waveform": port("waveform", "the clip"),
        "classes": port("labels", "code of its class; -1 where it has none or several"),
        "sentence": port("sentence", "its caption, else its classes in words, else what is said"),
        "transcript": port("sentence", "what is said in it"),
        "speaker": port("labels", "code of who speaks; -1 where that is not told"),
        "segments": port(
            "segments", "its events: start, end, class; one as long as the clip for each class without times"
        ),
        "number": port("number", "the number in the chosen column"),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Where they lie, how they are read, what is held out. An empty column name means: find it."""

        folder: str | None = knob(
            None, "The folder with the audio: a folder for each class, or a table beside it.", path="folder"
        )
        table: str = knob(
            "",
            "The table's name; empty takes the one there is, and class folders where there is none.",
            title="Table name",
        )
        hertz: int = knob(16_000, "Audio samples per second.", low=1000, high=192_000, unit="Hz", title="Sample rate")
        seconds: float = knob(
            5.0,
            "Longest part of an audio file that is read.",
            low=0.05,
            high=MOST_SECONDS,
            unit="s",
            title="Max duration",
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
        number_column: str = knob(
            "", "A column of numbers, such as a tempo; empty: none.", path="column", advanced=True
        )
        times: str = knob(
            "automatic", "What start and end in a row mean: an event in the file, or the part that is read.", choices=TIMES,
            advanced=True, title="Start and end",
        )  # fmt: skip

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._memory = SoundMemory()
        self._names: dict[str, tuple[str, ...]] = {}

    # Reading the index ---------------------------------------------------------------------------------------------

    def unready(self) -> Problem | None:
        """A folder is needed, and what must lie in it is said."""
        if self.config.folder:
            return None
        return Problem(
            what="No folder of audio is chosen.",
            hint="Choose one with a folder for each class, or with a table (file, label, caption, speaker …) beside the audio.",
        )

    def missing(self) -> Problem | None:
        """The folder, its table, and the columns that the settings name."""
        try:
            root = self._root()
            for table, _ in sound_tables(root, self.config.table):
                columns_of(_columns_in(table), self._wanted())
        except Refused as refused:
            return refused.problems[0]
        except OSError as error:
            return Problem(what=f"The folder cannot be read: {error.strerror or type(error).__name__}.")
        return None

    def read_rows(self) -> Sequence[SoundRow]:
        """From the tables, else from the folders; what cannot be used is told."""
        if (problem := self.unready()) is not None:
            raise Refused(problem)
        root = self._root()
        tables = sound_tables(root, self.config.table)
        rows = list(self._of_tables(root, tables)) if tables else list(self._of_folders(root))
        self._way = ""
        if rows:
            for split in sorted({row.split for row in rows} - {"", *SHARES}):
                self.note(
                    f"The split column says {split[:40]!r}, a split of its own: nothing learns from it or is chosen by it."
                )
            self._way = chosen_way(rows, self._holding())
            return held_out(rows, replace(self._holding(), way=self._way))
        return rows

    def _root(self) -> Path:
        return folder(str(self.config.folder or ""), "folder of audio")

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

    def _of_tables(self, root: Path, tables: Sequence[tuple[Path, str]]) -> Iterator[SoundRow]:
        files = SoundFiles(root)
        for table, split in tables:
            lines = [line for line in read_table(table) if self._is_usable(line[1])]
            cells = [(number, row) for number, row in lines if isinstance(row, Mapping)]
            columns = columns_of(list(dict.fromkeys(name for _, row in cells for name in row)), self._wanted())
            if not columns.file:
                raise refuse(
                    f"The table {table.name!r} has no column with the audio file's name.",
                    hint="Name it in the settings.",
                )
            yield from self._of_table(files, table, cells, columns, split)

    def _is_usable(self, row: Mapping[str, Any] | Problem) -> bool:
        if isinstance(row, Problem):
            (self.note if row.severity == "warning" else self.leave_out)(row.what)
        return not isinstance(row, Problem)

    def _of_table(
        self,
        files: SoundFiles,
        table: Path,
        lines: Sequence[tuple[int, Mapping[str, Any]]],
        columns: Columns,
        split: str,
    ) -> Iterator[SoundRow]:
        names = list(dict.fromkeys(name for _, row in lines for name in row))
        times = self.config.times
        if times == "automatic":
            times = meaning_of_times(columns, names, [cell_file(row, columns) for _, row in lines])
        called, found = called_in(table.parent), list[SoundRow]()
        for number, row in lines:
            name = cell_file(row, columns)
            try:
                file = files.find(name, table.parent)
                if file.suffix.lower() in UNREAD:
                    self.pass_over_kind(file)
                    continue
                for told in told_of(row, columns, times, called):
                    told = replace(told, split=told.split or split)
                    found.append(row_of(file, printable(file.relative_to(files.root).as_posix()), told, line=number))
            except Refused as refused:
                self.leave_out(f"Line {number}: {refused.problems[0].what}")
            except (ValueError, TypeError) as error:
                self.leave_out(f"Line {number} has times that cannot be read: {error}.")
        yield from _events_together(found) if times == "events" else found

    def _of_folders(self, root: Path) -> Iterator[SoundRow]:
        layout = FOLDERS.layout(root)
        homes = [(file, home.name, home.split) for home in layout.homes for file in FOLDERS.files(home.folder)]
        strangers = [(file, "", "") for file in layout.outside] if not homes else []
        if homes and layout.outside:
            first = layout.outside[0].relative_to(root).as_posix()
            count = len(layout.outside)
            self.pass_over(f"Audio outside the class folders was left out: {count:,}, such as {first!r}.", count)
        for file, name, split in (*homes, *strangers):
            if file.suffix.lower() in UNREAD:
                self.pass_over_kind(file)
                continue
            words = " ".join(printable(name).replace("_", " ").replace("-", " ").split())
            shown = printable(file.relative_to(root).as_posix())
            yield row_of(file, shown, Told(labels=(words,) if words else (), split=split))

    def open(self) -> None:
        """Rows, and the names that codes stand for."""
        if self._opened:
            return
        super().open()
        named = {
            "classes": (label for row in self.rows for label in row.told.labels[:1] if len(row.told.labels) == 1),
            "speaker": (row.told.speaker for row in self.rows),
            "segments": (mark.label for row in self.rows for mark in _marks_of(row, 0.0)),
        }
        self._names = {name: tuple(sorted(set(found) - {""}, key=natural)) for name, found in named.items()}
        self._places = {name: {word: place for place, word in enumerate(words)} for name, words in self._names.items()}

    def code_names(self, port: str) -> Sequence[str]:
        """What the codes on a port stand for, in order."""
        self.open()
        return self._names.get(port, ())

    def nothing_usable(self, first: str) -> Refused:
        """That there is no audio."""
        return refuse(f"There is no audio that can be used.{first}")

    def same(self, files: Sequence[Path]) -> list[Hashable]:
        """Equal for the same file or the same bytes."""
        return same_files(files)

    def kinds_left_out(self, kinds: Counter[str]) -> Sequence[str]:
        """A sentence for each kind."""
        return left_out(kinds)

    # Samples -------------------------------------------------------------------------------------------------------

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only what is asked for is decoded."""
        self.open()
        row = self.rows[index]
        given: dict[str, Any] = {}
        if "waveform" in ports or "segments" in ports:
            wave = self._wave(index)
            given["waveform"], given["segments"] = wave, self._segments(row, wave)
        told = row.told
        given |= {
            "sentence": row.caption,
            "transcript": told.transcript,
            "sample": index,
            "number": _number(told.number),
        }
        given["classes"] = torch.tensor([self._places["classes"].get(row.classes[0], -1)])
        given["speaker"] = torch.tensor([self._places["speaker"].get(told.speaker, -1)])
        return {port: given[port] for port in ports}

    def _wave(self, index: int) -> Wave:
        return Wave.of(self._memory.get(index, lambda: self._heard(self.rows[index])), self.config.hertz)

    def _heard(self, row: SoundRow) -> Tensor:
        knobs, told = self.config, row.told
        seconds = knobs.seconds if told.end is None else min(knobs.seconds, told.end - told.start)
        heard = read_sound(row.file, hertz=knobs.hertz, start_seconds=told.start, seconds=seconds, name=row.name)
        if heard.note:
            self.note(f"{row.name}: {heard.note}")
        return heard.samples_S

    def _segments(self, row: SoundRow, wave: Wave) -> Marks:
        """What of its events is read."""
        whole = Span.of_samples(range(wave.real), wave.hertz)
        found = [
            (span, mark.label) for mark in _marks_of(row, whole.end) if (span := mark.span.common(whole)) is not None
        ]
        places = self._places["segments"]
        return Marks(spans=tuple(span for span, _ in found), classes=tuple(places.get(label, 0) for _, label in found))

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        knobs = self.config
        samples = torch.empty(batch, samples_in(knobs.seconds, knobs.hertz), device="meta")
        whole, codes = (torch.empty(*shape, dtype=torch.int64, device="meta") for shape in ((batch,), (batch, 1)))
        times = torch.empty(batch, 1, 2, dtype=torch.float64, device="meta")
        return {
            "waveform": Waveform(samples_BS=samples, lengths_B=whole, hertz=knobs.hertz), "classes": codes, "speaker": codes,
            "sentence": None, "transcript": None, "segments": Segments(times_BN2=times, class_BN=codes),
            "number": torch.empty(batch, device="meta"), "sample": whole,
        }  # fmt: skip

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """One rate; each clip as long as it is or as is read."""
        knobs = self.config
        heard = Heard(hertz=knobs.hertz, seconds=knobs.seconds, seconds_knob="seconds", most_seconds=MOST_SECONDS)
        return {"waveform": heard}, ()

    # What is known -------------------------------------------------------------------------------------------------

    def told(self, row: SoundRow, hashes: Mapping[Path, str]) -> tuple[Any, ...]:
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
            "as given": "as its table says", "fold": "other folds", "speaker": "unseen speakers", "recording": "unseen recordings",
        }  # fmt: skip
        found = {"folder": printable(Path(self.config.folder or "").name), "test": ways.get(self._way, "")}
        found |= {"classes": f"{len(self._names['classes']):,}"} if self._names["classes"] else {}
        found |= {"speakers": f"{len(self._names['speaker']):,}"} if self._names["speaker"] else {}
        found |= {"speakers in more than one split": f"{shared:,}"} if shared else {}
        return found | ({"groups in more than one split": f"{self._straddling:,}"} if self._straddling else {})

    def _speakers_in_two_splits(self) -> int:
        homes: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            homes[row.told.speaker].add(row.split)
        return sum(len(splits) > 1 for speaker, splits in homes.items() if speaker)


def _columns_in(table: Path) -> list[str]:
    return list(dict.fromkeys(name for _, row in read_table(table) if isinstance(row, Mapping) for name in row))


def _events_together(rows: Sequence[SoundRow]) -> Iterator[SoundRow]:
    """One row a file, with the events of all its lines."""
    by_file: dict[Path, list[SoundRow]] = defaultdict(list)
    for row in rows:
        by_file[row.file].append(row)
    for file, some in by_file.items():
        told = merged([row.told for row in some])
        marks = tuple(sorted(mark for row in some for mark in row.told.marks))
        yield row_of(file, some[0].name, replace(told, marks=marks), line=some[0].line)


def _marks_of(row: SoundRow, seconds: float) -> tuple[Mark, ...]:
    """Its events on the time of the part that is read; without any, its classes for as long as it lasts."""
    start, whole = row.told.start, Span(start=0.0, end=seconds)
    moved = tuple(
        Mark(span=Span(start=max(0.0, mark.span.start - start), end=max(0.0, mark.span.end - start)), label=mark.label)
        for mark in row.told.marks
    )
    return moved or tuple(Mark(span=whole, label=label) for label in row.told.labels)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
