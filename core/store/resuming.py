"""Which checkpoint a run goes on from, and whether all of it fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.graph.file import loads, to_data
from core.graph.subgraphs.flat import flat_document
from core.problems import Problem, Refused, refuse
from core.store.checkpoints import UNREADABLE, CheckpointFolder, Saved
from core.store.places import checkpoint_folder
from core.store.records import Records

SHARED = "shared weights"  # the parameter of a run that begins with weights of its parent, but at step 0: says whose
LOOKS = frozenset({"x", "y", "title", "collapsed"})  # of a node: where and how it is drawn


@dataclass(frozen=True, kw_only=True)
class Start:
    """A checkpoint that was found whole."""

    path: str  # its folder
    step: int
    whole: bool  # same drawing and same optimiser: everything is taken over; otherwise what fits
    same_run: bool  # the run goes on; otherwise it was forked from another
    before: str = ""  # of a fork with another drawing: the document that the checkpoint is of
    shared: bool = False  # a run of its own, from step 0: what is equal begins with the checkpoint's weights
    best: bool = False  # marked as the best so far
    warnings: tuple[Problem, ...] = ()  # damaged checkpoints that were passed over


def start_of(library: Records, uid: str) -> Start | None:
    """None for a run from scratch: one that never saved. Raises Refused where what it saved, or its parent did, is gone.

    A checkpoint beyond the end of the record is passed over: what was said up to it was lost with the power.
    """
    facts = library.facts(uid)
    own = saved_at(library, uid, facts.step)
    if own is not None:
        return Start(path=str(own.path), step=own.step, whole=True, same_run=True, best=own.best, warnings=own.warnings)
    refuse_if_missing(library, uid)
    if not facts.parent:
        return None
    found = saved_at(library, facts.parent, facts.parent_step or None)
    if found is None:
        refuse_if_missing(library, facts.parent)
        raise refuse(
            f"The run {facts.parent} has no checkpoint at or before step {facts.parent_step}.",
            hint="Fork from a step after its first checkpoint.",
        )
    before = library.document_text(facts.parent)
    if SHARED in library.params(uid):
        told = found.warnings
        return Start(
            path=str(found.path), step=0, whole=False, same_run=False, before=before, shared=True, warnings=told
        )
    whole = trains_the_same(library.document_text(uid), before)
    return Start(
        path=str(found.path), step=found.step, whole=whole, same_run=False, before="" if whole else before,
        warnings=found.warnings,
    )  # fmt: skip


def refuse_if_missing(library: Records, uid: str) -> None:
    """Raise Refused where a run has saved checkpoints and none is to be found: that is never "from scratch".

    Cheap: nothing is read but names. Nothing is changed.
    """
    reader = library.reader(uid)
    kept = [Path(row.path) for row in reader.checkpoints() if row.kept]
    folders = {checkpoint_folder(library.store, uid), *(path.parent for path in kept)}
    end = reader.head().step
    if any(CheckpointFolder(folder).has_one(end) for folder in folders):
        return
    if any(CheckpointFolder(folder).has_one(UNREADABLE) for folder in folders):  # the store is an older copy
        raise refuse(
            f"The record of the run {uid} ends at step {end}, before the first of its checkpoints.",
            hint="Put the newer store back, or train the graph anew; nothing of this run was changed.",
        )
    if reader.has_saved():
        raise refuse(
            f"The checkpoints of the run {uid} are missing: they should lie in {checkpoint_folder(library.store, uid)}.",
            hint="Put that folder back, or train the graph anew; nothing of this run was changed.",
        )


def saved_at(library: Records, uid: str, upto: int | None) -> Saved | None:
    """The newest good one beside the store, or where the store knows of some; that may be a folder of any name."""
    rows = [row for row in library.reader(uid).checkpoints() if row.kept and Path(row.path).is_dir()]
    folders = list(dict.fromkeys([checkpoint_folder(library.store, uid), *(Path(row.path).parent for row in rows)]))
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


def trains_the_same(text: str, other: str) -> bool:
    """Whether all of a checkpoint of one document fits the other, so that a fork goes on as the run would have."""
    return bool(_trained(text) == _trained(other))


def _trained(text: str) -> Any:
    """What must be equal for all that is kept to fit: nodes, wires, optimiser, rates, rules and stages."""
    try:
        data = json.loads(text)
        data = to_data(flat_document(loads(text))) if data.get("subgraphs") else data
        nodes = {key: {name: node[name] for name in node if name not in LOOKS} for key, node in data["nodes"].items()}
        wires = sorted((wire["from"], wire["to"]) for wire in data["wires"])
        recipe = {name: data["recipe"].get(name) for name in ("learning_rate", "optimizer", "rules", "stages")}
    except (Refused, ValueError, KeyError, TypeError, AttributeError):
        return text
    return nodes, wires, recipe
