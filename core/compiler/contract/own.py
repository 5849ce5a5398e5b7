"""Whether a person's own class can be used: what it declares, and, of a block, a small forward. Milliseconds, at every start.

The whole of what a block keeps to is measured by its tests (:mod:`core.compiler.contract.checks`).
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

import torch

from core.blocks.block import Block
from core.compiler.contract.checks import built, declares_what_a_person_needs, has_on_meta_the_shapes_it_really_has
from core.compiler.specs import spec_of
from core.data.base import Source
from core.knobs import knobs_of


def why_broken(cls: type[Any]) -> tuple[int, str]:
    """The line at which the class cannot be used, and why; nothing where it can. What its code raises is its author's to read."""
    if (found := _settings(cls))[1]:
        return found
    try:
        (_try_block if issubclass(cls, Block) else _try_step)(cls)
    except AssertionError as error:
        return fail(f"This is not what every block keeps to: {_first_line(error)}.", line_of(cls))
    except Exception as error:  # whatever a person's class does
        return fail(f"Trying it failed. {type(error).__name__}: {_first_line(error)}", line_of(cls))
    return 0, ""


def _settings(cls: type[Any]) -> tuple[int, str]:
    config = getattr(cls, "Config", None)
    if not (isinstance(config, type) and dataclasses.is_dataclass(config) and config.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        return fail("Its Config must be a frozen dataclass of settings.", line_of(cls))
    try:
        wrong = [knob for knob in knobs_of(config) if knob.problem_with(knob.default)]
    except (ValueError, TypeError, NameError) as error:
        named = re.search(r"[Tt]he setting '(\w+)'", str(error))
        return line_of(cls, named[1] if named else ""), f"{_first_line(error)}."
    return (line_of(cls, wrong[0].name), wrong[0].problem_with(wrong[0].default)) if wrong else (0, "")


def _try_block(cls: type[Block]) -> None:
    declares_what_a_person_needs(cls)
    with torch.random.fork_rng(devices=[]):
        block, example = built(cls)
        lacking = {name for name, port in cls.takes.items() if not port.optional} - set(example)
        assert not lacking, f"its example() has nothing for {', '.join(sorted(lacking))}"
        given = set(block(**example))
        assert given == set(cls.gives), f"it gives {sorted(given)}, not {sorted(cls.gives)}"
        has_on_meta_the_shapes_it_really_has(cls)


def _try_step(cls: type[Any]) -> None:
    spec = spec_of(cls.key, cls, "source" if issubclass(cls, Source) else "transform")
    assert cls.title, "it has no title"
    assert spec.summary.endswith("."), "its docstring's first line is no sentence"
    assert spec.gives, "it gives nothing"
    cls(cls.Config())


def fail(why: str, line: int) -> tuple[int, str]:
    """What is wrong, and where."""
    return line, why


def line_of(cls: type[Any], setting: str = "") -> int:
    """Where the class begins, or one of its settings stands; 0 where that is not known."""
    try:
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return 0
    at = (number for number, line in enumerate(lines) if setting and re.match(rf"\s+{re.escape(setting)}\s*:", line))
    return first + next(at, 0)


def _first_line(error: BaseException) -> str:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    return text.removesuffix(".")
