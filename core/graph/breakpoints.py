"""Breakpoints on a block: which figures it says, and the recipe's conditions that name it.

There is one list of conditions, the text of the training option *Breakpoints* (:mod:`core.graph.conditions`). A breakpoint on a
block is a condition whose figure names the block: ``attention entropy/vit < 0.2``. Blocks are those of the flat form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from core.graph import edits
from core.graph.conditions import OPTION, USUAL, Condition, conditions_in
from core.graph.document import Document
from core.graph.selection import without_task
from core.graph.vocabulary import BlockSpec
from core.knobs import Value
from core.problems import Refused

OF_PAIRS: Final = ("effective rank", "modality gap", "alignment", "uniformity", "positive mean", "negative mean")
NOT_WATCHED: Final = ("rate/", "cost/", "memory/", "predicted/")  # what a person set, or what is no figure of learning


@dataclass(frozen=True, kw_only=True)
class NodeFigure:
    """A figure that a block says, by its series up to the block or beyond, and the diagnostic that must be on for it."""

    series: str
    diagnostic: str = ""


def figures_of(
    spec: BlockSpec, node: str, *, weights: bool, trains: bool, told: Iterable[str] = ()
) -> tuple[NodeFigure, ...]:
    """What a block can say, most telling first. ``weights``: it has some; ``trains``: some of them learn. ``told``: series that a run of this document said, for what only a run knows."""
    found: list[NodeFigure] = []
    if spec.role == "objective":
        found.append(NodeFigure(series=f"loss/{node}"))
    if all((port := spec.input(side)) is not None and port.kind == "embedding" for side in ("left", "right")):
        found += [NodeFigure(series=f"similarity/{node}/{name}", diagnostic="similarity") for name in OF_PAIRS]
    names = {knob.name for knob in spec.knobs}
    if "heads" in names and weights:
        found.append(NodeFigure(series=f"attention entropy/{node}", diagnostic="attention"))
    if "temperature" in names and spec.role == "objective":
        found.append(NodeFigure(series=f"temperature/{node}"))
    if trains:
        found += [
            NodeFigure(series=f"{name}/{node}", diagnostic="gradients")
            for name in ("gradient", "gradient share of block")
        ]
    known = [condition_on(figure.series) for figure in found]
    for series in sorted(told):
        plain = "/".join(map(without_task, series.split("/")))
        is_known = plain.startswith(NOT_WATCHED) or any(each.fits(series) for each in known)
        if condition_on(plain).names(node) and not is_known:
            found.append(NodeFigure(series=plain))
    return tuple(dict.fromkeys(found))


def condition_on(series: str) -> Condition:
    """A condition that is always met, to ask which figures a name fits."""
    return Condition(figure=series, relation="<", value=float("inf"))


def conditions_of(document: Document) -> tuple[Condition, ...]:
    """The recipe's breakpoints; none where the option is off or its text cannot be read."""
    knobs = document.recipe.callbacks.get(OPTION)
    try:
        return () if knobs is None else conditions_in(str(knobs.get("when", USUAL)))
    except Refused:
        return ()


def by_node(document: Document, nodes: Collection[str]) -> dict[str, tuple[Condition, ...]]:
    """The breakpoints on each block that has some."""
    conditions = conditions_of(document)
    found = {node: tuple(each for each in conditions if each.names(node)) for node in nodes} if conditions else {}
    return {node: on for node, on in found.items() if on}


def met_in(sentence: str, nodes: Collection[str]) -> tuple[str, ...]:
    """The blocks whose figures the sentence of a run that paused tells: ``Breakpoint at step 9: loss/info_nce is 4 (…).``"""
    figures = [condition_on(figure) for figure in re.findall(r"(?:: |; )([^;:]+?) is \S+ \(", sentence)]
    return tuple(node for node in nodes if any(figure.names(node) for figure in figures))


def added(document: Document, condition: Condition, diagnostic: str = "") -> Document:
    """With one more breakpoint; the option and the diagnostic that says the figure are switched on where they are off."""
    knobs = document.recipe.callbacks.get(OPTION)
    if condition not in conditions_of(document):
        text = "" if knobs is None else str(knobs.get("when", USUAL)).strip().rstrip(";")
        when = f"{text}; {condition}" if text else str(condition)
        document = edits.switch(document, "callbacks", OPTION, True, {**(knobs or {}), "when": when})
    if diagnostic and diagnostic not in document.recipe.diagnostics:
        document = edits.switch(document, "diagnostics", diagnostic, True)
    return document


def removed(document: Document, gone: Collection[Condition]) -> Document:
    """Without some breakpoints; with the last the option goes off."""
    conditions = conditions_of(document)
    left = [condition for condition in conditions if condition not in gone]
    if len(left) == len(conditions):
        return document
    kept: dict[str, Value] = {**document.recipe.callbacks[OPTION], "when": "; ".join(map(str, left))}
    return edits.switch(document, "callbacks", OPTION, bool(left), kept)
