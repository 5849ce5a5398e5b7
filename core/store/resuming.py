"""Which checkpoint a run goes on from, and whether all of it fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.problems import Problem, Refused, refuse
from core.store.checkpoints import CheckpointFolder, Saved

if TYPE_CHECKING:
    from core.store.library import Library

LOOKS = frozenset({"x", "y", "title", "collapsed"})  # of a node: where and how it is drawn


@dataclass(frozen=True, kw_only=True)
class Start:
    """A checkpoint that was found whole."""

    path: str  # its folder
    step: int
    whole: bool  # same drawing and same optimiser: everything is taken over; otherwise the weights that fit
    same_run: bool  # the run goes on; otherwise it was forked from another
    warnings: tuple[Problem, ...] = ()  # damaged checkpoints that were passed over


def start_of(library: Library, uid: str) -> Start | None:
    """None for a run from scratch. Raises Refused where the run was forked and nothing to start from is left."""
    own = _newest(library, uid, None)
    if own is not None:
        return Start(path=str(own.path), step=own.step, whole=True, same_run=True, warnings=own.warnings)
    facts = library.facts(uid)
    if not facts.parent:
        return None
    found = _newest(library, facts.parent, facts.parent_step or None)
    if found is None:
        raise refuse(
            f"The run {facts.parent} has no checkpoint at or before step {facts.parent_step}.",
            hint="Fork from a step after its first checkpoint.",
        )
    whole = _trained(library.document_text(uid)) == _trained(library.document_text(facts.parent))
    return Start(path=str(found.path), step=found.step, whole=whole, same_run=False, warnings=found.warnings)


def _newest(library: Library, uid: str, upto: int | None) -> Saved | None:
    """The newest good one of those that the store knows of; it may lie in a folder of any name."""
    rows = [row for row in library.reader(uid).checkpoints() if row.kept and Path(row.path).is_dir()]
    folders = list(dict.fromkeys(Path(row.path).parent for row in rows))
    warnings: tuple[Problem, ...] = ()
    found: list[Saved] = []
    for folder in folders:
        try:
            saved = CheckpointFolder(folder).newest(upto)
        except Refused as refused:
            warnings += refused.problems
            continue
        if saved is not None:
            found.append(saved)
    if not found and warnings:
        raise Refused(*warnings)
    return max(found, key=lambda saved: saved.step, default=None)


def _trained(text: str) -> Any:
    """What must be equal for weights and optimiser state to fit: nodes, wires, optimiser, rules and stages."""
    try:
        data = json.loads(text)
        nodes = {key: {name: node[name] for name in node if name not in LOOKS} for key, node in data["nodes"].items()}
        wires = sorted((wire["from"], wire["to"]) for wire in data["wires"])
        recipe = {name: data["recipe"].get(name) for name in ("optimizer", "rules", "stages")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return nodes, wires, recipe
