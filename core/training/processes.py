"""One run in several processes that share every batch (torchrun): who they are, how they meet, and what they agree on.

Each process has the same weights and its part of the batch. The mean of the parameters' gradients over processes is the
gradient of one process with the whole batch, so every process takes the same step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core.blocks.objectives.gathering import joined_processes
from core.compiler.sharding import is_part
from core.data.order import Share
from core.problems import refuse

BUCKET = 2**23  # numbers that travel together
LONGEST_WAIT = timedelta(
    hours=6
)  # one process saves, or reads the data, while others wait; who dies is noticed at once
LOST = ("gloo/transport", "Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")


def own_share() -> Share:
    """That of this process."""
    world = joined_processes()
    return Share(rank=dist.get_rank() if world > 1 else 0, world=world)


@contextmanager
def met(wish: str, processes: int) -> Iterator[Share]:
    """Inside, this process has met the others that its launcher started, each on its device. Raises Refused for too few GPUs."""
    device = torch.device(device_of(wish, processes, local_rank()))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    store, rank, world = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
    # The launcher keeps one store for all its attempts: without names of their own, processes that were started anew may wait for
    # ever at addresses of those that were killed.
    own = dist.PrefixStore(f"attempt_{attempt()}", store)  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=own, rank=rank, world_size=world, timeout=LONGEST_WAIT)
    try:
        yield own_share()
    finally:
        dist.destroy_process_group()


def is_lost(error: BaseException) -> bool:
    """Whether an error says that another process has gone."""
    return isinstance(error, dist.DistError) or any(word in str(error) for word in LOST)


def local_rank() -> int:
    """This process's number on its machine, as its launcher says."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def attempt() -> int:
    """How often the launcher had to start these processes anew."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def begun_again() -> bool:
    """Whether it had to."""
    return attempt() > 0


def told(value: Any) -> Any:
    """What the first process says, in every process."""
    if joined_processes() == 1:
        return value
    said = [value]
    dist.broadcast_object_list(said, 0, device=torch.device("cpu"))
    return said[0]


def everyones(value: Any) -> list[Any]:
    """What each process says, in order of ranks."""
    if joined_processes() == 1:
        return [value]
    said: list[Any] = [None] * joined_processes()
    dist.all_gather_object(said, value)
    return said


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Every process gets the mean; a parameter without a gradient in some process has zeros there."""
    learning = [p for p in parameters if p.requires_grad and not is_part(p)]  # parts of weights have met already
    for parameter, mean in zip(learning, mean_gradients(learning, [p.grad for p in learning])):
        parameter.grad = mean


def mean_gradients(places: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The mean over processes of the gradients at some places, written over them; None where no process has one."""
    if joined_processes() == 1 or not places:
        return list(gradients)
    there = torch.tensor([one is not None for one in gradients], dtype=torch.uint8, device=places[0].device)
    dist.all_reduce(there, op=dist.ReduceOp.MAX)
    found = [
        (torch.zeros_like(place) if one is None else one) if has else None
        for place, one, has in zip(places, gradients, there.tolist())
    ]
    for bucket in _buckets([one for one in found if one is not None]):
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        dist.all_reduce(flat)
        flat /= joined_processes()
        for gradient, mean in zip(bucket, flat.split([gradient.numel() for gradient in bucket])):
            gradient.copy_(mean.view_as(gradient))
    return found


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours of one number format, until a bucket is full."""
    bucket: list[Tensor] = []
    for gradient in gradients:
        if bucket and (bucket[0].dtype != gradient.dtype or sum(one.numel() for one in bucket) >= BUCKET):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket


def averaged(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The mean over processes of each number: that of the whole batch."""
    if joined_processes() == 1 or not losses:
        return dict(losses)
    row = torch.stack([loss.detach().double() for loss in losses.values()])
    dist.all_reduce(row)
    return dict(zip(losses, (row / joined_processes()).unbind()))


def means(values: Mapping[str, float]) -> dict[str, float]:
    """The mean over processes of what each tells."""
    rows = everyones(dict(values))
    return {name: sum(row.get(name, value) for row in rows) / len(rows) for name, value in values.items()}


def added(number: float) -> float:
    """The sum over processes."""
    return float(sum(everyones(number)))


def refuse_drift(state: Mapping[str, Tensor]) -> None:
    """Raise Refused where processes no longer have the same weights, naming the first that differs."""
    if joined_processes() == 1:
        return
    state = {name: tensor for name, tensor in state.items() if not is_part(tensor)}
    own = [float(tensor.detach().double().sum()) for tensor in state.values()]
    for name, *seen in zip(state, *everyones(own)):
        if len(set(map(repr, seen))) > 1:
            raise refuse(
                f"Processes no longer have the same numbers in {name}.",
                hint="Train in one process; a block here keeps something that its processes do not share.",
            )


def device_of(wish: str, processes: int, rank: int = 0) -> str:
    """The device of one of several processes: a GPU each, or all of them the CPU. Raises Refused where there are too few."""
    if processes == 1:
        return wish
    if ":" in wish:
        raise refuse(
            f"The device {wish} is one GPU; {processes} processes need one each.", node="recipe", hint="Choose cuda."
        )
    gpus = torch.cuda.device_count()
    if wish == "cpu" or (wish == "auto" and not gpus):
        return "cpu"
    if wish in ("auto", "cuda") and gpus < processes:
        raise refuse(
            f"This machine has {gpus} of the {processes} GPUs that {processes} processes need.", node="recipe",
            hint="Choose fewer processes, or the device cpu.",
        )  # fmt: skip
    return f"cuda:{rank}" if wish in ("auto", "cuda") else wish
