"""The slowly following copy of the towers that makes a queue's keys (MoCo, arXiv:1911.05722).

After n steps its weights are ``k_n = m^n k_0 + (1 - m) sum_i m^(n-i) q_i``. It runs without dropout and without a
gradient, and is part of the experiment's state, so a resumed run goes on with the same keys.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.objectives.gathering import gathered_values
from core.blocks.packing import taken_by
from core.compiler.plan import Plan
from core.graph.document import End

SIDES = ("left", "right")
Nodes = Callable[[str], nn.Module]  # the module of a node


def wants_twin(node: nn.Module) -> bool:
    """Whether a node keeps keys that a copy of the towers must make."""
    return hasattr(node, "push") and bool(getattr(node.config, "momentum", 0.0))


def copied_by(plan: Plan, queue: str) -> tuple[str, ...]:
    """The nodes that a queue's twin copies, in order; weights in several places are copied once."""
    return tuple(dict.fromkeys(map(plan.owner, _made_by(plan, queue))))


def _made_by(plan: Plan, queue: str) -> list[str]:
    """The blocks that make both sides of a queue, in running order."""
    found: set[str] = set()
    waiting = [plan.inputs[queue][side].node for side in SIDES]
    while waiting:
        node = waiting.pop()
        if node in plan.batch_nodes and node not in found:
            found.add(node)
            waiting += [end.node for end in plan.inputs[node].values()]
    return [key for key in plan.batch_nodes if key in found]


class Twin(nn.Module):
    """Copies of the nodes that make both sides of one queue."""

    def __init__(self, plan: Plan, nodes: Nodes, queue: str) -> None:
        super().__init__()
        self._queue, self._inputs = queue, plan.inputs
        self._ends = [plan.inputs[queue][side] for side in SIDES]
        self._order = _made_by(plan, queue)
        self._owners = list(copied_by(plan, queue))
        self._copy_of = {key: self._owners.index(plan.owner(key)) for key in self._order}
        self.copies = nn.ModuleList(copy.deepcopy(nodes(key)) for key in self._owners)
        self.requires_grad_(False)

    @torch.no_grad()
    def follow(self, nodes: Nodes, batches: Iterable[Mapping[End, Any]]) -> None:
        """One step of the average, then the keys of what the queue's tasks had in this step."""
        queue: Any = nodes(self._queue)
        for copied, key in zip(self.copies, self._owners):
            online = nodes(key)
            mine: list[Tensor] = list(copied.parameters())
            theirs = [p.detach() for p in online.parameters()]
            if mine:
                torch._foreach_lerp_(mine, theirs, 1 - queue.config.momentum)
            for own, other in zip(copied.buffers(), online.buffers()):
                own.copy_(other)
        for batch in batches:
            queue.push(*gathered_values(dict(enumerate(self.sides(batch)))).values())  # of all processes, by rank

    @torch.no_grad()
    def sides(self, batch: Mapping[End, Any]) -> tuple[Tensor, Tensor]:
        """Both sides [B, D] as the copy sees them."""
        self.eval()
        values: dict[End, Any] = dict(batch)
        for key in self._order:
            copied = self.copies[self._copy_of[key]]
            made = copied(**taken_by(copied, {port: values[end] for port, end in self._inputs[key].items()}))
            values.update({End(node=key, port=port): value for port, value in made.items()})
        return values[self._ends[0]], values[self._ends[1]]
