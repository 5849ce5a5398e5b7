"""What a plan makes by itself: images and waveforms that a block gives, from fixed examples and a seed each.

One random stream per sample, and each alone through the blocks: number 7 is the same in a batch of 1 or of 64.
Axes: B batch, C channels, H height, W width, S samples of a waveform.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Codes, main_tensor, map_tensors
from core.blocks.wish import Wish
from core.compiler.build import build_transform
from core.compiler.plan import Plan
from core.compiler.randomness import apart
from core.data.catalog import transforms
from core.data.media import pixels_of
from core.data.pipeline import generator
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import Modal, at_rest

KINDS = ("image", "waveform")


class Runs(Modal, Protocol):
    """An experiment, as far as making asks."""

    plan: Plan

    def node(self, key: str) -> nn.Module: ...
    def run(self, batch: Mapping[End, Any], wanted: Sequence[str], wish: Wish | None = None) -> dict[End, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Making:
    """An end where something is made."""

    end: End
    kind: str  # of KINDS
    original: End | None  # what it reconstructs
    made_of: frozenset[str]  # kinds of the per-sample ends that it hangs on: sentence, text, image

    @property
    def name(self) -> str:
        """What events and monitors call it."""
        return f"{self.end.node}/{self.end.port}"


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One that was made, beside what it should equal where the block reconstructs."""

    seed: int
    made: NDArray[Any]  # image: uint8 [H, W, C]; waveform: float32 [S]
    original: NDArray[Any] | None
    hertz: int = 0  # of a waveform


def makings(plan: Plan) -> tuple[Making, ...]:
    """Every end of an image or a waveform that a block gives."""
    found = []
    for key in plan.batch_nodes:
        if key in plan.mixing:  # what compares a batch's samples makes nothing of one alone
            continue
        reconstructs = blocks[plan.document.nodes[key].block].reconstructs
        for port in plan.specs[key].gives:
            if port.kind in KINDS and not any(own == port.name != made for made, own in reconstructs.items()):
                source = reconstructs.get(port.name)
                found.append(
                    Making(
                        end=End(node=key, port=port.name), kind=port.kind, made_of=_made_of(plan, key),
                        original=_original(plan, key, source, port.kind),
                    )
                )  # fmt: skip
    return tuple(found)


def from_noise(plan: Plan) -> tuple[Making, ...]:
    """Every image that is made from noise, not rebuilt from another."""
    return tuple(making for making in makings(plan) if making.kind == "image" and making.original is None)


def _original(plan: Plan, node: str, port: str | None, kind: str) -> End | None:
    """The nearest of this kind at or behind a port that is taken; or a port that is given beside what is made."""
    end = plan.made_of(node).get(port or "")
    if end is not None:
        return plan.nearest([end], kind, _drawing(plan))
    given = plan.specs[node].output(port or "")
    return End(node=node, port=given.name) if given is not None and given.kind == kind else None


def _drawing(plan: Plan) -> frozenset[str]:
    """Blocks that are taught what they make: it is drawn, and rebuilt from nothing that they are given, such as an example."""
    taught = {
        key: set(blocks[plan.document.nodes[key].block].learns) & set(plan.inputs[key]) for key in plan.batch_nodes
    }
    return frozenset(key for key, ports in taught.items() if ports)


def _made_of(plan: Plan, node: str) -> frozenset[str]:
    """Kinds of what per-sample nodes give to it, however far behind; not of what only teaches a block."""
    found, waiting, seen = set(), list(plan.made_of(node).values()), set()
    while waiting:
        end = waiting.pop()
        if end in seen:
            continue
        seen.add(end)
        if end.node in plan.sample_nodes and (port := plan.specs[end.node].output(end.port)) is not None:
            found.add(port.kind)
        waiting += plan.before(end.node)
    return frozenset(found)


def make(
    experiment: Runs, making: Making, batch: Mapping[End, Any], seeds: Sequence[int], wish: Wish | None = None
) -> Iterator[Thing]:
    """One thing after another, each from its own seed and, in turn, from a sample of the batch; ``wish`` says how it is drawn.

    Evaluated in a forward of its own: modes, gradients and random numbers are as they were before and after each.
    """
    rows, wish = _rows(batch), wish or Wish(seeds=())
    for number, seed in enumerate(seeds):
        one = chosen_rows(batch, [number % rows])
        asked = replace(wish, seeds=(seed,), shares=())
        yield _made(experiment, making, {**one, **_drawn(experiment.plan, one, seed)}, asked)[0]


def make_together(
    experiment: Runs, making: Making, batch: Mapping[End, Any], seeds: Sequence[int], steps: int | None = None,
    told: Callable[[Tensor, int, int], None] | None = None,
) -> list[Thing]:  # fmt: skip
    """One for each row of the batch at once: quicker than one by one, and equal to it but for rounding; ``told`` is as a wish's."""
    return _made(experiment, making, batch, Wish(seeds=tuple(seeds), steps=steps, told=told))


def make_between(
    experiment: Runs, making: Making, batch: Mapping[End, Any], seeds: tuple[int, int], share: float,
    wish: Wish | None = None,
) -> Thing:  # fmt: skip
    """One thing between the two rows of a batch, each with its seed: ``share`` 0 is the first, 1 the second."""
    asked = replace(wish or Wish(seeds=()), seeds=seeds, shares=(1 - share, share))
    return _made(experiment, making, batch, asked)[0]


def chosen_rows(batch: Mapping[End, Any], rows: Sequence[int]) -> dict[End, Any]:
    """Some samples of a batch."""
    chosen = list(rows)
    return {end: map_tensors(lambda x: x[chosen] if x.ndim else x, value) for end, value in batch.items()}


def _drawn(plan: Plan, batch: Mapping[End, Any], seed: int) -> dict[End, Any]:
    """Noise that a batch carries, drawn anew from a thing's own seed."""
    found = {}
    for end, value in batch.items():
        node = plan.document.nodes[end.node]
        if end.node in plan.sample_nodes and node.block in transforms and transforms[node.block].draws:
            drawn = build_transform(node).apply({}, generator(seed, 0, 0, end.node))[end.port]
            found[end] = drawn[None].to(value.device)
    return found


def _made(experiment: Runs, making: Making, batch: Mapping[End, Any], wish: Wish) -> list[Thing]:
    """What is wished for, in eval mode and with random numbers of its own."""
    codes = _drawn_from_codes(experiment.plan, making)
    if wish.told is not None and codes is not None:
        wish = replace(wish, said=partial(_tell_codes, experiment, making, codes, wish.told))
    with at_rest(experiment), apart(wish.seeds[0], _device(batch)):
        values = experiment.run(batch, [making.end.node], wish)
    module = experiment.node(making.end.node)
    own = getattr(module, "hertz", 0) if isinstance(module, Block) else 0
    hertz = int(getattr(values[making.end], "hertz", 0) or own)
    return [
        Thing(
            seed=wish.seeds[row], made=_plain(values[making.end], making.kind, row), hertz=hertz,
            original=None if making.original is None else _plain(values[making.original], making.kind, row),
        )
        for row in range(wish.count)
    ]  # fmt: skip


def guided(plan: Plan, making: Making) -> str | None:
    """The nearest block behind what is made that can be guided, and asked for what lies between two; None where there is none."""
    waiting, seen = [making.end.node], set[str]()
    while waiting:
        node = waiting.pop(0)
        if node in seen or node not in plan.batch_nodes:
            continue
        seen.add(node)
        if blocks[plan.document.nodes[node].block].is_guided:
            return node
        waiting += [end.node for end in plan.made_of(node).values()]
    return None


def _drawn_from_codes(plan: Plan, making: Making) -> End | None:
    """The codes that an image is drawn from, where a block says them; None where it is drawn otherwise."""
    node = making.end.node
    while node in plan.batch_nodes:
        ends = plan.made_of(node)
        if "codes" in ends:
            return ends["codes"]
        if len(ends) != 1:
            return None
        node = next(iter(ends.values())).node
    return None


def _tell_codes(
    experiment: Runs, making: Making, end: End, told: Callable[[Tensor, int, int], None], codes: Codes, done: int, of: int,
) -> None:  # fmt: skip
    """The image of the codes so far after every row of them, the rest of it grey."""
    grid = codes.grid
    if grid is None or grid.kind != "patches" or math.prod(grid.sizes) != of or done % grid.sizes[1]:
        return
    rest_BN = codes.ids_BN.new_zeros(len(codes.ids_BN), of - done)
    image_BCHW = experiment.run({end: replace(codes, ids_BN=torch.cat([codes.ids_BN, rest_BN], 1))}, [making.end.node])[
        making.end
    ]
    from_row = image_BCHW.shape[2] * (done // grid.sizes[1]) // grid.sizes[0]
    told(torch.cat([image_BCHW[:, :, :from_row], torch.full_like(image_BCHW[:, :, from_row:], 0.5)], 2), done, of)


def _plain(value: Any, kind: str, row: int = 0) -> NDArray[Any]:
    """One of a batch as numpy: an image from [0, 1] to bytes, what is not finite black; a waveform as it is."""
    x = main_tensor(value)
    assert x is not None
    first = torch.nan_to_num(x[row].detach().float().cpu(), nan=0.0, posinf=0.0, neginf=0.0)
    if kind == "waveform":
        return first.numpy().astype(np.float32)
    return pixels_of(first)


def _rows(batch: Mapping[End, Any]) -> int:
    counts = [len(x) for value in batch.values() if isinstance(x := main_tensor(value), Tensor) and x.ndim]
    return min(counts, default=1)


def _device(batch: Mapping[End, Any]) -> torch.device | None:
    """Where the batch lies, if its random numbers are not the processor's."""
    tensors = (x for value in batch.values() if isinstance(x := main_tensor(value), Tensor))
    return next((x.device for x in tensors if x.device.type == "cuda"), None)
