"""What differs between experiments: settings side by side, and drawings against the first. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.graph.document import Document
from core.graph.file import to_data
from core.graph.paths import CHOICES
from core.graph.subgraphs.flat import flattened
from core.graph.vocabulary import Vocabulary

DEFAULT = "·"
NO_WORDS = Vocabulary()
LAYOUT = {"x", "y", "collapsed", "via", "title"}  # where and how big, not what


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One setting that is not the same in all."""

    where: str  # node id, or "recipe"
    setting: str
    values: tuple[str, ...]  # one a document; "" where it has no such block, "·" where it is the default


@dataclass(frozen=True, kw_only=True)
class DrawingDifference:
    """How one drawing differs from another."""

    added: tuple[str, ...] = ()  # node ids
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, str, str, str], ...] = ()  # node, setting, before, after
    wires_added: tuple[str, ...] = ()
    wires_removed: tuple[str, ...] = ()

    def is_same(self) -> bool:
        """Nothing differs."""
        return not (self.added or self.removed or self.changed or self.wires_added or self.wires_removed)


def settings_difference(documents: Sequence[Document], words: Vocabulary = NO_WORDS) -> list[SettingRow]:
    """Every setting of the recipe and of the blocks whose value is not the same in all documents.

    With the vocabulary a setting that was not turned has its default: 32 beside a default of 32 is no difference.
    """
    documents = [flattened(document).document for document in documents]
    flat = [with_defaults(document, words) for document in documents]
    blocks = [set(document.nodes) for document in documents]
    rows = []
    for path in sorted({path for each in flat for path in each}, key=lambda p: (p[0] != "recipe", p)):
        where, setting = path
        found = [
            each.get(path, DEFAULT if where == "recipe" or where in nodes else "") for each, nodes in zip(flat, blocks)
        ]
        if any(not same(value, found[0]) for value in found[1:]):
            rows.append(SettingRow(where=where, setting=setting, values=tuple(map(_text, found))))
    return rows


def same(one: Any, other: Any) -> bool:
    """Whether two values of a setting are one: 1 and 1.0 are, 1 and on are not."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def with_defaults(document: Document, words: Vocabulary) -> dict[tuple[str, str], Any]:
    """The settings of a document, those that were not turned at their defaults, as far as the vocabulary has them."""
    if not len(words):
        return flat_settings(document)
    found: dict[tuple[str, str], Any] = {}
    for key, node in document.nodes.items():
        found.update({(key, knob.name): knob.default for knob in words.spec(node.block).knobs})
        found.update({(key, "muted"): False, (key, "bypassed"): False, (key, "repeat"): 1})
    recipe = document.recipe
    for family in ("callbacks", "diagnostics"):
        for key in getattr(recipe, family):
            found["recipe", f"{family}.{key}"] = "on"
            found.update(_of_option(words, family[:-1], key, f"{family}.{key}"))
    found["recipe", "batching.key"] = recipe.batching.key  # not written where it is the usual one
    for family in CHOICES:
        found.update(_of_option(words, family, getattr(recipe, family).key, f"{family}.knobs"))
    empty = {f"{family}.knobs" for family in CHOICES} | {"rules", "callbacks", "diagnostics"}
    told = {
        path: value for path, value in flat_settings(document).items() if path[0] != "recipe" or path[1] not in empty
    }
    return found | told


def _of_option(words: Vocabulary, family: str, key: str, prefix: str) -> dict[tuple[str, str], Any]:
    option = next((one for one in words.options if one.family == family and one.key == key), None)
    return {} if option is None else {("recipe", f"{prefix}.{knob.name}"): knob.default for knob in option.knobs}


def incomparable(documents: Sequence[Document], words: Vocabulary = NO_WORDS) -> dict[str, list[SettingRow]]:
    """What makes ``losses`` and ``scores`` of these documents say different things, by which of the two.

    A contrastive loss grows with the number of negatives, so with the batch; any setting of an objective or of its negatives
    changes what it measures. Other data, or other captions, make another question of every score.
    """
    documents = [flattened(document).document for document in documents]
    families = {key: node.block.split(".")[0] for document in documents for key, node in document.nodes.items()}
    found: dict[str, list[SettingRow]] = {"losses": [], "scores": []}
    for row in settings_difference(documents, words):
        family = families.get(row.where, "")
        if family in ("objectives", "negatives") or _is_of_batches(row):
            found["losses"].append(row)
        elif family == "sources":
            found["losses"].append(row)
            found["scores"].append(row)
        elif row.where == "recipe" and row.setting.endswith("evaluation.most"):
            found["scores"].append(row)
    return found


def flat_settings(document: Document) -> dict[tuple[str, str], Any]:
    """(where, setting) -> value, for the recipe and every block."""
    found: dict[tuple[str, str], Any] = {}
    for name, value in _flat(to_data(document).get("recipe", {})):
        found["recipe", name] = value
    for key, node in document.nodes.items():
        found[key, "block"] = node.block
        found.update({(key, name): value for name, value in node.knobs.items()})
        for name, value, plain in (
            ("muted", node.muted, False),
            ("bypassed", node.bypassed, False),
            ("repeat", node.repeat, 1),
            ("same weights as", node.same_as, ""),
        ):
            if value != plain:
                found[key, name] = value
    return found


def _flat(data: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(data, Mapping):
        parts = [_flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in data.items()]
        return [pair for part in parts for pair in part] or [(prefix, "on")]
    if isinstance(data, list) and any(isinstance(item, Mapping) for item in data):
        parts = [_flat(value, f"{prefix} {number}") for number, value in enumerate(data, start=1)]
        return [pair for part in parts for pair in part]
    return [(prefix, data)]


def drawing_difference(before: Document, after: Document, words: Vocabulary = NO_WORDS) -> DrawingDifference:
    """Blocks and wires that came, went or changed."""
    before, after = flattened(before).document, flattened(after).document
    both = [key for key in before.nodes if key in after.nodes]
    old, new = with_defaults(before, words), with_defaults(after, words)
    changed = []
    for key in both:
        names = sorted({name for where, name in (*old, *new) if where == key and name not in LAYOUT})
        for name in names:
            was, now = old.get((key, name)), new.get((key, name))
            if not same(was, now):
                changed.append(
                    (key, name, DEFAULT if was is None else _text(was), DEFAULT if now is None else _text(now))
                )
    wires_before, wires_after = {wire.key for wire in before.wires}, {wire.key for wire in after.wires}
    return DrawingDifference(
        added=tuple(key for key in after.nodes if key not in before.nodes),
        removed=tuple(key for key in before.nodes if key not in after.nodes),
        changed=tuple(changed), wires_added=tuple(sorted(wires_after - wires_before)),
        wires_removed=tuple(sorted(wires_before - wires_after)),
    )  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return "automatic" if value is None else str(value)


def _is_of_batches(row: SettingRow) -> bool:
    """How many samples a step compares, or which."""
    return row.where == "recipe" and (row.setting == "batch_size" or row.setting.startswith("batching."))
