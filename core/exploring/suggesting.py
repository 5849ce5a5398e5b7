"""What may stand at a place of a filter: names, signs, values that runs have. The person goes on where a word is begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.exploring.fields import Field, Known, Value, quoted
from core.exploring.filtering import RELATIONS
from core.exploring.tokens import Misread, Token, tokens
from core.problems import Refused

MOST = 12
JOINS = ("and", "or")


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A text that replaces ``start`` to ``end`` of the filter."""

    text: str
    start: int
    end: int


def suggestions(
    text: str, at: int, known: Known, values_of: Callable[[Field], Sequence[Value]]
) -> list[Suggestion]:  # fmt: skip
    """At a place of the text, the likeliest first. ``values_of`` gives the values that runs have of a field."""
    before = text[:at]
    try:
        found = [token for token in tokens(before) if token.kind != "end"]
    except Misread:
        return []
    is_begun = bool(found) and found[-1].kind in ("word", "name", "number") and not before[-1:].isspace()
    begun = found.pop() if is_begun else None
    word, start = (begun.text, begun.at) if begun else ("", at)
    words = _possible(found, word, known, values_of)
    return [Suggestion(text=each, start=start, end=at) for each in words if each != word][:MOST]


def _possible(
    found: Sequence[Token], word: str, known: Known, values_of: Callable[[Field], Sequence[Value]]
) -> list[str]:  # fmt: skip
    last = found[-1] if found else None
    if last is None or last.text.lower() in (*JOINS, "not") or (last.text == "(" and not _in_list(found)):
        return _names(word, known)
    if last.kind == "sign" and last.text in (*RELATIONS, "(", ","):
        field = _field_before(found, known)
        return _values(word, values_of(field)) if field is not None else []
    if last.kind in ("number", "text", "sign") or (len(found) > 1 and found[-2].text in RELATIONS):
        return [each for each in JOINS if each.startswith(word.lower())]
    signs = [*RELATIONS, "in (", "not in (", "is missing"]
    return [each for each in signs if each.startswith(word.lower())] + [
        each for each in JOINS if word and each.startswith(word)
    ]


def _in_list(found: Sequence[Token]) -> bool:
    return len(found) > 1 and found[-2].text.lower() == "in"


def _names(word: str, known: Known) -> list[str]:
    wanted = word.casefold()
    every = known.every()
    first = [name for name in every if name.casefold().startswith(wanted)]
    ends = [name for name in every if any(part.startswith(wanted) for part in _parts(name))]
    inside = [name for name in every if wanted in name.casefold()]
    return [quoted(name) for name in dict.fromkeys((*first, *ends, *inside))]


def _parts(name: str) -> list[str]:
    return name.casefold().replace("/", ".").split(".")[1:]


def _field_before(found: Sequence[Token], known: Known) -> Field | None:
    """The nearest name to the left that is not itself a value."""
    for token in reversed(found):
        if token.kind in ("word", "name") and token.text.lower() not in ("in", "not", *JOINS):
            try:
                return known.find(token.text)
            except Refused:
                continue
    return None


def _values(word: str, values: Sequence[Value]) -> list[str]:
    texts = list(dict.fromkeys(written(value) for value in values if value is not None and value != ()))
    return [text for text in texts if word.casefold() in text.casefold()]


def written(value: Value) -> str:
    """A value as a filter reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:g}"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return f'"{text}"'
