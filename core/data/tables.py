"""Tables of captions: JSON lines, CSV or TSV, row by row; a bad row is told by its line and left out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from core.data.delimited import MOST_LINE, Line, rows
from core.data.paths import inside
from core.problems import Problem, refuse
from core.texts import printable, seen

MOST_BYTES = 2**30
ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv")
HEAD = 200  # lines that are looked at for a preview
MOST_COLUMNS = 100
MOST_CELL = 200  # characters of a cell in a preview
_FIRST = ("captions", "labels", "metadata", "data")


def find_table(folder: Path) -> Path:
    """The table of a folder: captions.jsonl before labels.jsonl before any other. Raises Refused where there is none."""
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
    if not found:
        raise refuse(
            f"There is no table in {folder.name!r}.", hint="Put a captions.jsonl or captions.csv beside the images."
        )
    return min(found, key=lambda file: (_FIRST.index(file.stem) if file.stem in _FIRST else len(_FIRST), file.name))


def read_table(file: Path) -> Iterator[Line]:
    """Line numbers with their rows, or with the Problem of a row that cannot be read. Raises Refused."""
    if not file.is_file():  # a device or a pipe would be read without end
        raise refuse(f"The table {file.name!r} is no regular file.", hint="Choose another.")
    if file.stat().st_size > MOST_BYTES:
        raise refuse(f"The table {file.name!r} has more than a gibibyte.")
    is_json = file.suffix.lower() in (".jsonl", ".ndjson")
    try:
        with file.open(encoding="utf-8-sig", errors="strict", newline="") as text:
            yield from _json_lines(text) if is_json else rows(text, is_tsv=file.suffix.lower() == ".tsv")
    except UnicodeDecodeError as error:
        raise refuse(f"The table {file.name!r} is not UTF-8 text.", hint="Save it as UTF-8.") from error


@dataclass(frozen=True, kw_only=True)
class TableHead:
    """The beginning of a table: what a person picks columns from."""

    name: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()  # of the cells as words, in the order of the columns


def table_head(root: Path, name: str = "", *, lines: int = HEAD, most_rows: int = 5) -> TableHead:
    """Columns that the first ``lines`` have, and the first rows. Raises Refused where there is no table or no row."""
    table = inside(root, name) if name else find_table(root)
    found = [row for _, row in islice(read_table(table), lines) if not isinstance(row, Problem)]
    columns = tuple(dict.fromkeys(column for row in found for column in row))[:MOST_COLUMNS]
    if not columns:
        raise refuse(f"The table {table.name!r} has no readable row.")
    rows = tuple(tuple(cell_text(row.get(column))[:MOST_CELL] for column in columns) for row in found[:most_rows])
    return TableHead(name=printable(table.name), columns=columns, rows=rows)


def _json_lines(text: io.TextIOBase) -> Iterator[Line]:
    number = 0
    while line := text.readline(MOST_LINE + 1):
        number += 1
        if len(line) > MOST_LINE:
            raise refuse(f"Line {number} of the table is longer than a million characters.")
        if line.strip():
            yield number, _object(number, line)


def _object(number: int, line: str) -> Mapping[str, Any] | Problem:
    try:
        row = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_named_once)
    except _Twice as twice:
        return Problem(what=f"Line {number} has two columns named {str(twice)!r}.")
    except (ValueError, RecursionError):
        return Problem(what=f"Line {number} is not valid JSON.")
    return row if isinstance(row, dict) else Problem(what=f"Line {number} is not an object with columns.")


class _Twice(Exception):
    """A name that an object has twice."""


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def pick_column(wanted: str, names: Sequence[str], usual: Sequence[str], what: str) -> str:
    """The column called ``wanted``, or the first usual name there is; empty where there is none.

    Raises Refused where a named column is missing.
    """
    if wanted:
        if wanted not in names:
            raise refuse(
                f"The table has no column {wanted!r} for the {what}.",
                hint=f"It has: {', '.join(map(str, names))[:300]}.",
            )
        return wanted
    by_lower: dict[str, list[str]] = {}
    for name in names:
        by_lower.setdefault(name.lower(), []).append(name)
    found = next((by_lower[name] for name in usual if name in by_lower), [""])
    if len(found) > 1:
        raise refuse(
            f"The table has several columns that could be the {what}: {', '.join(found)}.",
            hint="Name one of them in the settings.",
        )
    return found[0]


def cell_name(value: Any) -> str:
    """A cell as a file's name: a file may be called 0; nothing, yes and no are no names."""
    return "" if value is None or isinstance(value, bool | dict | list) else str(value).strip()


def cell_text(value: Any) -> str:
    """A cell as words: a list becomes ``a, b, c``; nothing and nested objects become an empty text."""
    if isinstance(value, str):
        return " ".join(seen(printable(value)).split())
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := cell_text(item)))
    return "" if value is None or isinstance(value, dict | bool) else str(value)
