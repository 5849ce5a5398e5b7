"""JSON files that describe a whole set of videos, as the field writes them, read as rows of a table.

ActivityNet (its database of segments, and its captions, arXiv:1705.00754), Kinetics, Something-Something (arXiv:1706.04261), MSR-VTT,
and segments in the form of COCO: videos, annotations and categories that refer to each other. Which it is, is told by its shape.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.data.delimited import Line
from core.data.tables import MOST_BYTES, cell_name, cell_text, read_table
from core.problems import Problem, refuse

LIST = ".json"
Stamp = tuple[int, int]


def read_lines(file: Path) -> Iterator[Line]:
    """The rows of a table, or of a list of videos; of JSON that is neither there are none. Raises Refused."""
    if file.suffix.lower() != LIST:
        return read_table(file)
    facts = file.stat()
    return iter(_rows_of(file, (facts.st_size, facts.st_mtime_ns)))


@lru_cache(4)  # asked for its columns, then for its rows
def _rows_of(file: Path, stamp: Stamp) -> Sequence[Line]:
    size, _ = stamp
    if size > MOST_BYTES:
        raise refuse(f"The list {file.name!r} has more than a gibibyte.")
    twice = Counter[str]()
    try:
        told = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=lambda pairs: _object(pairs, twice))
    except UnicodeDecodeError as error:
        raise refuse(f"The list {file.name!r} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise refuse(f"The list {file.name!r} is not valid JSON.", hint=_where(error)) from error
    form = form_of(told)
    if form is None:
        return ()
    lost = [
        Problem(what=f"{name[:80]!r} is told more than once; what is said last is read.") for name in twice.elements()
    ]
    return tuple(enumerate([*form(told), *lost], 1))


def _object(pairs: Sequence[tuple[str, Any]], twice: Counter[str]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice.update(Counter(name for name, _ in pairs) - Counter(found.keys()))
    return found


def _where(error: Exception) -> str:
    return f"It breaks off or is wrong at line {error.lineno}." if isinstance(error, json.JSONDecodeError) else ""


Row = Mapping[str, Any] | Problem
Form = Callable[[Any], Iterator[Row]]


def form_of(told: Any) -> Form | None:
    """How a list is written, by any entry that is whole; None where it is none that is known."""
    if isinstance(told, list):
        return _something if any("id" in entry and _SOMETHING & entry.keys() for entry in _objects(told)) else None
    if not isinstance(told, dict):
        return None
    if isinstance(told.get("database"), dict):
        return _activity_net
    if isinstance(told.get("videos"), list):
        return _msr_vtt if isinstance(told.get("sentences"), list) else _coco if "annotations" in told else None
    entries = list(_objects(told.values()))
    if any("timestamps" in entry and "sentences" in entry for entry in entries):
        return _dense_captions
    return _kinetics if any(isinstance(entry.get("annotations"), dict) for entry in entries) else None


_SOMETHING = {"template", "label"}


def _activity_net(told: Any) -> Iterator[Row]:
    """A film with its events; those of the test have none."""
    for name, entry in told["database"].items():
        marks = (entry.get("annotations") or ()) if isinstance(entry, dict) else None
        if not isinstance(marks, list | tuple):
            yield _odd(name)
            continue
        events = list[Mapping[str, Any]]()
        for number, mark in enumerate(marks, 1):
            event = _event(mark.get("label"), mark.get("segment")) if isinstance(mark, dict) else None
            if event is None:
                yield Problem(
                    what=f"Annotation {number} of {str(name)[:80]!r} has no start, end and label that can be read."
                )
            else:
                events.append(event)
        yield {"file": name, "split": entry.get("subset", ""), "events": events}


def _dense_captions(told: Any) -> Iterator[Row]:
    """A row for each sentence with its part of the film."""
    for name, entry in told.items():
        timed, said = (entry.get("timestamps"), entry.get("sentences")) if isinstance(entry, dict) else (None, None)
        if not (isinstance(timed, list) and isinstance(said, list) and len(timed) == len(said)):
            yield _odd(name)
            continue
        for number, (times, words) in enumerate(zip(timed, said), 1):
            span = _span(times)
            if span is None or not cell_text(words):
                yield Problem(
                    what=f"Sentence {number} of {str(name)[:80]!r} has no words, or no start and end that can be read."
                )
            else:
                yield {"file": name, "start": span[0], "end": span[1], "caption": words}


def _kinetics(told: Any) -> Iterator[Row]:
    """As its csv: a film on the web, from when to when, and what is done."""
    for name, entry in told.items():
        mark = entry.get("annotations") if isinstance(entry, dict) else None
        event = _event(mark.get("label"), mark.get("segment")) if isinstance(mark, dict) else None
        if event is None:
            yield _odd(name)
            continue
        yield {
            "label": event["label"], "youtube_id": name, "time_start": event["start"], "time_end": event["end"],
            "split": entry.get("subset", ""),
        }  # fmt: skip


def _something(told: Any) -> Iterator[Row]:
    """The template without its brackets is the class, what was done is the caption; those of the test have neither."""
    for number, entry in enumerate(told, 1):
        if not isinstance(entry, dict) or not (name := cell_name(entry.get("id"))):
            yield Problem(what=f"Entry {number} names no video.")
            continue
        template, label = cell_text(entry.get("template")), cell_text(entry.get("label"))
        if not (template or label):
            yield Problem(what=f"Entry {number} has neither a template nor a label.")
            continue
        yield {"file": name, "label": (template or label).replace("[", "").replace("]", ""), "caption": label}


def _msr_vtt(told: Any) -> Iterator[Row]:
    """A row for each sentence about a film; its category is a number."""
    films, problems = _by_key(told["videos"], "video_id")
    yield from problems
    sentences = defaultdict[Key, list[str]](list)
    for number, entry in enumerate(told["sentences"], 1):
        key = _key(entry.get("video_id")) if isinstance(entry, dict) else None
        if key not in films:
            yield Problem(what=f"Sentence {number} is of no video in the list.")
        elif words := cell_text(entry.get("caption")):
            sentences[key].append(words)
        else:
            yield Problem(what=f"Sentence {number} has no words.")
    for key, entry in films.items():
        label, split = cell_text(entry.get("category")), entry.get("split", "")
        for words in sentences[key] or [""]:
            yield {"file": str(key), "label": label, "caption": words, "split": split}


def _coco(told: Any) -> Iterator[Row]:
    """A film with its events, which are told apart from it and refer to it by number."""
    if not all(isinstance(told.get(name), list) for name in ("annotations", "categories")):
        yield Problem(what="Its annotations and its categories are not two lists.")
        return
    (films, odd), (called, strange) = _by_key(told["videos"], "id"), _by_key(told["categories"], "id")
    yield from (*odd, *(replace(problem, what=f"Categories: {problem.what}") for problem in strange))
    events = defaultdict[Key, list[Mapping[str, Any]]](list)
    for number, mark in enumerate(told["annotations"], 1):
        film = _key(mark.get("video_id")) if isinstance(mark, dict) else None
        if film not in films:
            yield Problem(what=f"Annotation {number} is of no video in the list.")
            continue
        label = called.get(_key(mark.get("category_id")), {}).get("name")
        event = _event(label, mark.get("segment") or [mark.get("start"), mark.get("end")])
        if event is None:
            yield Problem(what=f"Annotation {number} has no start, end and category that can be read.")
        else:
            events[film].append(event)
    for key, entry in films.items():
        name = cell_name(entry.get("file_name")) or cell_name(entry.get("name")) or str(key)
        yield {"file": name, "split": entry.get("split", ""), "events": events[key]}


Key = str | int | None


def _key(value: Any) -> Key:
    """What entries refer to each other by; None where it is none."""
    return value if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _objects(entries: Iterable[Any]) -> Iterator[dict[str, Any]]:
    return (entry for entry in entries if isinstance(entry, dict))


def _by_key(entries: Sequence[Any], name: str) -> tuple[dict[Key, dict[str, Any]], list[Problem]]:
    """Entries by what others refer to them by, the first of each; and what is wrong with the rest."""
    found, problems = dict[Key, dict[str, Any]](), list[Problem]()
    for number, entry in enumerate(entries, 1):
        key = _key(entry.get(name)) if isinstance(entry, dict) else None
        if key is None:
            problems.append(Problem(what=f"Entry {number} has no {name} that others could refer to."))
        elif key in found:
            problems.append(Problem(what=f"Entry {number} has the {name} {str(key)[:80]!r} as one before has."))
        else:
            found[key] = entry
    return found, problems


def _event(label: Any, segment: Any) -> Mapping[str, Any] | None:
    """When and what; None where one of both cannot be read."""
    span, words = _span(segment), cell_text(label)
    return {"start": span[0], "end": span[1], "label": words} if span is not None and words else None


def _span(value: Any) -> tuple[float, float] | None:
    """Start and end, the end behind the start; None where they are no such numbers."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in value):
        return None
    try:
        start, end = map(float, value)
    except OverflowError:
        return None
    return (start, end) if 0 <= start < end < float("inf") else None


def _odd(name: str) -> Problem:
    return Problem(what=f"The entry {str(name)[:80]!r} is not written as the others are.")
