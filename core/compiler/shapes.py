"""Shapes, FLOPs and saved bytes from running the real modules on meta tensors: no second set of rules.

FLOPs are counted on meta because the CPU's fused attention counts as zero. A traced node is kept by what it is and what
comes in, so an edit only traces what it touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.blocks.attention.core import Attention
from core.blocks.objectives.gathering import alone
from core.blocks.values import Negatives, Text, Tokens, main_tensor
from core.compiler.bounds import bounded
from core.compiler.build import build_block, build_transform, source_meta
from core.compiler.counting import Counting
from core.compiler.randomness import apart
from core.compiler.recompute import recompute, recomputed
from core.compiler.resolve import Resolved
from core.graph.document import Document, End, Node
from core.graph.ports import Port
from core.own.loading import edition
from core.problems import Fix, Problem, Refused, refuse

MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class TracedNode:
    """What one node gives and costs for a batch."""

    outputs: Mapping[str, Any]  # port -> value on meta
    parameters: int = 0
    learning: int = (
        0  # of these, those that are not fixed by the block itself, as an adapter fixes what it stands beside
    )
    flops: int = 0  # forward, the whole batch
    saved_bytes: int = 0  # kept for the backward pass
    detail: str = ""
    attention: tuple[int, int] = (0, 0)  # queries and keys of its largest attention


@dataclass(kw_only=True)
class Traced:
    """Every node that could be traced."""

    nodes: dict[str, TracedNode] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class Tracer:
    """Traces documents, remembering nodes it has seen."""

    def __init__(self, most_remembered: int = 4000) -> None:
        self._seen: dict[Any, TracedNode | tuple[Problem, ...]] = {}
        self._most = most_remembered

    def trace(self, document: Document, resolved: Resolved, batch: int) -> Traced:
        """Walk the drawing from its sources; a node behind a failed one is left without facts."""
        traced = Traced()
        made: dict[
            str, tuple[str, Mapping[str, Any]]
        ] = {}  # owner of weights -> where they are first met, what comes in
        for key in resolved.order:
            spec = resolved.specs[key]
            ends = resolved.inputs[key]
            if not spec.known or key in resolved.unfit or any(end.node not in traced.nodes for end in ends.values()):
                continue
            if any(port.name not in ends for port in spec.takes if not port.optional):
                continue
            incoming = {
                name: traced.nodes[end.node].outputs[end.port]
                for name, end in ends.items()
                if end.port in traced.nodes[end.node].outputs and spec.input(name) is not None
            }
            again = recomputed(document, key)
            first, made_of = made.setdefault(document.owner(key), (key, incoming))
            found = self.node(document.nodes[key], spec.role, incoming, batch, again, made_of)
            if isinstance(found, tuple):
                traced.problems += _told(document, resolved, key, first, found)
                if first == key:  # nothing was made there
                    del made[document.owner(key)]
            else:
                traced.nodes[key] = found
        return traced

    def node(
        self, node: Node, role: str, incoming: Mapping[str, Any], batch: int, again: bool, made_of: Mapping[str, Any]
    ) -> TracedNode | tuple[Problem, ...]:
        """What one node gives and costs, or what is wrong with it. ``made_of``: what comes in where the weights are first met, from which their sizes are read."""
        knobs, here = tuple(sorted(node.knobs.items())), _signature(incoming)
        there = here if made_of is incoming else _signature(made_of)
        known = (node.block, edition(node.block), knobs, node.repeat, batch, again, here, there)
        if known not in self._seen:
            if len(self._seen) >= self._most:
                self._seen.clear()
            try:
                self._seen[known] = _trace(node, role, incoming, batch, again, made_of)
            except Refused as refused:
                self._seen[known] = refused.problems
            except Exception as error:  # a block's own fault, told where it is, never the end of a check
                said = f"It cannot be looked at: {type(error).__name__}: {str(error)[:200]}"
                self._seen[known] = (Problem(what=said.rstrip(".") + "."),)
        return self._seen[known]


def _told(document: Document, resolved: Resolved, key: str, first: str, found: tuple[Problem, ...]) -> list[Problem]:
    """Problems at a node; at a further place of weights they say whose weights they are, and can be mended by own ones."""
    if first == key:
        return [replace(problem, node=key) for problem in found]
    other = document.nodes[first].title or resolved.specs[first].title
    return [
        Problem(
            what=f"It has the same weights as {other}, and they do not fit here. {problem.what}", node=key,
            hint="Let the same widths come in at both places, or give the block weights of its own.",
            fix=Fix(text="Own weights", edit="own_weights", arguments={"node": key}), severity=problem.severity,
        )
        for problem in found
    ]  # fmt: skip


def _signature(incoming: Mapping[str, Any]) -> tuple[Any, ...]:
    parts = []
    for name, value in sorted(incoming.items()):
        leaves, form = pytree.tree_flatten(value)
        shapes = tuple((tuple(x.shape), str(x.dtype)) if isinstance(x, Tensor) else repr(x) for x in leaves)
        parts.append((name, shapes, repr(form)))
    return tuple(parts)


def _trace(
    node: Node, role: str, incoming: Mapping[str, Any], batch: int, again: bool, made_of: Mapping[str, Any]
) -> TracedNode:
    if role == "source":
        return TracedNode(outputs=source_meta(node, incoming, batch))
    if role == "transform":
        return TracedNode(outputs=build_transform(node).meta(incoming, batch))
    with torch.device("meta"), apart(), bounded(), alone():
        _check_words(incoming, made_of)
        module = build_block(node, made_of)
        module.train()
        if again:
            recompute(module)
        parameters = sum(parameter.numel() for parameter in module.parameters())
        learning = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
        outputs, flops, saved = _measured(module, _with_gradient(incoming))
    met = max((m.met for m in module.modules() if isinstance(m, Attention)), key=max, default=(0, 0))
    detail = module.detail()  # type: ignore[operator]
    return TracedNode(
        outputs=outputs, parameters=parameters, learning=learning, flops=flops, saved_bytes=saved, detail=str(detail),
        attention=met,
    )  # fmt: skip


def _check_words(incoming: Mapping[str, Any], made_of: Mapping[str, Any]) -> None:
    """Raise Refused where sentences come in other words than the weights were made for; the shapes would not tell."""
    for name, value in incoming.items():
        first = made_of.get(name)
        if isinstance(value, Text) and isinstance(first, Text) and value.vocabulary != first.vocabulary:
            raise refuse(
                f"Its sentences have a vocabulary of {value.vocabulary:,}; the weights are made for {first.vocabulary:,}."
            )


def _with_gradient(incoming: Mapping[str, Any]) -> dict[str, Any]:
    def ask(leaf: Any) -> Any:
        return leaf.detach().requires_grad_() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    return {name: pytree.tree_map(ask, value) for name, value in incoming.items()}


def _measured(module: nn.Module, incoming: Mapping[str, Any]) -> tuple[dict[str, Any], int, int]:
    own = {parameter.untyped_storage()._cdata for parameter in module.parameters()}
    saved: dict[int, int] = {}
    alive: list[Tensor] = []  # an address may be used again only after we have counted

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage.nbytes()
            alive.append(tensor.detach())
        return tensor

    counter = Counting()
    try:
        with counter, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            outputs = module(**incoming)
    except Refused:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        reason = (text or [type(error).__name__])[0][:240].rstrip(".")
        raise refuse(f"It does not fit what comes in: {reason}.") from error
    detached = {
        name: pytree.tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, v) for name, v in outputs.items()
    }
    return detached, counter.flops, sum(saved.values())


def concrete(value: Any) -> str:
    """A shape as the canvas shows it: ``B 65 192``; a sentence is ``B``, a loss is nothing."""
    tensor = None if isinstance(value, Negatives) else main_tensor(value)
    if not isinstance(tensor, Tensor):
        return "B"
    return " ".join(["B", *map(str, tensor.shape[1:])]) if tensor.ndim else ""


def dtype_of(value: Any) -> str:
    """What the numbers are kept as: ``float32``; empty where a value is no tensor yet. Mixed precision is the recipe's."""
    tensor = None if isinstance(value, Negatives) else main_tensor(value)
    return str(tensor.dtype).removeprefix("torch.") if isinstance(tensor, Tensor) else ""


def modality_of(value: Any, port: Port) -> str:
    """What a value is about: tokens and vectors say what they were made of; else what the port is for."""
    told = getattr(value, "modality", "")
    return told if told and told != "any" else port.modality if port.modality != "any" else ""


def bytes_of(value: Any) -> int:
    """Bytes of every tensor in a value."""
    return sum(x.numel() * x.element_size() for x in pytree.tree_leaves(value) if isinstance(x, Tensor))


def tokens_of(value: Any) -> int:
    """Positions a sample: tokens or word pieces; 0 for anything else."""
    if isinstance(value, Tokens):
        return value.x_BND.shape[1]
    return value.ids_BL.shape[1] if isinstance(value, Text) else 0


def ends_of(traced: Traced) -> dict[End, Any]:
    """Every outgoing end's value."""
    return {End(node=key, port=port): v for key, node in traced.nodes.items() for port, v in node.outputs.items()}
