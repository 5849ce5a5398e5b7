"""Subtitles beside a film: SubRip (SRT) and WebVTT, each cue a span of time with its words.

Read here line by line, for FFmpeg's readers say nothing of what they leave out: of WebVTT all that follows one wrong time, while in SRT
the lines of a broken cue become words of the one before. Here a broken cue costs itself, and is told.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.data.clips import Mark
from core.telemetry.spans import Span

ENDINGS = (".srt", ".vtt")
ARROW = "-->"
_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>|<\d[\d:.]*>|\{\\[^}]*\}")  # <i>, <v Ann>, <00:00:02.000>, {\an8}
_ASIDE = ("WEBVTT", "NOTE", "STYLE", "REGION")


@dataclass(frozen=True, kw_only=True)
class Cues:
    """What is said when, and a sentence for each cue that cannot be read."""

    marks: tuple[Mark, ...]
    problems: tuple[str, ...]


def cues(text: str) -> Cues:
    """Of a whole file, in the order of time; cues without words are left out."""
    marks, problems = list[Mark](), list[str]()
    for number, times, words in _parts(text.splitlines()):
        span = _span(times)
        if span is None:
            problems.append(f"line {number} has no start and end that can be read")
        elif label := _plain(words):
            marks.append(Mark(span=span, label=label))
    return Cues(marks=tuple(sorted(marks)), problems=tuple(problems))


def _parts(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Each line of times with its number and the lines of words under it."""
    begins = [place for place, line in enumerate(lines) if ARROW in line and not _is_aside(lines, place)]
    for place, following in zip(begins, [*begins[1:], len(lines)]):
        words = list[str]()
        for line in lines[place + 1 : following]:
            if not line.strip():
                break
            words.append(line)
        else:  # no empty line before the next cue: the last one is its number
            if following < len(lines) and words and words[-1].strip().isdecimal():
                words.pop()
        yield place + 1, lines[place], words


def _is_aside(lines: list[str], place: int) -> bool:
    """Whether a line belongs to a note or a style, which begin behind an empty line."""
    while place > 0 and lines[place - 1].strip():
        place -= 1
    first = lines[place].split(maxsplit=1)
    return bool(first) and first[0] in _ASIDE


def _span(times: str) -> Span | None:
    start, end = (part.split() for part in times.split(ARROW, 1))
    found = [_TIME.fullmatch(part) for part in (*start[-1:], *end[:1])]
    if len(found) != 2 or None in found or len(start) != 1:
        return None
    first, last = (_seconds(match) for match in found if match is not None)
    return Span(start=first, end=last) if first < last else None


def _seconds(time: re.Match[str]) -> float:
    hours, minutes, seconds, part = time.groups()
    return (int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)) + int(part.ljust(3, "0")) / 1000


def _plain(lines: list[str]) -> str:
    return " ".join(html.unescape(_TAG.sub("", " ".join(lines))).split())
