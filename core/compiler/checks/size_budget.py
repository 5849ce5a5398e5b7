"""The token budget at image sizes that a training option asks for: a curriculum and a test across sizes may go beyond the data's own.

Blocks that take images are traced once more at the largest size; what they would attend over is told before the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from core.compiler.checks.budget import budget_problems
from core.compiler.recompute import recomputed
from core.compiler.resolve import Resolved
from core.compiler.shapes import Traced, TracedNode, Tracer
from core.graph.document import Document
from core.graph.resolution import in_pixels, longest_as, sizes_in
from core.problems import Problem

OPTIONS = ("image_curriculum", "image_sizes")


def size_budget_problems(
    document: Document, resolved: Resolved, traced: Traced, tracer: Tracer, batch: int
) -> list[Problem]:
    """What is over budget at the largest image size of a run; nothing where that is the data's own or a smaller one."""
    largest = _largest(document)
    if not largest:
        return []
    found: list[Problem] = []
    for key in resolved.order:
        given = _given(resolved, traced, key)
        larger = {name: _at(value, largest) for name, value in given.items() if name in _images(resolved, traced, key)}
        if not any(larger[name].shape != given[name].shape for name in larger):
            continue
        again = recomputed(document, key)
        node = tracer.node(document.nodes[key], resolved.specs[key].role, {**given, **larger}, batch, again, given)
        if isinstance(node, TracedNode):
            found += budget_problems(key, node, f"{resolved.specs[key].title} at {in_pixels(largest)}")
    return found


def _largest(document: Document) -> int:
    """The largest size that a training option names; 0 where none does or it cannot be read, which is told elsewhere."""
    found = [0]
    for option in OPTIONS:
        try:
            found += sizes_in(str(document.recipe.callbacks.get(option, {}).get("sizes", "0")))
        except ValueError:
            continue
    return max(found)


def _images(resolved: Resolved, traced: Traced, key: str) -> set[str]:
    """Ports of a block at which images come in as a batch carries them."""
    if resolved.specs[key].role not in ("block", "objective"):
        return set()
    ends = resolved.inputs[key]
    return {
        name
        for name, value in _given(resolved, traced, key).items()
        if isinstance(value, Tensor)
        and value.ndim == 4
        and (port := resolved.specs[key].input(name)) is not None
        and port.kind == "image"
        and resolved.specs[ends[name].node].role in ("source", "transform")
    }


def _given(resolved: Resolved, traced: Traced, key: str) -> Mapping[str, Any]:
    return {
        name: traced.nodes[end.node].outputs[end.port]
        for name, end in resolved.inputs[key].items()
        if end.node in traced.nodes and end.port in traced.nodes[end.node].outputs and key in traced.nodes
    }


def _at(image_BCHW: Tensor, size: int) -> Tensor:
    """On meta with a longest side of ``size``, where that is larger."""
    height, width = image_BCHW.shape[-2:]
    if size <= max(height, width):
        return image_BCHW
    return torch.empty(*image_BCHW.shape[:2], *longest_as(height, width, size), device="meta")
