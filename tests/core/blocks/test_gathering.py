"""A batch over two processes has the gradients of one process with the whole batch: every objective there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn
from torch.utils import _pytree as pytree

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from tests.core.training.test_parts import batch_of, towers_for

ROWS, PROCESSES = 6, 2
KEYS = [key for key in blocks if issubclass(blocks[key], Objective) and key != "objectives.extra_loss"]
CASES: list[tuple[str, dict[str, object]]] = [
    *((key, {}) for key in KEYS),
    ("objectives.info_nce", {"local_loss": True}),
]


def gradients(key: str, knobs: dict[str, object], rows: slice) -> dict[str, torch.Tensor]:
    cls = blocks[key]
    whole = batch_of(cls)
    torch.manual_seed(1)
    towers = nn.ModuleDict(towers_for(whole))
    own: dict[str, Any] = pytree.tree_map(lambda leaf: leaf[rows] if isinstance(leaf, torch.Tensor) else leaf, whole)
    module = nn.ModuleDict({"towers": towers, "objective": cls(cls.Config(**knobs), whole)}).double().train()
    made = {port: next(iter(towers[port](value).values())) if port in towers else value for port, value in own.items()}
    objective: Any = module["objective"]
    loss = objective(**made)["loss"]
    if objective.opposed:
        loss = loss + objective.opposing(**made)
    loss.backward()
    return {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


def half(rank: int, meeting: str, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=PROCESSES)
    part = ROWS // PROCESSES
    found = []
    for key, knobs in CASES:
        own = gradients(key, knobs, slice(rank * part, (rank + 1) * part))
        for grad in own.values():
            dist.all_reduce(grad)
            grad /= PROCESSES
        found.append(own)
    if rank == 0:
        torch.save(found, f"{folder}/gradients.pt")
    dist.destroy_process_group()


@pytest.mark.long
def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    multiprocessing.start_processes(
        half, args=(str(tmp_path / "meeting"), str(tmp_path)), nprocs=PROCESSES, start_method="forkserver"
    )
    found = torch.load(tmp_path / "gradients.pt", weights_only=True)
    for (key, knobs), shared in zip(CASES, found):
        alone = gradients(key, knobs, slice(0, ROWS))
        assert set(shared) == set(alone)
        for name, grad in alone.items():
            torch.testing.assert_close(shared[name], grad, atol=1e-10, rtol=1e-8, msg=f"{key} {knobs} {name}")
