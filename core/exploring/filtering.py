"""Filters as a person writes them: ``r@10 > 0.4 and batch_size in (32, 64) and name ~ "clip"``. Read by hand, never evaluated.

Comparisons are ``= != < <= > >=``, ``~`` (contains) and ``!~``, ``in (…)`` and ``not in (…)``, ``is missing``; they are joined by
``and``, ``or``, ``not`` and brackets. ``last(…)``, ``best(…)`` and ``at(…, step)`` say which value of a figure is meant. What a
run lacks fits no comparison but ``is missing`` and ``!=``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from core.exploring.fields import Field, Known, Value, Which
from core.exploring.tokens import Misread, Token, tokens
from core.problems import Refused

MOST_CHARACTERS, DEEPEST = 2000, 32
Relation = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~"]
RELATIONS: tuple[Relation, ...] = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")
FLIPPED: dict[str, Relation] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
WHICH: tuple[Which, ...] = ("last", "best", "at")
SWITCHED = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%m-%d", "%H:%M")

Look = Callable[[Field], Value]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A field against one value, or against several of which one must fit."""

    field: Field
    relation: Relation
    values: tuple[Value, ...]

    def holds(self, look: Look) -> bool:
        """Whether it is true of the run that is looked at."""
        found = look(self.field)
        if self.relation in ("!=", "!~"):
            return all(not _fits(found, "=" if self.relation == "!=" else "~", value) for value in self.values)
        return any(_fits(found, self.relation, value) for value in self.values)

    def fields(self) -> Iterator[Field]:
        """What must be known of a run."""
        yield self.field


@dataclass(frozen=True, kw_only=True)
class Present:
    """Whether a field is there at all, or (``on``) switched on."""

    field: Field
    on: bool = False

    def holds(self, look: Look) -> bool:
        """Whether it is true of the run that is looked at."""
        found = look(self.field)
        if self.on:
            return bool(found) and found == found
        return found is not None and found == found and found not in ("", ())

    def fields(self) -> Iterator[Field]:
        """What must be known of a run."""
        yield self.field


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Several conditions: all, one, or none of them."""

    how: Literal["and", "or", "not"]
    parts: tuple[Condition, ...]

    def holds(self, look: Look) -> bool:
        """Whether it is true of the run that is looked at."""
        if self.how == "and":
            return all(part.holds(look) for part in self.parts)
        return any(part.holds(look) for part in self.parts) is (self.how == "or")

    def fields(self) -> Iterator[Field]:
        """What must be known of a run."""
        for part in self.parts:
            yield from part.fields()


Condition = Comparison | Present | Joined


def read_filter(text: str, known: Known) -> Condition | None:
    """The condition that a text writes; None for an empty one. Raises Misread, which knows where."""
    if len(text) > MOST_CHARACTERS:
        raise Misread(
            text[:60], 0, 1, what=f"The filter is longer than {MOST_CHARACTERS:,} characters.", hint="Make it shorter."
        )
    if not text.strip():
        return None
    return _Reader(text, known).whole()


class _Reader:
    """Goes through the tokens once, one rule of the grammar a method."""

    def __init__(self, text: str, known: Known) -> None:
        self._text, self._known = text, known
        self._tokens = tokens(text)
        self._place = self._depth = 0

    def whole(self) -> Condition:
        """The condition, and nothing behind it."""
        found = self._either()
        if self._now.kind != "end":
            raise self._wrong(
                what=f"“{self._now.text}” is not expected here.", hint="Join conditions by “and” or “or”."
            )
        return found

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._now
        self._place += token.kind != "end"
        return token

    def _is(self, *words: str) -> bool:
        return self._now.kind in ("word", "sign") and self._now.text.lower() in words

    def _either(self) -> Condition:
        return self._row("or", self._both)

    def _both(self) -> Condition:
        return self._row("and", self._one)

    def _row(self, how: Literal["and", "or"], part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._is(how):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(how=how, parts=tuple(parts))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(what="The filter is nested too deep.", hint=f"At most {DEEPEST} levels are read.")
        try:
            if self._is("not"):
                self._take()
                return Joined(how="not", parts=(self._one(),))
            if self._is("("):
                return self._bracket()
            return self._comparison()
        finally:
            self._depth -= 1

    def _bracket(self) -> Condition:
        opened = self._take()
        found = self._either()
        if not self._is(")"):
            raise Misread(self._text, opened.at, 1, what="This bracket is not closed.", hint="Write “)” where it ends.")
        self._take()
        return found

    def _comparison(self) -> Condition:
        if self._now.kind == "number":
            return self._backwards()
        field = self._field()
        if self._is("in"):
            self._take()
            return Comparison(field=field, relation="=", values=self._list(field))
        if self._is("not"):
            self._take()
            if not self._is("in"):
                raise self._wrong(what="Behind a name “not” goes with “in”.", hint="Write “name not in (1, 2)”.")
            self._take()
            return Comparison(field=field, relation="!=", values=self._list(field))
        if self._is("is"):
            return self._missing(field)
        if self._now.kind == "sign" and self._now.text in RELATIONS:
            return self._compared(field)
        return Present(field=field, on=True)

    def _compared(self, field: Field) -> Condition:
        sign = self._take()
        relation: Relation = sign.text  # type: ignore[assignment]
        at = self._now
        value = self._value(field)
        if relation in ("<", "<=", ">", ">=") and not isinstance(value, float):
            raise Misread(
                self._text,
                at.at,
                len(at.text),
                what=f"“{sign.text}” compares numbers; “{at.text}” is none.",
                hint="Write a number.",
            )
        return Comparison(field=field, relation=relation, values=(value,))

    def _backwards(self) -> Condition:
        """``0.2 < r@10 <= 0.4``: a number first, and perhaps another one last."""
        token = self._take()
        if not (self._now.kind == "sign" and self._now.text in FLIPPED):
            raise self._wrong(what="Behind a number a comparison is expected.", hint="Write “0.4 < r@10”.")
        relation = FLIPPED[self._take().text]
        field = self._field()
        first = Comparison(field=field, relation=relation, values=(token.number,))
        if self._now.kind == "sign" and self._now.text in FLIPPED:
            return Joined(how="and", parts=(first, self._compared(field)))
        return first

    def _missing(self, field: Field) -> Condition:
        self._take()
        denied = self._is("not")
        if denied:
            self._take()
        if not self._is("missing"):
            raise self._wrong(
                what="Behind “is” only “missing” or “not missing” is expected.", hint="For a value write “=”."
            )
        self._take()
        present = Present(field=field)
        return present if denied else Joined(how="not", parts=(present,))

    def _field(self) -> Field:
        token = self._take()
        if token.kind not in ("word", "name"):
            what = "The filter ends where a name is expected." if token.kind == "end" else f"“{token.text}” is no name."
            hint = "Write a setting or a figure, such as batch_size or r@10."
            raise Misread(self._text, token.at, max(1, len(token.text)), what=what, hint=hint)
        if token.kind == "word" and token.text.lower() in WHICH and self._is("("):
            return self._figure(token.text.lower())  # type: ignore[arg-type]
        return self._found(token, None, 0)

    def _figure(self, which: Which) -> Field:
        self._take()
        name = self._take()
        step = 0
        if which == "at":
            if not self._is(","):
                raise self._wrong(what="“at” wants a figure and a step.", hint="Write “at(loss, 500)”.")
            self._take()
            if self._now.kind != "number" or not self._now.number.is_integer() or self._now.number < 0:
                raise self._wrong(what=f"“{self._now.text}” is no step.", hint="Write “at(loss, 500)”.")
            step = int(self._take().number)
        if not self._is(")"):
            raise self._wrong(what="This bracket is not closed.", hint="Write “)” where it ends.")
        self._take()
        return self._found(name, which, step)

    def _found(self, token: Token, which: Which | None, step: int) -> Field:
        try:
            return self._known.find(token.text, which, step)
        except Refused as refused:
            problem = refused.problems[0]
            raise Misread(self._text, token.at, token.length, what=problem.what, hint=problem.hint) from None

    def _list(self, field: Field) -> tuple[Value, ...]:
        if not self._is("("):
            raise self._wrong(what="Behind “in” a list is expected.", hint="Write “in (32, 64)”.")
        self._take()
        values = [self._value(field)]
        while self._is(","):
            self._take()
            values.append(self._value(field))
        if not self._is(")"):
            raise self._wrong(what="This list is not closed.", hint="Write “)” where it ends.")
        self._take()
        return tuple(values)

    def _value(self, field: Field) -> Value:
        token = self._take()
        if token.kind == "number":
            return token.number
        if token.kind not in ("text", "word", "name"):
            what = (
                "The filter ends where a value is expected." if token.kind == "end" else f"“{token.text}” is no value."
            )
            raise Misread(
                self._text, token.at, max(1, len(token.text)), what=what, hint="Write a number, or text between quotes."
            )
        if field.name == "started" and field.kind == "fact":
            return self._date(token)
        if token.kind == "word" and token.text.lower() in SWITCHED:
            return SWITCHED[token.text.lower()]
        return token.text

    def _date(self, token: Token) -> float:
        now = time.localtime()
        for form in DATES:
            try:
                found = time.strptime(token.text, form)
            except ValueError:
                continue
            year = found.tm_year if "%Y" in form else now.tm_year
            day = (year, found.tm_mon, found.tm_mday) if "%d" in form else now[:3]
            return time.mktime((*day, found.tm_hour, found.tm_min, 0, 0, 0, -1))
        raise Misread(
            self._text, token.at, token.length, what=f"“{token.text}” is no date.", hint="Write “2026-11-30”."
        )

    def _wrong(self, *, what: str, hint: str) -> Misread:
        return Misread(self._text, self._now.at, self._now.length, what=what, hint=hint)


def _fits(found: Value, relation: str, wanted: Value) -> bool:
    if isinstance(found, tuple):
        return any(_fits(one, relation, wanted) for one in found)
    if found is None or (isinstance(found, float) and math.isnan(found)):
        return False
    if relation == "~":
        return _text(wanted) in _text(found)
    if isinstance(found, bool) or isinstance(wanted, bool):
        return relation == "=" and isinstance(found, bool) and _truth(wanted) == found
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return {
            "=": found == wanted or math.isclose(found, wanted, rel_tol=1e-9), "<": found < wanted,
            "<=": found <= wanted, ">": found > wanted, ">=": found >= wanted,
        }[relation]  # fmt: skip
    return relation == "=" and _text(found) == _text(wanted)


def _truth(value: Value) -> Value:
    return SWITCHED.get(value.lower(), value) if isinstance(value, str) else bool(value) if value in (0, 1) else value


def _text(value: Value) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).casefold()
