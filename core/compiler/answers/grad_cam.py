"""Where in an image the evidence for its sentence lies, for towers without attention: Grad-CAM (arXiv:1610.02391).

The score is the cosine of a sample's own pair. Its gradient at the tower's last map, averaged over cells, says how much each
channel counts; the channels' weighted sum, where it is above zero, is the map. Axes: B samples, N tokens, P cells, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.blocks.packing import unpacked
from core.blocks.values import Grid, Tokens, full
from core.compiler.plan import Plan
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import Modal, at_rest

Values = Mapping[End, Any]


class Towers(Modal, Protocol):
    """The blocks of a plan, wired, as this file needs them."""

    plan: Plan

    def node(self, key: str) -> nn.Module:
        """The module of a node."""

    def run(self, batch: Values, wanted: Iterable[str] | None = None) -> Values:
        """Every end made or carried of the wanted nodes."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Shares of the evidence by cell, [B, P], rows summing to one, of a tower's image."""

    node: str
    share_BP: Tensor
    patches: Grid


def weighted_map(x_BPD: Tensor, gradient_BPD: Tensor) -> Tensor:
    """Grad-CAM [B, P] as shares of one; where nothing counts in favour, all cells alike."""
    map_BP = F.relu((gradient_BPD.mean(1, keepdim=True) * x_BPD).sum(-1))
    total_B1 = map_BP.sum(1, keepdim=True)
    return torch.where(total_B1 > 0, map_BP / total_B1.clamp_min(torch.finfo(map_BP.dtype).tiny), 1 / map_BP.shape[1])


def grad_cam(experiment: Towers, batch: Values) -> list[Evidence]:
    """Of every tower without attention whose map ends in a compared vector; modes, gradients and training are left as they were."""
    with at_rest(experiment), torch.enable_grad():
        return [found for pair in _pairs(experiment) for found in _of_pair(experiment, batch, pair)]


def _pairs(experiment: Towers) -> list[tuple[End, End]]:
    return [pair for key in experiment.plan.objectives if (pair := experiment.plan.sides(key)) is not None]


def _of_pair(experiment: Towers, batch: Values, pair: tuple[End, End]) -> list[Evidence]:
    values = experiment.run(batch, [end.node for end in pair])
    one, other = (values[end] for end in pair)
    if not all(isinstance(side, Tensor) and side.ndim == 2 for side in (one, other)):
        return []
    score = F.cosine_similarity(full(one), full(other), dim=-1).sum()
    found = []
    for end, tokens in _maps(experiment, values, pair):
        gradient: Tensor | None = torch.autograd.grad(score, tokens.x_BND, retain_graph=True, allow_unused=True)[0]
        if gradient is None:
            continue
        assert tokens.grid is not None
        own = slice(tokens.grid.extra, None)
        share_BP = weighted_map(full(tokens.x_BND.detach())[:, own], full(gradient)[:, own])
        found.append(Evidence(node=end.node, share_BP=share_BP, patches=replace(tokens.grid, extra=0)))
    return found


def _maps(experiment: Towers, values: Values, pair: tuple[End, End]) -> list[tuple[End, Tokens]]:
    """The last maps on the way to each side, of blocks that have no attention to show."""
    found, waiting, seen = [], list(pair), set()
    while waiting:
        end = waiting.pop(0)
        if end in seen or end not in values:
            continue
        seen.add(end)
        value = values[end]
        if isinstance(value, Tokens) and value.grid is not None and value.grid.kind == "patches":
            value = unpacked(value)
            if value.x_BND.requires_grad and not experiment.node(end.node).attentions():  # type: ignore[operator]
                found.append((end, value))
            continue
        waiting += experiment.plan.inputs.get(end.node, {}).values()
    return found
