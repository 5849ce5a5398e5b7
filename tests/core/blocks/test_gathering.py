"""A batch over two processes has the gradients of one process with the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn

from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.objectives.siglip import SigLIP

CASES = [(InfoNCE, {}), (InfoNCE, {"local_loss": True}), (SigLIP, {})]
ROWS, PROCESSES = 6, 2


def gradients(kind: type, knobs: dict[str, object], rows: slice) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(ROWS, 5, generator=generator) for _ in range(2))
    torch.manual_seed(1)
    towers = nn.ModuleList([nn.Linear(5, 4), nn.Linear(5, 4)])
    sides = {name: tower(x[rows]) for name, tower, x in zip(("left", "right"), towers, (left, right))}
    module = nn.ModuleList([towers, kind(kind.Config(**knobs), sides)])
    module[1](**sides)["loss"].backward()
    return {name: p.grad for name, p in module.named_parameters()}


def half(rank: int, meeting: str, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=PROCESSES)
    part = ROWS // PROCESSES
    found = []
    for kind, knobs in CASES:
        own = gradients(kind, knobs, slice(rank * part, (rank + 1) * part))
        for grad in own.values():
            dist.all_reduce(grad)
            grad /= PROCESSES
        found.append(own)
    if rank == 0:
        torch.save(found, f"{folder}/gradients.pt")
    dist.destroy_process_group()


@pytest.mark.long
def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    multiprocessing.spawn(half, args=(str(tmp_path / "meeting"), str(tmp_path)), nprocs=PROCESSES)
    found = torch.load(tmp_path / "gradients.pt", weights_only=True)
    for (kind, knobs), shared in zip(CASES, found):
        alone = gradients(kind, knobs, slice(None))
        assert set(shared) == set(alone)
        for name, grad in alone.items():
            torch.testing.assert_close(shared[name], grad, atol=1e-6, rtol=1e-5, msg=f"{kind.__name__} {knobs} {name}")
