"""JSON files that describe a whole set of videos, as the field writes them, read as rows of a table.

ActivityNet (its database of segments, and its captions, arXiv:1705.00754), Kinetics, Something-Something (arXiv:1706.04261), MSR-VTT,
and segments in the form of COCO: videos, annotations and categories that refer to each other. Which it is, is told by its shape.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.data.delimited import Line
from core.data.tables import MOST_BYTES, read_table
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
    try:
        told = json.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refuse(f"The list {file.name!r} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except (ValueError, RecursionError):
        return ((0, Problem(what=f"The list {file.name!r} is not valid JSON.", severity="warning")),)
    form = form_of(told)
    return tuple(enumerate(form(told), 1)) if form is not None else ()


Row = Mapping[str, Any] | Problem
Form = Callable[[Any], Iterator[Row]]


def form_of(told: Any) -> Form | None:
    """How a list is written; None where it is none that is known."""
    if isinstance(told, list):
        first = next((entry for entry in told if isinstance(entry, dict)), {})
        return _something if "id" in first and ("template" in first or "label" in first) else None
    if not isinstance(told, dict):
        return None
    if isinstance(told.get("database"), dict):
        return _activity_net
    if isinstance(told.get("videos"), list):
        return _msr_vtt if isinstance(told.get("sentences"), list) else _coco if "annotations" in told else None
    first = next((entry for entry in told.values() if isinstance(entry, dict)), {})
    if "timestamps" in first and "sentences" in first:
        return _dense_captions
    return _kinetics if isinstance(first.get("annotations"), dict) else None


def _activity_net(told: Any) -> Iterator[Row]:
    """A film with its events; those of the test have none."""
    for name, entry in told["database"].items():
        if not isinstance(entry, dict):
            yield _odd(name)
            continue
        events = list[Mapping[str, Any]]()
        for number, mark in enumerate(entry.get("annotations") or (), 1):
            span = _span(mark.get("segment")) if isinstance(mark, dict) else None
            if span is None:
                yield _no_times(number, name)
            else:
                events.append({"start": span[0], "end": span[1], "label": mark.get("label", "")})
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
            yield (
                _no_times(number, name)
                if span is None
                else {"file": name, "start": span[0], "end": span[1], "caption": words}
            )


def _kinetics(told: Any) -> Iterator[Row]:
    """As its csv: a film on the web, from when to when, and what is done."""
    for name, entry in told.items():
        mark = entry.get("annotations") if isinstance(entry, dict) else None
        span = _span(mark.get("segment")) if isinstance(mark, dict) else None
        if mark is None or span is None:
            yield _odd(name)
            continue
        yield {
            "label": mark.get("label", ""), "youtube_id": name, "time_start": span[0], "time_end": span[1],
            "split": entry.get("subset", ""),
        }  # fmt: skip


def _something(told: Any) -> Iterator[Row]:
    """The template without its brackets is the class, what was done is the caption."""
    for number, entry in enumerate(told, 1):
        if not isinstance(entry, dict) or entry.get("id") in (None, ""):
            yield Problem(what=f"Entry {number} names no video.")
            continue
        template = str(entry.get("template") or entry.get("label") or "")
        yield {
            "file": str(entry["id"]), "label": template.replace("[", "").replace("]", ""), "caption": entry.get("label", ""),
        }  # fmt: skip


def _msr_vtt(told: Any) -> Iterator[Row]:
    """A row for each sentence about a film; its category is a number."""
    sentences = defaultdict[Any, list[str]](list)
    known = {entry.get("video_id") for entry in told["videos"] if isinstance(entry, dict)}
    for number, entry in enumerate(told["sentences"], 1):
        if not isinstance(entry, dict) or entry.get("video_id") not in known or not entry.get("caption"):
            yield Problem(what=f"Sentence {number} is of no video in the list.")
        else:
            sentences[entry["video_id"]].append(entry["caption"])
    for number, entry in enumerate(told["videos"], 1):
        if not isinstance(entry, dict) or not entry.get("video_id"):
            yield Problem(what=f"Entry {number} names no video.")
            continue
        for words in sentences[entry["video_id"]] or [""]:
            yield {
                "file": entry["video_id"], "label": str(entry.get("category", "")), "caption": words, "split": entry.get("split", ""),
            }  # fmt: skip


def _coco(told: Any) -> Iterator[Row]:
    """A film with its events, which are told apart from it and refer to it by number."""
    called = {entry.get("id"): entry.get("name", "") for entry in told.get("categories", ()) if isinstance(entry, dict)}
    films = {entry["id"]: entry for entry in told["videos"] if isinstance(entry, dict) and "id" in entry}
    events = defaultdict[Any, list[Mapping[str, Any]]](list)
    for number, mark in enumerate(told["annotations"], 1):
        film = films.get(mark.get("video_id")) if isinstance(mark, dict) else None
        if film is None:
            yield Problem(what=f"Annotation {number} is of no video in the list.")
            continue
        span = _span(mark.get("segment") or [mark.get("start"), mark.get("end")])
        if span is None or mark.get("category_id") not in called:
            yield Problem(what=f"Annotation {number} has no start, end and category that can be read.")
            continue
        events[film["id"]].append({"start": span[0], "end": span[1], "label": called[mark["category_id"]]})
    for key, film in films.items():
        name = film.get("file_name") or film.get("name") or str(key)
        yield {"file": name, "split": film.get("split", ""), "events": events[key]}


def _span(value: Any) -> tuple[float, float] | None:
    """Start and end, the end behind the start; None where they are no such numbers."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in value):
        return None
    start, end = map(float, value)
    return (start, end) if 0 <= start < end < float("inf") else None


def _odd(name: str) -> Problem:
    return Problem(what=f"The entry {str(name)[:80]!r} is not written as the others are.")


def _no_times(number: int, name: str) -> Problem:
    return Problem(what=f"Annotation {number} of {str(name)[:80]!r} has no start and end that can be read.")
