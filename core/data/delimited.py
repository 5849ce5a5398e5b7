"""Tables with a separator, row by row: CSV with quotation marks (RFC 4180), TSV without (a tab cannot be quoted).

A quotation mark that is never closed would swallow every row up to the next one, or to the end. A quoted cell may run over
lines only where it ends as a quoted cell must and the lines inside are not rows themselves; else the line is read alone,
its quotation mark as a letter, and that is said.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.problems import Problem, refuse

MOST_LINE = 2**20  # characters
MOST_LINES = 200  # that one quoted cell may run over
_NAME = re.compile(r"[^\s]\.\w{2,5}")  # a file's name

Line = tuple[int, Mapping[str, Any] | Problem]
csv.field_size_limit(2 * MOST_LINE)


@dataclass(frozen=True, kw_only=True)
class Form:
    """How cells are told apart."""

    delimiter: str
    quotes: bool


def rows(text: io.TextIOBase, *, is_tsv: bool) -> Iterator[Line]:
    """Line numbers with rows by column, or with the Problem of a row that is odd; a warning comes before its row.

    Raises Refused where the first line names no columns, or one twice.
    """
    lines = _Lines(text)
    _skip_notes(lines)
    first = lines.take()
    if first is None:
        return
    form = Form(delimiter="\t" if is_tsv else _delimiter(first), quotes=not is_tsv)
    lines.give_back(first)
    names: list[str] = []
    while (line := lines.take()) is not None:
        number = lines.number
        cells, problem = _record(line, lines, form, names)
        if problem is not None:
            yield number, problem
        if cells is None or not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = _names(cells)
        elif len(cells) != len(names):
            yield (
                number,
                Problem(
                    what=f"Line {number} has another number of columns than the first: {len(cells)}, not {len(names)}."
                ),
            )
        elif any("\0" in cell for cell in cells):
            yield number, Problem(what=f"Line {number} holds a NUL character.")
        else:
            yield number, {name: cell for name, cell in zip(names, cells) if name}


def _skip_notes(lines: _Lines) -> None:
    """Past several lines that begin with ``#``; the last names the columns where it has some and cells follow, as in AudioSet."""
    notes = []
    while (line := lines.take()) is not None and re.match(r"#\s*\w", line):
        notes.append(line)
    if line is None:
        return
    lines.give_back(line)
    delimiter = _delimiter(line)
    if len(notes) > 1 and 0 < notes[-1].count(delimiter) <= line.count(delimiter):
        lines.give_back(notes[-1].lstrip("# "))
    elif len(notes) == 1:
        lines.give_back(*notes)


class _Lines:
    """Lines with their number; some can be given back."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text, self._ahead, self.number = text, deque[str](), 0

    def take(self) -> str | None:
        line = self._ahead.popleft() if self._ahead else self._text.readline(MOST_LINE + 1)
        if not line:
            return None
        self.number += 1
        if len(line) > MOST_LINE:
            raise refuse(f"Line {self.number} of the table is longer than a million characters.")
        return line

    def give_back(self, *lines: str) -> None:
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)


def _names(cells: Sequence[str]) -> list[str]:
    names = [" ".join(cell.replace("\0", "").split()) for cell in cells]
    twice = next((name for place, name in enumerate(names) if name and name in names[:place]), None)
    if twice is not None:
        raise refuse(
            f"The table has two columns named {twice!r}, so it does not say which one is meant.",
            hint="Rename one of them.",
        )
    return names


def _delimiter(first: str) -> str:
    return max(",;\t|", key=first.count)


def _record(line: str, lines: _Lines, form: Form, names: Sequence[str]) -> tuple[list[str] | None, Problem | None]:
    """The cells of the row that begins with ``line``, and what is odd about it."""
    number = lines.number
    if not form.quotes or '"' not in line:
        return line.rstrip("\r\n").split(form.delimiter), None
    state = _after(line, form, is_open=False)
    if state == "closed":
        return _cells(line, form), None
    taken: list[str] = []
    while state == "open" and len(taken) < MOST_LINES and (more := lines.take()) is not None:
        taken.append(more)
        state = _after(more, form, is_open=True)
    if state == "closed" and not _are_rows(taken, line, form, names):
        return _cells(line + "".join(taken), form), None
    lines.give_back(*taken)
    alone = [_unquoted(cell.strip()) for cell in line.rstrip("\r\n").split(form.delimiter)]
    if names and len(alone) != len(names):
        return None, Problem(what=f"Line {number} has a stray quotation mark and was left out.")
    return alone, Problem(
        what=f"Line {number} has a stray quotation mark; it was read as a line of its own.",
        severity="warning",
    )


def _cells(record: str, form: Form) -> list[str]:
    return next(csv.reader(io.StringIO(record, newline=""), delimiter=form.delimiter, skipinitialspace=True))


def _after(line: str, form: Form, *, is_open: bool) -> str:
    """Whether a quoted cell is ``open`` or ``closed`` at the end of a line, or ``broken``: letters follow its end."""
    place, text = 0, line.rstrip("\r\n")
    while True:
        if is_open:
            place = text.find('"', place)
            if place < 0:
                return "open"
            if text[place + 1 : place + 2] == '"':
                place += 2
                continue
            is_open, rest = False, text[place + 1 :].lstrip(" ")
            if rest and not rest.startswith(form.delimiter):
                return "broken"
            if not rest:
                return "closed"
            place = len(text) - len(rest) + 1
        else:
            while text[place : place + 1] == " ":
                place += 1
            if text[place : place + 1] == '"':
                is_open, place = True, place + 1
                continue
            place = text.find(form.delimiter, place) + 1
            if place == 0:
                return "closed"


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1]
    return cell[1:] if cell.startswith('"') else cell


def _are_rows(taken: Sequence[str], first: str, form: Form, names: Sequence[str]) -> bool:
    """Whether lines inside a quoted cell are rows: as many cells, with a file's name where the first line has one."""
    begun, many = first.split(form.delimiter), [line.split(form.delimiter) for line in taken]
    fitting = [cells for cells in many if len(cells) == len(names) > 1]
    places = [place for place, cell in enumerate(begun) if _NAME.search(cell)]
    if not places:
        return len(many) > 1 and len(fitting) == len(many)
    return any(
        _ending(cells[place]) == _ending(begun[place]) for cells in fitting for place in places if place < len(cells)
    )


def _ending(cell: str) -> str:
    return cell.rpartition(".")[2].strip() if _NAME.search(cell) else ""
