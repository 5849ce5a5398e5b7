"""Weights that are too large for one GPU: each process keeps a part of every block's and gathers the whole where it runs.

FSDP2, torch's ``fully_shard`` (arXiv:2304.11277; per parameter as DTensors in torch 2.6 and later). A block is gathered for its
forward and for its backward pass; its gradient arrives as each process's part of the mean. A checkpoint holds whole tensors,
so that one process reads what several wrote.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.values import map_tensors
from core.compiler.module import Experiment


def shard(experiment: Experiment, device: torch.device, processes: int) -> list[str]:
    """Divide the weights of every block whose parameters can be divided; gives the nodes that stay whole.

    Objectives stay whole, for their parameters are few and single numbers; so does what has none.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes,))
    whole = []
    for key in experiment.plan.owners:
        node = experiment.node(key)
        if key in experiment.plan.objectives or not all(p.ndim for p in node.parameters()):
            whole.append(key)
        elif any(True for _ in node.parameters()):
            node.register_forward_hook(_without_views)
            fully_shard(node, mesh=mesh, reshard_after_forward=True)
    return whole


def _without_views(node: nn.Module, incoming: Any, given: Any) -> Any:
    """FSDP2's hooks on what a block gives would be lost by a change in place of a view."""
    return map_tensors(lambda tensor: tensor.clone() if tensor._is_view() else tensor, given)


def is_part(tensor: Tensor) -> bool:
    """Whether this process keeps only a part of it."""
    return hasattr(tensor, "device_mesh")  # a DTensor; its class is heavy to import


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor: every process must ask for it."""
    part: Any = tensor
    found: Tensor = part.full_tensor() if is_part(tensor) else tensor
    return found


def own_part(tensor: Tensor) -> Tensor:
    """What this process keeps of it."""
    part: Any = tensor
    found: Tensor = part.to_local() if is_part(tensor) else tensor
    return found


def kept_like(other: Tensor, tensor: Tensor) -> Tensor:
    """A whole tensor, divided as another is; nobody is asked for anything."""
    if not is_part(other) or is_part(tensor):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    part: Any = other
    return distribute_tensor(tensor.to(other.device), part.device_mesh, part.placements, src_data_rank=None)


def into(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Whole weights into a module that may keep only parts of them."""
    own = module.state_dict()
    module.load_state_dict({name: kept_like(own[name], tensor) for name, tensor in tensors.items()})
