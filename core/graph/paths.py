"""A setting anywhere in a document, by its path: what it is, what it has now, and the document with another value.

``vit.width`` and ``vit.repeat`` turn a node's knob, ``vit.kind`` puts another block in its place, ``recipe.steps`` the recipe's, ``recipe.optimizer`` chooses one and
``recipe.batching.budget`` turns the chosen one's,
``callbacks.ema.decay`` and ``diagnostics.attention.every`` turn an option's (and switch it on), ``callbacks.ema.on`` switches it,
``rules.vit.frozen`` and ``rules.vit.learning_rate`` say how a node learns, ``recipe.mix.turns`` how tasks take turns, and
``recipe.mix.emoji.start`` how the task of a source takes part.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from core.graph import edits
from core.graph.document import Document
from core.graph.exchanging import candidates, exchanged
from core.graph.mixing import giving_sources
from core.graph.recipe import MEAN, Choice, Mix, Part, Recipe, Rule
from core.graph.subgraphs.flat import flattened
from core.graph.subgraphs.specs import words_of
from core.graph.vocabulary import OptionSpec, Vocabulary
from core.knobs import Knob, Value, knobs_of
from core.problems import Problem, Refused, refuse

REPEAT = Knob(name="repeat", kind="integer", default=1, help="Copies in a row.", title="Repeat", low=1, high=512)
KIND = "kind"  # which block stands in a node's place
MIX, OF_ALL = "recipe.mix", "mean over tasks"
CHOICES = ("optimizer", "schedule", "batching")  # families of which a recipe chooses one
ON = Knob(name="on", kind="switch", default=False, help="Whether it is on.", title="On")
RULES = {
    "frozen": Knob(name="frozen", kind="switch", default=None, optional=True, help="Not trained.", title="Frozen"),
    "learning_rate": Knob(name="learning_rate", kind="number", default=None, optional=True, help="Its own rate.",
                          title="Learning rate", low=0, high=10, logarithmic=True),
    "weight_decay": Knob(name="weight_decay", kind="number", default=None, optional=True, help="Its own decay.",
                         title="Weight decay", low=0, high=1),
}  # fmt: skip


def knob_at(document: Document, path: str, words: Vocabulary) -> Knob:
    """The knob that a path names. Raises Refused where there is none (any more)."""
    words = words_of(document, words)
    owner, dot, name = path.rpartition(".")
    if not dot or not owner or not name:
        raise refuse(f"{path!r} is not the path of a setting.", hint="Write node.setting or recipe.setting.")
    if owner == "recipe":
        return _among(_recipe_knobs(words), name, "The recipe")
    if owner == MIX:
        return _among(mix_knobs(document, words), name, "The mix")
    if (source := _source_of(owner)) is not None:
        if source not in giving_sources(document, words):
            raise refuse(
                f"There is no source called {source!r}.",
                hint=f"Known: {', '.join(giving_sources(document, words)) or 'none'}.",
            )
        return _among(knobs_of(Part), name, "A task")
    if (chosen := _chosen(document, owner)) is not None:
        options = [option for option in words.options if (option.family, option.key) == (owner[7:], chosen.key)]
        return _among(options[0].knobs if options else (), name, chosen.key)
    if owner in document.nodes:
        spec = words.spec(document.nodes[owner].block)
        return _among((*spec.knobs, REPEAT, _kind(document, owner, words)), name, spec.title, owner)
    family, _, key = owner.partition(".")
    if family == "rules" and (key in document.nodes or key in _insides(document)):
        return _among(tuple(RULES.values()), name, "A rule", key)
    if family in ("callbacks", "diagnostics"):
        return _among((*_option(family, key, words).knobs, ON), name, key)
    if owner in _insides(document):
        raise refuse(
            f"The setting {name!r} of {owner!r} belongs to every copy of its subgraph.", node=owner,
            hint="Show it on the subgraph; then each copy has its own.",
        )  # fmt: skip
    raise refuse(f"There is no block called {owner!r}.", hint=f"Known: {', '.join(document.nodes) or 'none'}.")


def _insides(document: Document) -> set[str]:
    """Paths of all that is inside subgraphs, copies and blocks."""
    if not document.definitions:
        return set()
    flat = flattened(document)
    return {".".join(path) for path in flat.paths.values() if len(path) > 1} | flat.wholes.keys()


def value_at(document: Document, path: str, words: Vocabulary) -> Value:
    """What a setting has now. Raises Refused."""
    knob = knob_at(document, path, words)
    owner, _, name = path.rpartition(".")
    if owner == "recipe":
        value = getattr(document.recipe, name)
        return value.key if isinstance(value, Choice) else value
    if owner == MIX:
        return getattr(document.recipe.mix, name) or knob.default
    if (source := _source_of(owner)) is not None:
        return getattr(document.recipe.mix.part(source), name)
    if (chosen := _chosen(document, owner)) is not None:
        return chosen.knobs.get(name, knob.default)
    if owner in document.nodes:
        node = document.nodes[owner]
        if name == KIND and name not in node.knobs:
            return node.block
        return node.repeat if name == "repeat" and name not in node.knobs else node.knobs.get(name, knob.default)
    family, _, key = owner.partition(".")
    if family == "rules":
        return getattr(document.recipe.rules.get(document.owner(key), Rule()), name)
    entries = getattr(document.recipe, family)
    return key in entries if name == "on" else entries.get(key, {}).get(name, knob.default)


def placed(document: Document, path: str, value: Value, words: Vocabulary) -> Document:
    """The document with a setting at another value. Raises Refused where the value cannot be used there."""
    words = words_of(document, words)
    knob = knob_at(document, path, words)
    owner, _, name = path.rpartition(".")
    if knob.kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if reason := knob.problem_with(value):
        raise Refused(Problem(what=reason, node=owner if owner in document.nodes else ""))
    if owner == "recipe":
        return _in_recipe(document, name, value)
    if owner == MIX:
        wanted: dict[str, Any] = {name: MEAN if value == OF_ALL else value}
        return edits.set_mix(document, **wanted)
    if (source := _source_of(owner)) is not None:
        part: dict[str, Any] = {name: value}
        return edits.set_mix(document, source, **part)
    if (chosen := _chosen(document, owner)) is not None:
        made = Choice(key=chosen.key, knobs={**chosen.knobs, name: value})
        return replace(document, recipe=replace(document.recipe, **{owner[7:]: made}))  # type: ignore[arg-type]
    if owner in document.nodes:
        if knob is REPEAT:
            return edits.change_node(document, owner, repeat=value)
        if knob == _kind(document, owner, words):
            return exchanged(document, owner, str(value), words)
        return edits.set_knob(document, owner, name, value, knob.default)
    family, _, key = owner.partition(".")
    if family == "rules":
        fields: dict[str, Any] = {name: value}
        return edits.set_rule(document, key, **fields)
    if knob is ON:
        return edits.switch(document, family, key, bool(value))
    entries = {**getattr(document.recipe, family).get(key, {}), name: value}
    return edits.switch(document, family, key, True, entries)


def _kind(document: Document, node: str, words: Vocabulary) -> Knob:
    """Which block stands in a node's place, of those that keep its wires."""
    own = document.nodes[node].block
    return Knob(
        name=KIND, kind="choice", default=own, help="Which block stands here; its wires stay.", title="Kind of block",
        choices=(own, *candidates(document, node, words)),
    )  # fmt: skip


def mix_knobs(document: Document, words: Vocabulary) -> tuple[Knob, ...]:
    """The settings of the mix; which task's score selects is chosen among the sources there are."""
    selects = Knob(
        name="selects", kind="choice", default=OF_ALL, title="Selected by",
        help="Whose validation score chooses the best checkpoint and ends a run early: the mean over tasks, or one task's.",
        choices=(OF_ALL, *giving_sources(document, words)),
    )  # fmt: skip
    return (*knobs_of(Mix), selects)


def _source_of(owner: str) -> str | None:
    """The source whose part in the mix an owner of settings is."""
    return owner.removeprefix(f"{MIX}.") if owner.startswith(f"{MIX}.") else None


def _chosen(document: Document, owner: str) -> Choice | None:
    """What ``recipe.optimizer``, ``recipe.schedule`` or ``recipe.batching`` has chosen; None for any other owner."""
    family = owner.removeprefix("recipe.")
    return getattr(document.recipe, family) if owner != family and family in CHOICES else None


def _in_recipe(document: Document, name: str, value: Any) -> Document:
    now = getattr(document.recipe, name)
    if isinstance(now, Choice):
        value = now if value == now.key else Choice(key=value)
    return replace(document, recipe=replace(document.recipe, **{name: value}))


def _recipe_knobs(words: Vocabulary) -> tuple[Knob, ...]:
    choices = []
    for family in CHOICES:
        keys = tuple(option.key for option in words.options if option.family == family)
        if keys:
            choices.append(
                Knob(name=family, kind="choice", default=keys[0], help="", title=family.capitalize(), choices=keys)
            )
    return (*knobs_of(Recipe), *choices)


def _option(family: str, key: str, words: Vocabulary) -> OptionSpec:
    options = {option.key: option for option in words.options if f"{option.family}s" == family}
    if key not in options:
        raise refuse(f"There is no {family[:-1]} called {key!r}.", hint=f"Known: {', '.join(options)}.")
    return options[key]


def _among(knobs: tuple[Knob, ...], name: str, whose: str, node: str = "") -> Knob:
    for knob in knobs:
        if knob.name == name:
            return knob
    known = [knob.name for knob in knobs]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known)}."
    raise refuse(f"{whose} has no setting {name!r}.", node=node, hint=hint)
