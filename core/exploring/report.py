"""A written report: text in Markdown between figures that were pinned, each with the runs, steps and data it was taken from.

It is kept as JSON; what is read is bounded and checked. How it leaves: :mod:`core.exploring.pages`.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from core.problems import refuse

FORMAT = "crossmodal-studio report"
MOST_BYTES, MOST_PARTS, MOST_LETTERS, MOST_SOURCES = 64 << 20, 300, 100_000, 40
PNG = b"\x89PNG\r\n\x1a\n"
HINT = "Choose a report that the studio wrote."


@dataclass(frozen=True, kw_only=True)
class Source:
    """A run that a figure shows."""

    run: str  # uid
    name: str = ""
    step: int = 0  # at which it stood when the figure was pinned
    data: str = ""  # fingerprint of what it learned from


@dataclass(frozen=True, kw_only=True)
class Text:
    """A piece of writing."""

    markdown: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A view as it was when it was pinned."""

    caption: str
    png: bytes
    sources: tuple[Source, ...] = ()
    more: int = 0  # runs beyond those that are told
    pinned: str = ""  # when, in words


Part = Text | Figure


@dataclass(frozen=True, kw_only=True)
class Report:
    """Parts from top to bottom."""

    title: str = ""
    parts: tuple[Part, ...] = ()


def dumped(report: Report) -> str:
    """The report as a file; :func:`loaded` is its inverse."""
    return json.dumps(
        {"format": FORMAT, "version": 1, "title": report.title, "parts": [_data(part) for part in report.parts]}
    )


def _data(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.markdown}
    sources = [[one.run, one.name, one.step, one.data] for one in part.sources]
    return {
        "figure": base64.b64encode(part.png).decode("ascii"), "caption": part.caption, "sources": sources, "more": part.more,
        "pinned": part.pinned,
    }  # fmt: skip


def loaded(text: str) -> Report:
    """The report of a file. Raises Refused for anything else."""
    if len(text) > MOST_BYTES:
        raise refuse("This file is too large for a report.", hint=HINT)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise refuse("This file holds no report.", hint=HINT) from None
    parts = data.get("parts") if isinstance(data, dict) and data.get("format") == FORMAT else None
    if not isinstance(parts, list) or len(parts) > MOST_PARTS:
        raise refuse("This file holds no report.", hint=HINT)
    return Report(title=_text(data.get("title")), parts=tuple(_part(part) for part in parts))


def _part(data: Any) -> Part:
    if isinstance(data, dict) and isinstance(data.get("text"), str):
        return Text(markdown=data["text"][:MOST_LETTERS])
    try:
        png = base64.b64decode(data["figure"], validate=True)
    except (TypeError, KeyError, ValueError, binascii.Error):
        png = b""
    if not png.startswith(PNG):
        raise refuse("A figure of this report is damaged.", hint=HINT)
    rows = data.get("sources") if isinstance(data.get("sources"), list) else []
    more = data.get("more")
    return Figure(
        caption=_text(data.get("caption")), png=png, sources=tuple(filter(None, map(_source, rows[:MOST_SOURCES]))),
        more=more if isinstance(more, int) and not isinstance(more, bool) and more > 0 else 0, pinned=_text(data.get("pinned")),
    )  # fmt: skip


def _source(row: Any) -> Source | None:
    if not isinstance(row, list) or len(row) != 4 or not isinstance(row[2], int):
        return None
    run, name, step, data = row
    return Source(run=_text(run), name=_text(name), step=step, data=_text(data))


def _text(value: Any) -> str:
    return value[:2000] if isinstance(value, str) else ""
