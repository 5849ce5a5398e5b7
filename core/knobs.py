"""A knob is a configuration field a person may turn: default, help, range, unit, choices.

Configurations are frozen dataclasses whose fields are made with :func:`knob`. Forms, the file format, the command
line's ``--set`` and the checks all follow from them.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from core.problems import Problem, Refused

KnobKind = Literal["integer", "number", "switch", "choice", "text", "file", "folder", "run", "column"]
Value = bool | int | float | str | None
ConfigT = TypeVar("ConfigT")

_META = "knob"
_SWITCH_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, kw_only=True)
class Knob:
    """What a form needs to know about one field; free of classes, so it can be kept as JSON."""

    name: str
    kind: KnobKind
    default: Value
    help: str
    title: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False  # None is allowed and reads as "automatic"
    logarithmic: bool = False  # a slider moves in decades
    advanced: bool = False  # shown behind "more"
    placed: Value = (
        None  # what a new node begins with, where that differs from what a document means that leaves it out
    )

    def problem_with(self, value: Any) -> str:
        """Why ``value`` cannot be used here, as a sentence; empty where it can."""
        if value is None:
            return "" if self.optional else f"{self.title} must be given."
        if self.kind == "switch":
            return "" if isinstance(value, bool) else f"{self.title} is {value!r}; it must be true or false."
        if self.kind in ("integer", "number"):
            return self._number_problem(value)
        if not isinstance(value, str):
            return f"{self.title} is {value!r}; it must be text."
        if self.kind == "choice" and value not in self.choices:
            return f"{self.title} is {value!r}; it must be one of: {', '.join(self.choices)}."
        return ""

    def _number_problem(self, value: Any) -> str:
        whole = self.kind == "integer"
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            return f"{self.title} is {value!r}; it must be a {'whole ' if whole else ''}number."
        if not math.isfinite(value):
            return f"{self.title} is {value!r}; it must be finite."
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            unit = f" {self.unit}" if self.unit else ""
            if self.high is None:
                return f"{self.title} is {value:g}{unit}; it must be at least {self.low:g}{unit}."
            if self.low is None:
                return f"{self.title} is {value:g}{unit}; it must be at most {self.high:g}{unit}."
            return f"{self.title} is {value:g}{unit}; it must lie between {self.low:g} and {self.high:g}{unit}."
        return ""

    def parse(self, text: str) -> Value:
        """A value typed on a command line. Raises Refused with the reason."""
        value: Any = text
        try:
            if self.optional and text.lower() in ("", "auto", "none"):
                return None
            if self.kind == "integer":
                value = int(text)
            elif self.kind == "number":
                value = float(text)
            elif self.kind == "switch":
                value = _SWITCH_WORDS[text.lower()]
        except (ValueError, KeyError):
            value = text
        if reason := self.problem_with(value):
            raise Refused(Problem(what=reason))
        return typing.cast(Value, value)


def knob(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple[str, ...] = (),
    title: str = "",
    logarithmic: bool = False,
    advanced: bool = False,
    path: Literal["", "file", "folder", "run", "column"] = "",
    placed: Value = None,
) -> Any:
    """A dataclass field with everything a person needs to turn it.

    ``path`` says what a text names: something on the disk, a trained run, or a column of the table in ``folder``.
    ``placed``: what a new node says, where the default must stay what it was for documents of before.
    """
    meta = {
        "help": help, "low": low, "high": high, "unit": unit, "choices": choices, "title": title,
        "logarithmic": logarithmic, "advanced": advanced, "path": path, "placed": placed,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata={_META: meta})


@functools.cache
def knobs_of(config: type) -> tuple[Knob, ...]:
    """The knobs of a configuration class, in the order they are written."""
    hints = typing.get_type_hints(config)
    return tuple(_describe(field, hints[field.name]) for field in dataclasses.fields(config) if _META in field.metadata)


def _describe(field: dataclasses.Field[Any], hint: Any) -> Knob:
    meta = dict(field.metadata[_META])
    forms = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    optional = type(None) in forms
    base = next(form for form in forms if form is not type(None))
    path = meta.pop("path")
    meta["title"] = meta["title"] or field.name.replace("_", " ").capitalize()
    plain: dict[Any, KnobKind] = {bool: "switch", int: "integer", float: "number", str: "text"}
    if base not in plain:
        raise ValueError(
            f"The setting {field.name!r} is of the type {getattr(base, '__name__', base)}; bool, int, float and str can be set."
        )
    kind: KnobKind = path or ("choice" if meta["choices"] else plain[base])
    default = typing.cast(Value, field.default)
    return Knob(name=field.name, kind=kind, default=default, optional=optional, **meta)


def problems_with(knobs: tuple[Knob, ...], values: Mapping[str, Any], node: str = "") -> list[Problem]:
    """Every value that is unknown, of the wrong kind or out of range."""
    known = {knob.name: knob for knob in knobs}
    found = []
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known) or 'none'}."
            found.append(Problem(what=f"There is no setting called {name!r}.", node=node, hint=hint))
        elif reason := known[name].problem_with(value):
            found.append(Problem(what=reason, node=node))
    return found


def in_words(config: ConfigT) -> ConfigT:
    """The configuration itself, however it was made. Raises Refused where a choice is none of those there are."""
    told = knobs_of(typing.cast(Any, type(config))) if dataclasses.is_dataclass(config) else ()
    reasons = [knob.problem_with(getattr(config, knob.name)) for knob in told if knob.kind == "choice"]
    if found := [Problem(what=reason) for reason in reasons if reason]:
        raise Refused(*found)
    return config


def configure(config: type[ConfigT], values: Mapping[str, Any], node: str = "") -> ConfigT:
    """A configuration from values by name. Raises Refused naming each value that cannot be used."""
    if found := problems_with(knobs_of(typing.cast(Any, config)), values, node):
        raise Refused(*found)
    return config(**values)
