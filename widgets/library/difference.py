"""What differs between experiments: settings side by side, and drawings against the first. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.graph.document import Document
from core.graph.file import to_data

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


DEFAULT = "·"


def settings_difference(documents: Sequence[Document]) -> list[SettingRow]:
    """Every setting of the recipe and of the blocks whose value is not the same in all documents."""
    flat = [flat_settings(document) for document in documents]
    blocks = [set(document.nodes) for document in documents]
    rows = []
    for path in sorted({path for each in flat for path in each}, key=lambda p: (p[0] != "recipe", p)):
        where, setting = path
        values = tuple(
            _text(each[path]) if path in each else DEFAULT if where == "recipe" or where in nodes else ""
            for each, nodes in zip(flat, blocks)
        )
        if len(set(values)) > 1:
            rows.append(SettingRow(where=where, setting=setting, values=values))
    return rows


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


def drawing_difference(before: Document, after: Document) -> DrawingDifference:
    """Blocks and wires that came, went or changed."""
    both = [key for key in before.nodes if key in after.nodes]
    old, new = flat_settings(before), flat_settings(after)
    changed = []
    for key in both:
        names = sorted({name for where, name in (*old, *new) if where == key and name not in LAYOUT})
        for name in names:
            was, now = old.get((key, name)), new.get((key, name))
            if was != now:
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
