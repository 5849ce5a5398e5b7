"""Tables of recordings: which there are in a folder, what their columns are, and what a row tells.

ESC-50, UrbanSound8K, AudioSet (also its strong labels), AudioCaps, Clotho, DCASE event lists, Kinetics, ActivityNet and other lists of
videos (:mod:`core.data.film_lists`), and one's own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from core.data.class_folders import is_foreign
from core.data.clips import Mark, Told
from core.data.film_lists import LIST, read_lines
from core.data.paths import inside
from core.data.splitting import split_name
from core.data.tables import ENDINGS, HEAD, cell_name, cell_text, pick_column
from core.problems import Problem, Refused
from core.telemetry.spans import Span

FILE = (
    "file", "file_name", "filename", "audio", "video", "path", "audio_path", "video_path", "filepath", "sound", "wav", "clip", "audio_file",
    "video_file", "slice_file_name",
    "youtube_id", "ytid", "segment_id", "video_id", "video-id", "video_name",
)  # fmt: skip
YOUTUBE = ("youtube_id", "ytid", "segment_id")
CAPTION = ("caption", "captions", "caption_1", "description")
LABEL = (
    "label", "category", "class", "class_name", "event_label", "emotion", "digit", "tone", "key", "labels", "positive_labels", "target",
)  # fmt: skip
TRANSCRIPT = ("transcript", "transcription", "sentence", "text", "words")
SPEAKER = ("speaker", "speaker_id", "client_id", "actor", "spk", "subject", "performer", "character")
RECORDING = (
    "recording", "recording_id", "freesound_id", "fsid", "src_file", "sound_id", "song", "group", "group_id", "video_id", "session",
)  # fmt: skip
SEVERAL = ("labels", "positive_labels")  # of these a cell may name more than one, with commas
FOLD = ("fold",)
SPLIT = ("split", "subset", "partition", "set")
START = (
    "start",
    "start_seconds",
    "start_time",
    "start_time_seconds",
    "time_start",
    "t_start",
    "t-start",
    "onset",
    "begin",
)
ORIGIN = ("start_s", "clip_start", "origin")  # where the file begins in what lies beside it
END = ("end", "end_seconds", "end_time", "end_time_seconds", "time_end", "t_end", "t-end", "offset")
EVENT_TIMES = ("onset", "event_label", "start_time_seconds")  # columns that only lists of events have
EVENTS = ("events", "segments", "chords", "intervals", "annotations")
TIMES = ("automatic", "events", "parts", "ignore")
NAMES = "class_labels_indices.csv"  # AudioSet's: what its codes are called
_TOLD_BY_NAME = {"train": "train", "training": "train", "development": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test", "eval": "test", "evaluation": "test"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column is what; empty: there is none."""

    file: str
    captions: tuple[str, ...]
    label: str
    transcript: str
    speaker: str
    recording: str
    fold: str
    split: str
    start: str
    end: str
    events: str
    number: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The columns that a person named; empty: found by their usual names."""

    file: str = ""
    caption: str = ""
    label: str = ""
    transcript: str = ""
    speaker: str = ""
    recording: str = ""
    split: str = ""
    events: str = ""
    number: str = ""


def clip_tables(root: Path, name: str = "") -> list[tuple[Path, str]]:
    """The tables of recordings in a folder or one below, those of one form together, with the split each one's name tells.

    Raises Refused where the named one is missing; empty where there is none.
    """
    if name:
        return [(inside(root, name), "")]
    for place in _places(root):
        heads = {file: names for file in _tables_in(place) if _names_files(names := columns_in(file))}
        if heads:
            first = min(heads, key=lambda file: (_FIRST.get(file.stem, len(_FIRST)), file.name))
            together = [file for file, names in heads.items() if names == heads[first]]
            return [(file, split_of_table(file) if len(together) > 1 else "") for file in together]
    return []


def unread_tables(root: Path) -> list[Problem]:
    """Of what may have been meant as a table of recordings, what cannot be read: other text than UTF-8, broken or unknown JSON."""
    found = list[Problem]()
    for place in _places(root):
        for file in _tables_in(place):
            try:
                first = next(iter(read_lines(file)), None)
            except Refused as refused:
                found += refused.problems
                continue
            except OSError as error:
                found.append(
                    Problem(what=f"The table {file.name!r} cannot be read: {error.strerror or type(error).__name__}.")
                )
                continue
            if first is None and file.suffix.lower() == LIST:
                found.append(
                    Problem(what=f"{file.name!r} is no list of videos in a form that is known here; it is not read.")
                )
    return found


def _places(root: Path) -> list[Path]:
    return [root, *sorted(p for p in root.iterdir() if p.is_dir() and not is_foreign(p.name))]


def _tables_in(place: Path) -> list[Path]:
    endings = (*ENDINGS, LIST)
    return sorted(f for f in place.iterdir() if f.suffix.lower() in endings and f.is_file() and f.name != NAMES)


_FIRST = {name: place for place, name in enumerate(("captions", "labels", "metadata", "data"))}


def columns_in(file: Path) -> tuple[str, ...]:
    """The columns that a table's first rows have; none where it cannot be read."""
    try:
        rows = [row for _, row in islice(read_lines(file), HEAD) if not isinstance(row, Problem)]
    except (Refused, OSError):
        return ()
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _names_files(names: Sequence[str]) -> bool:
    return any(name.lower() in FILE for name in names)


def split_of_table(file: Path) -> str:
    """``train.csv`` and ``clotho_captions_development.csv`` are for training; empty where the name tells nothing."""
    words = file.stem.lower().replace("-", "_").split("_")
    return next((_TOLD_BY_NAME[word] for word in words if word in _TOLD_BY_NAME), "")


def columns_of(names: Sequence[str], wanted: Wanted) -> Columns:
    """Found by name. Raises Refused where a named one is missing or two could be meant."""
    caption = pick_column(wanted.caption, names, CAPTION, "caption")
    return Columns(
        file=pick_column(wanted.file, names, FILE, "file name"),
        captions=tuple(n for n in names if n.lower().startswith("caption_")) if caption.lower() == "caption_1" else (caption,),
        label=pick_column(wanted.label, names, LABEL, "class"),
        transcript=pick_column(wanted.transcript, names, TRANSCRIPT, "transcript"),
        speaker=pick_column(wanted.speaker, names, SPEAKER, "speaker"),
        recording=pick_column(wanted.recording, names, RECORDING, "recording"),
        fold=pick_column("", names, FOLD, "fold"),
        split=pick_column(wanted.split, names, SPLIT, "split"),
        start=pick_column("", names, START, "start"),
        end=pick_column("", names, END, "end"),
        events=pick_column(wanted.events, names, EVENTS, "events"),
        number=pick_column(wanted.number, names, (), "number"),
    )  # fmt: skip


def meaning_of_times(columns: Columns, names: Sequence[str], files: Sequence[str]) -> str:
    """Whether start and end are of events, of the part that is read, or of something else, such as a film on the web."""
    if not (columns.start and columns.end):
        return "ignore"
    if any(name.lower() in EVENT_TIMES for name in names):
        return "events"
    if columns.file.lower() in YOUTUBE:
        return "ignore"
    several = len(set(files)) < len(files)
    return "events" if several and columns.label and not columns.transcript and not any(columns.captions) else "parts"


def told_of(cells: Mapping[str, Any], columns: Columns, times: str, called: Mapping[str, str]) -> list[Told]:
    """What a row tells, once for each of its captions. ``called``: names of codes. Raises ValueError naming a wrong time."""
    text = {
        name: cell_text(cells.get(getattr(columns, name)))
        for name in ("transcript", "speaker", "recording", "fold", "number")
    }
    labels = (
        labels_in(cells.get(columns.label), called, several=columns.label.lower() in SEVERAL) if columns.label else ()
    )
    origin = next((float(cells[name]) for name in ORIGIN if cells.get(name) not in (None, "")), 0.0)
    span = _span(cells, columns) if times in ("events", "parts") else None
    marks = tuple(_marks(cells.get(columns.events))) if columns.events else ()
    if times == "events" and span is not None:
        marks, labels = (*marks, *(Mark(span=span, label=label) for label in labels or ("",))), ()
        span = None
    told = Told(
        labels=labels, marks=marks, split=split_name(cell_text(cells.get(columns.split))) if columns.split else "",
        origin=origin, start=span.start if span else 0.0, end=span.end if span else None, **text,
    )  # fmt: skip
    captions = [words for name in columns.captions if name and (words := cell_text(cells.get(name)))]
    return [replace(told, caption=caption) for caption in captions] or [told]


def labels_in(cell: Any, called: Mapping[str, str], *, several: bool = False) -> tuple[str, ...]:
    """The classes of a cell: one, a list, or several with commas between."""
    if isinstance(cell, list):
        found = [cell_text(part) for part in cell]
    else:
        text = cell_text(cell)
        found = [part.strip() for part in text.split(",")] if several else [text]
    return tuple(called.get(name, name) for name in found if name)


def called_in(folder: Path) -> dict[str, str]:
    """What AudioSet's codes are called, where its list lies there."""
    file = folder / NAMES
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as text:
        return {
            row["mid"]: row["display_name"]
            for row in csv.DictReader(text)
            if row.get("mid") and row.get("display_name")
        }


def _span(cells: Mapping[str, Any], columns: Columns) -> Span | None:
    start, end = (cell_text(cells.get(name)) for name in (columns.start, columns.end))
    if not start and not end:
        return None
    return Span(start=float(start or 0), end=float(end))


def _marks(cell: Any) -> Iterator[Mark]:
    """Events of a nested cell: objects with start, end and a word that says what."""
    for event in cell if isinstance(cell, list) else ():
        if not isinstance(event, dict):
            raise ValueError("an event must have a start and an end")
        named = [event[name] for name in LABEL if name in event]
        words = [
            *named,
            *(value for name, value in event.items() if name not in (*START, *END) and isinstance(value, str)),
        ]
        start, end = (next((event[name] for name in usual if name in event), None) for usual in (START, END))
        if start is None or end is None:
            raise ValueError("an event must have a start and an end")
        yield Mark(span=Span(start=float(start), end=float(end)), label=cell_text(words[0]) if words else "")


def cell_file(cells: Mapping[str, Any], columns: Columns) -> str:
    """The file's name or id in a row."""
    return cell_name(cells.get(columns.file))


def part_name(cells: Mapping[str, Any], columns: Columns) -> str:
    """What Kinetics calls the file of a part of a film on the web, ``id_000012_000022``; empty where no part is told."""
    if columns.file.lower() not in YOUTUBE or not (columns.start and columns.end):
        return ""
    try:
        start, end = (float(cell_text(cells.get(name))) for name in (columns.start, columns.end))
    except ValueError:
        return ""
    return f"{cell_file(cells, columns)}_{start:06.0f}_{end:06.0f}"
