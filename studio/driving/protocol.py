"""What goes over the socket: JSON lines, bounded. A script says its name first; every request has one answer.

{"id": 1, "name": "hello", "arguments": {"script": "my script"}}
{"id": 2, "name": "edit", "arguments": {"edits": [["set_knob", {"node": "vit", "name": "depth", "value": 2}]]}}
{"id": 2, "value": ...}    or    {"id": 2, "problems": ["sentence", ...]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.problems import refuse
from core.texts import harmless, printable, seen

MOST_BYTES = 1 << 20  # of a request
MOST_ANSWER_BYTES = 32 << 20
LONGEST_NAME = 60  # characters of a script's
DEEPEST = 32  # brackets in brackets


@dataclass(frozen=True, kw_only=True)
class Request:
    """One line of a script."""

    id: int
    name: str
    arguments: Mapping[str, Any]


def request(line: bytes) -> Request:
    """A request from a line. Raises Refused for anything else."""
    try:
        data = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise refuse("A request must be one line of JSON.") from error
    if not isinstance(data, dict) or not {"id", "name"} <= data.keys() <= {"id", "name", "arguments"}:
        raise refuse("A request has an id, a name and arguments.")
    arguments = data.get("arguments", {})
    if not isinstance(data["id"], int) or not isinstance(data["name"], str) or not isinstance(arguments, dict):
        raise refuse("A request's id is a number, its name a word, its arguments are named.")
    if _depth(arguments) > DEEPEST:
        raise refuse(f"A request may be {DEEPEST} brackets deep.")
    return Request(id=data["id"], name=data["name"], arguments=arguments)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _depth(value: Any, so_far: int = 0) -> int:
    if so_far > DEEPEST or not isinstance(value, dict | list):
        return so_far
    parts = value.values() if isinstance(value, dict) else value
    return max((_depth(part, so_far + 1) for part in parts), default=so_far + 1)


def line_of(data: Mapping[str, Any]) -> bytes:
    """One line; a number that is not finite is null."""
    return (
        json.dumps(data, ensure_ascii=False, allow_nan=False, default=str).encode("utf-8", "backslashreplace") + b"\n"
    )


def script_name(text: Any) -> str:
    """What a script calls itself, fit to be shown. Raises Refused."""
    name = harmless(seen(printable(text.strip()))) if isinstance(text, str) else ""
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name:
        raise refuse("A script must say its name.")
    return name
