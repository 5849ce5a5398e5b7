"""What can be known of a run, by name: facts of its row, settings of its document, figures that it said.

``seed``; ``batch_size``, ``vit.width``; ``best(selection/validation/R@10)``, ``at(loss, 500)``. A figure may be called by its
last words (``r@10``), a setting by its knob alone, as long as one only is meant; capitals do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from core.exploring.scores import BOTH, may_choose, pair_of
from core.graph.selection import METRIC, STEM
from core.problems import refuse
from core.store.answers import RunFacts

Kind = Literal["fact", "setting", "score"]
Which = Literal["last", "best", "at"]
Value = str | float | bool | tuple[str, ...] | None
MOST_NAMED = 6  # in a sentence
RESERVED = ("and", "or", "not", "in", "is", "missing", "last", "best", "at")
_PLAIN = re.compile(r"[^\W\d][\w./@*+]*(?:-[^\W\d][\w./@*+]*)*")

FACTS: Mapping[str, Callable[[RunFacts], Value]] = {
    "name": lambda run: run.name, "status": lambda run: run.status, "experiment": lambda run: run.document_name,
    "seed": lambda run: run.seed, "step": lambda run: run.step, "steps": lambda run: run.steps,
    "seconds": lambda run: run.seconds, "started": lambda run: run.created, "tags": lambda run: run.tags,
    "notes": lambda run: run.notes, "place": lambda run: run.place, "run": lambda run: run.uid,
    "parent": lambda run: run.parent,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing to know of every run."""

    kind: Kind
    name: str
    which: Which = "last"  # of a figure
    step: int = 0  # of a figure at a step

    @property
    def key(self) -> str:
        """As it is written in a filter and kept in a view."""
        plain = quoted(self.name)
        if self.kind != "score":
            return plain
        return "".join((self.which, "(", plain, f", {self.step}" if self.which == "at" else "", ")"))


def quoted(name: str) -> str:
    """A name as a filter reads it: between backquotes where it has blanks."""
    return name if _PLAIN.fullmatch(name) and name.lower() not in RESERVED else f"`{name}`"


@dataclass(frozen=True, kw_only=True)
class Known:
    """Every name there is in a store."""

    settings: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()

    def every(self) -> tuple[str, ...]:
        """All of them: facts, what runs are chosen by, settings, other figures."""
        chosen = [name for name in self.scores if name.startswith(STEM)]
        own = [name for name in self.settings if name not in FACTS]
        return tuple(dict.fromkeys((*FACTS, *chosen, *own, *both_ways(self.scores), *self.scores)))

    def find(self, word: str, which: Which | None = None, step: int = 0) -> Field:
        """What a word means. Raises Refused where it means nothing, or several things."""
        wanted = word.casefold()
        if which is None and wanted in FACTS:
            return Field(kind="fact", name=wanted)
        if which is None:
            exact = [name for name in self.settings if name.casefold() == wanted]
            if exact:
                return Field(kind="setting", name=exact[0])
        if name := self._score(wanted, word):
            chosen: Which = which or ("best" if name.startswith(STEM) and may_choose(name) else "last")
            return Field(kind="score", name=name, which=chosen, step=step)
        if which is not None:
            raise refuse(f"No run says a figure {word!r}.", hint=self._hint(word, self.scores))
        return Field(kind="setting", name=self._setting(wanted, word))

    def _score(self, wanted: str, word: str) -> str:
        every = (*both_ways(self.scores), *self.scores)
        exact = [name for name in every if name.casefold() == wanted]
        if exact:
            return exact[0]
        ending = [name for name in every if name.casefold().endswith(f"/{wanted}")]
        for group in (
            [name for name in ending if name.startswith(STEM)],
            [name for name in ending if BOTH in name],
            ending,
        ):
            best = [name for name in group if "/validation/" in name] or group
            if len(best) == 1:
                return best[0]
            if best:
                raise refuse(
                    f"{word!r} may be {_listed(best)}.", hint="Write the whole name, or more of its last words."
                )
        return ""

    def _setting(self, wanted: str, word: str) -> str:
        found = [name for name in self.settings if name.casefold().endswith(f".{wanted}")]
        if len(found) == 1:
            return found[0]
        if found:
            raise refuse(f"{word!r} may be {_listed(found)}.", hint="Write the block's name before it.")
        raise refuse(f"No run has a setting or a figure {word!r}.", hint=self._hint(word, self.every()))

    def _hint(self, word: str, names: Iterable[str]) -> str:
        short: dict[str, str] = {}
        for name in names:
            short.setdefault(name.rsplit("/", 1)[-1].casefold(), name)
            short.setdefault(name.casefold(), name)
        near = get_close_matches(word.casefold(), short, n=3, cutoff=0.5)
        near += [each for each in short if word.casefold() in each and each not in near][:3]
        if near:
            return f"Near are {_listed([short[each] for each in near])}."
        return f"Known are {_listed(list(short.values()))}."


def both_ways(scores: Iterable[str]) -> tuple[str, ...]:
    """Retrieval figures with their two directions left open, where there are two."""
    ways: dict[tuple[str, str], list[str]] = {}
    for name in scores:
        parts = name.split("/")
        if parts[0] == "retrieval" and len(parts) == 4:
            ways.setdefault((parts[1], parts[3]), []).append(parts[2])
    pairs = [key for key, found in ways.items() if len(pair_of(found)) > 1]
    return tuple(f"retrieval/{split}/{BOTH}/{metric}" for split, metric in pairs)


def _listed(names: Sequence[str]) -> str:
    shown = [f"“{name}”" for name in dict.fromkeys(names)]
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    return ", ".join(shown[:MOST_NAMED]) + more


def field_in(key: str) -> Field | None:
    """The field that :attr:`Field.key` wrote, without asking what there is; None for anything else."""
    which, bracket, rest = key.partition("(")
    if bracket and which in ("last", "best", "at") and rest.endswith(")"):
        name, _, step = rest[:-1].rpartition(",") if which == "at" else (rest[:-1], "", "0")
        if not step.strip().isdigit():
            return None
        return Field(kind="score", name=name.strip().strip("`"), which=which, step=int(step))  # type: ignore[arg-type]
    name = key.strip("`")
    return Field(kind="fact" if name in FACTS else "setting", name=name) if name else None


def is_share(field: Field) -> bool:
    """Whether its values lie between 0 and 1 and are read in per cent."""
    return field.kind == "score" and (METRIC[:2] in field.name or field.name.endswith(("accuracy", "share")))


def plain(value: Any) -> Value:
    """A setting as it is compared: numbers are floats, what is switched is true or false, all else is text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, str) else str(value)
