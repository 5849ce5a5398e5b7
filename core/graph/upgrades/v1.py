"""Version 1 to 2: the recipe's habits are callbacks and its probes are diagnostics, as the field calls them.

The same words begin the paths that sweeps write down (``habits.ema.decay``), in documents and in stored configurations. Lengths
and rates of sound travel with the sound (:mod:`core.graph.upgrades.v1_sounds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.graph.upgrades.v1_sounds import with_lengths_inside

RENAMED = {"habits": "callbacks", "probes": "diagnostics"}


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """A document of version 1 as one of version 2; what is not of the expected form is left for the reader to refuse."""
    data, nodes = with_lengths_inside(data), data.get("nodes")
    return {
        **data,
        "version": 2,
        **({"recipe": _renamed(data["recipe"])} if isinstance(data.get("recipe"), dict) else {}),
        **({"sweep": _sweep(data["sweep"], nodes)} if isinstance(data.get("sweep"), dict) else {}),
    }


def path(old: str, nodes: Any = ()) -> str:
    """A path of version 1 in the words of version 2; a node of that name keeps its own."""
    family, dot, rest = old.partition(".")
    owner = old.rpartition(".")[0]
    taken = isinstance(nodes, (Mapping, tuple)) and owner in nodes
    return old if taken else f"{RENAMED.get(family, family)}{dot}{rest}"


def paths(values: Mapping[str, Any], nodes: Any = ()) -> dict[str, Any]:
    """The same for values by path."""
    return {path(str(key), nodes): value for key, value in values.items()}


def _renamed(recipe: dict[str, Any]) -> dict[str, Any]:
    return {RENAMED.get(key, key): value for key, value in recipe.items()}


def _sweep(sweep: dict[str, Any], nodes: Any) -> dict[str, Any]:
    axes = sweep.get("axes")
    if not isinstance(axes, list):
        return sweep
    return {**sweep, "axes": [_axis(axis, nodes) if isinstance(axis, dict) else axis for axis in axes]}


def _axis(axis: dict[str, Any], nodes: Any) -> dict[str, Any]:
    made = dict(axis)
    if isinstance(axis.get("path"), str):
        made["path"] = path(axis["path"], nodes)
        if not axis.get("name") and made["path"] != axis["path"]:
            made["name"] = axis["path"]  # baselines and stored configurations know the axis by what it was called
    if isinstance(axis.get("changes"), list):
        made["changes"] = [_change(change, nodes) if isinstance(change, dict) else change for change in axis["changes"]]
    return made


def _change(change: dict[str, Any], nodes: Any) -> dict[str, Any]:
    values = change.get("values")
    return {**change, "values": paths(values, nodes)} if isinstance(values, dict) else change
