"""Documents from the command line: a file, or an example of the gallery by name; knobs turned with ``--set``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from core.graph import edits, file
from core.graph.configurations import BETWEEN, grid_points, part_name
from core.graph.document import Definition, Document
from core.graph.examples import named_example
from core.graph.paths import MIX, knob_at, placed
from core.graph.recipe import Recipe
from core.graph.subgraphs.specs import words_of
from core.graph.sweep import Sweep
from core.graph.vocabulary import Vocabulary
from core.knobs import knobs_of
from core.problems import refuse
from widgets.look.language import tr

Drawn = TypeVar("Drawn", Document, Definition)
DEFAULT_EXAMPLE = "mini_clip"
OTHERS = "More"
FAMILIES = {"callbacks": "training option", "diagnostics": "diagnostic"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """One experiment of the gallery."""

    key: str
    document: Document
    family: str  # the heading it stands under


def families() -> dict[str, list[str]]:
    """The gallery's headings with their examples, in order."""
    index = resources.files("resources") / "experiments" / "families.json"
    return dict(json.loads(index.read_text("utf-8")))


def examples(folder: Traversable | None = None) -> list[Example]:
    """The gallery, family by family, the default first; what no family names comes last."""
    order = {key: (family, place) for family, keys in families().items() for place, key in enumerate(keys)}
    names = list(families())
    found = [
        Example(
            key=(key := entry.name.removesuffix(file.SUFFIX)), family=order.get(key, (OTHERS, 0))[0],
            document=file.loads(entry.read_text("utf-8"), entry.name),
        )
        for entry in (folder or resources.files("resources") / "experiments").iterdir()
        if entry.name.endswith(file.SUFFIX)
    ]  # fmt: skip

    def place(example: Example) -> tuple[int, int, str]:
        known = example.key in order
        return (names.index(example.family) if known else len(names)), order.get(example.key, ("", 0))[1], example.key

    return sorted(found, key=place)


def in_language(example: Document) -> Document:
    """An example as it is opened: its names and notes in the person's language. A person's own files are never changed."""
    inside = {key: _drawn_in_language(each) for key, each in example.definitions.items()}
    return replace(
        _drawn_in_language(example), name=tr(example.name), note=tr(example.note),
        definitions={key: replace(each, title=tr(each.title), note=tr(each.note)) for key, each in inside.items()},
        recipe=replace(
            example.recipe, stages=tuple(replace(stage, name=tr(stage.name)) for stage in example.recipe.stages)
        ),
        sweep=None if example.sweep is None else _sweep_in_language(example.sweep),
    )  # fmt: skip


def _drawn_in_language(drawn: Drawn) -> Drawn:
    """Titles of blocks and frames."""
    return replace(
        drawn, nodes={key: replace(node, title=tr(node.title)) for key, node in drawn.nodes.items()},
        frames={key: replace(frame, title=tr(frame.title)) for key, frame in drawn.frames.items()},
    )  # fmt: skip


def example_shown(document: Document) -> Document | None:
    """The example that a document is, as it was opened in the language in use; None where a person made it another."""
    if not any(document.name == tr(name) for name in _names()):
        return None
    return next(
        (each.document for each in examples() if replace(in_language(each.document), id=document.id) == document), None
    )


@cache
def _names() -> tuple[str, ...]:
    return tuple(example.document.name for example in examples())


def _sweep_in_language(sweep: Sweep) -> Sweep:
    """Names of axes and configurations, and of the baseline, which names some of them."""
    axes = tuple(
        replace(
            axis, name=tr(axis.name), changes=tuple(replace(change, name=tr(change.name)) for change in axis.changes)
        )
        for axis in sweep.axes
    )
    names = {
        part_name(old, was): part_name(new, now)
        for old, new in zip(sweep.axes, axes, strict=True)
        for was, now in zip(grid_points(old), grid_points(new), strict=True)
    }
    parts = (names.get(part, part) for part in sweep.baseline.split(BETWEEN))
    return replace(sweep, axes=axes, baseline=BETWEEN.join(parts))


def find_document(where: str) -> Document:
    """A document file, or a gallery example by its key. Raises Refused."""
    path = Path(where).expanduser()
    if path.suffix or path.exists():
        return file.read(path)
    if (found := named_example(where)) is not None:
        return in_language(found)
    known = ", ".join(example.key for example in examples())
    raise refuse(f"There is no file and no example called {where!r}.", hint=f"Examples: {known}.")


def turned(document: Document, settings: list[str], words: Vocabulary) -> Document:
    """The document with ``node.knob=value``, ``recipe.steps=100`` or ``callbacks.evaluation.every=50`` applied."""
    for setting in settings:
        place, equals, text = setting.partition("=")
        owner, dot, name = place.rpartition(".")
        if not equals or not dot:
            raise refuse(f"{setting!r} is not a setting.", hint="Write block.setting=value, for instance vit.depth=4.")
        document = _turn(document, owner, name, text, words)
    return document


def _turn(document: Document, owner: str, name: str, text: str, words: Vocabulary) -> Document:
    if owner == "recipe":
        knob = {k.name: k for k in knobs_of(Recipe)}.get(name)
        if knob is None:
            raise refuse(
                f"The training recipe has no setting {name!r}.",
                hint=f"Known: {', '.join(k.name for k in knobs_of(Recipe))}.",
            )
        return edits.set_recipe(document, **{name: knob.parse(text)})
    if owner == MIX or owner.startswith(f"{MIX}."):
        path = f"{owner}.{name}"
        return placed(document, path, knob_at(document, path, words).parse(text), words)
    family, _, key = owner.partition(".")
    if family in ("callbacks", "diagnostics"):
        return _turn_option(document, family, key, name, text, words)
    if owner not in document.nodes:
        return placed(document, f"{owner}.{name}", knob_at(document, f"{owner}.{name}", words).parse(text), words)
    spec = words_of(document, words).spec(document.nodes[owner].block)
    knob = next((k for k in spec.knobs if k.name == name), None)
    if knob is None:
        raise refuse(
            f"{spec.title} has no setting {name!r}.",
            node=owner,
            hint=f"Known: {', '.join(k.name for k in spec.knobs)}.",
        )
    return edits.set_knob(document, owner, name, knob.parse(text), knob.default)


def _turn_option(document: Document, family: str, key: str, name: str, text: str, words: Vocabulary) -> Document:
    option = next((o for o in words.options if f"{o.family}s" == family and o.key == key), None)
    if option is None:
        known = ", ".join(o.key for o in words.options if f"{o.family}s" == family)
        raise refuse(f"There is no {FAMILIES[family]} called {key!r}.", hint=f"Known: {known}.")
    if name == "on":
        return edits.switch(document, family, key, text.lower() in ("true", "1", "yes", "on"))
    knob = next((k for k in option.knobs if k.name == name), None)
    if knob is None:
        raise refuse(
            f"{option.title} has no setting {name!r}.", hint=f"Known: {', '.join(k.name for k in option.knobs)}."
        )
    values: dict[str, Any] = {**getattr(document.recipe, family).get(key, {}), name: knob.parse(text)}
    return edits.switch(document, family, key, True, values)
