"""Every objective, and every block that gives a loss, run whole, accumulated and cached: in unequal parts, in float64.

Cached is the whole batch's gradient for all of them. Accumulated is, for those that do not compare samples; for the
others there is a warning. The drawing is: carried values -> a linear tower each -> (the block) -> the objective.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.connectors.projection import Projection
from core.blocks.connectors.token_projection import TokenProjection
from core.blocks.values import Denoising, Tokens, joined, map_tensors
from core.compiler.describe import vocabulary
from core.compiler.module import Experiment
from core.compiler.plan import Plan, Task
from core.graph.document import Document, End
from core.training.gradients import accumulated, cached, plain
from core.training.parts import InParts, compared

OBJECTIVES = [
    key
    for key in blocks
    if issubclass(blocks[key], Objective) and "loss" not in {p.kind for p in blocks[key].takes.values()}
]
GIVES_A_LOSS = [
    key for key in blocks
    if not issubclass(blocks[key], Objective) and any(port.kind == "loss" for port in blocks[key].gives.values())
    and key != "tokenizers.finite_scalar_quantizer"  # its penalty is nothing: there is no code book to pull
]  # fmt: skip
UNEQUAL = 4  # of the six or more samples of a batch: parts of 4 and the rest


class Scale(nn.Module):
    """A weight on whatever floats."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, embedding: Any) -> dict[str, Any]:
        return {"embedding": map_tensors(lambda x: self.weight * x if x.is_floating_point() else x, embedding)}


def towers_for(incoming: dict[str, Any]) -> dict[str, nn.Module]:
    """A linear map before every port that carries floating vectors, a weight before other floating values."""
    found: dict[str, nn.Module] = {}
    for port, value in incoming.items():
        if isinstance(value, Tokens):
            width = value.x_BND.shape[-1]
            found[port] = TokenProjection(TokenProjection.Config(width=width, unit_norm=False), {"tokens": value})
        elif isinstance(value, Tensor) and value.is_floating_point() and value.ndim == 2:
            width = value.shape[-1]
            found[port] = Projection(Projection.Config(width=width, unit_norm=False), {"embedding": value})
        elif isinstance(value, Denoising) or (
            isinstance(value, Tensor) and value.is_floating_point() and value.ndim > 2
        ):
            found[port] = Scale()
    return found


def batch_of(cls: type) -> dict[str, Any]:
    """Six samples or more, in float64, with more hidden in the first ones than in the last."""
    torch.manual_seed(0)
    count = len(next(leaf for leaf in pytree.tree_leaves(cls.example()) if isinstance(leaf, Tensor)))
    many = [cls.example() for _ in range(-(-6 // count))]
    found = {port: joined([example[port] for example in many]) for port in many[0]}
    for name, mark in (("labels", 3), ("hidden", 1)):
        if name in found:
            found[name][:3, 2:4] = mark
    return map_tensors(lambda x: x.double() if x.is_floating_point() else x, found)


class Run:
    """What :mod:`core.training.gradients` needs of a trainer."""

    def __init__(self, key: str, more: dict[str, Any] | None = None) -> None:
        cls = blocks[key]
        found = batch_of(cls) | (more or {})
        specs, inputs, modules = {}, {}, {}
        known = vocabulary()
        self.batch: dict[End, Any] = {}
        self.opposing: dict[str, torch.Tensor] = {}
        self.weights: dict[str, torch.Tensor] = {}
        towers = towers_for(found)
        for port, value in found.items():
            carried = End(node="source", port=port)
            self.batch[carried] = value
            if port in towers:
                kind = "tokens" if isinstance(value, Tokens) else "embedding"
                specs[f"to {port}"] = known[
                    "connectors.token_projection" if kind == "tokens" else "connectors.projection"
                ]
                inputs[f"to {port}"] = {kind: carried}
                modules[f"to {port}"] = towers[port]
        given = {
            port: End(node=f"to {port}", port=next(iter(inputs[f"to {port}"])))
            if port in towers
            else End(node="source", port=port)
            for port in found
        }
        torch.manual_seed(1)
        specs["main"], inputs["main"], modules["main"] = known[key], given, cls(cls.Config(**cls.tiny()), found)
        objective = "main"
        if not issubclass(cls, Objective):
            port = next(port.name for port in cls.gives.values() if port.kind == "loss")
            extra = blocks["objectives.extra_loss"]
            specs["extra"], inputs["extra"] = known["objectives.extra_loss"], {"loss": End(node="main", port=port)}
            modules["extra"] = extra(extra.Config(weight=0.5), {"loss": torch.tensor(1.0)})
            objective = "extra"
        task = Task(
            source="source", title="source", sample_nodes=("source",), batch_nodes=tuple(modules), objectives=(objective,),
            carried=tuple(self.batch), ends=frozenset(self.batch),
        )  # fmt: skip
        plan = Plan(
            document=Document(), analysis=None, specs=specs, inputs=inputs, tasks=(task,), sample_nodes=("source",),  # type: ignore[arg-type]
            batch_nodes=tuple(modules), objectives=(objective,),
        )  # fmt: skip
        self.plan, self.task, self.shares = plan, task, {"source": 1.0}
        self.experiment = Experiment.__new__(Experiment)
        nn.Module.__init__(self.experiment)
        self.experiment.plan = plan
        self.experiment.nodes = nn.ModuleDict({f"n_{name}": module for name, module in modules.items()})
        self.experiment.double().train()
        self.indices = list(range(len(next(iter(pytree.tree_leaves(list(self.batch.values())))))))
        self.device, self.sides, self.negatives = torch.device("cpu"), {}, {}

    def named(self, name: str) -> str:
        return name

    def forward(self, batch: Any, wanted: Any = None) -> Any:
        return self.experiment.run(batch, wanted)


def gradients(
    key: str, how: Callable[[Any], dict[str, Tensor]], more: dict[str, Any] | None = None
) -> tuple[float, dict[str, Tensor]]:
    run = Run(key, more)
    torch.manual_seed(2)
    loss = sum(float(value.detach()) for value in how(run).values())
    found = {name: p.grad for name, p in run.experiment.named_parameters() if p.grad is not None and p.grad.any()}
    assert found, "nothing learns"
    return loss, found


def same(one: tuple[float, dict[str, Tensor]], other: tuple[float, dict[str, Tensor]], exact: bool = True) -> bool:
    """In float64; where a block computes in float32 whatever comes in, as nearly as that allows."""
    scale = max(float(grad.abs().max()) for grad in one[1].values())
    near, most = (1e-10, 1e-10 * max(scale, 1)) if exact else (1e-6, 1e-4 * scale)
    return (
        abs(one[0] - other[0]) < near
        and one[1].keys() == other[1].keys()
        and all(float((grad - other[1][name]).abs().max()) < most for name, grad in one[1].items())
    )


@pytest.mark.parametrize("key", [*OBJECTIVES, *GIVES_A_LOSS])
def test_in_parts(key: str) -> None:
    whole = gradients(key, plain)
    in_parts = gradients(key, partial(accumulated, chunks=2))
    from_cache = gradients(key, partial(cached, chunk=UNEQUAL))
    cls = blocks[key]
    warned = compared(Run(key), InParts(title="Any name", mixes_whole=True))  # type: ignore[arg-type]
    assert same(whole, from_cache, cls.exact) != bool(warned), "exact, or said not to be"
    compares = cls.mixes_samples or bool(cls.batch_losses)
    assert same(whole, in_parts, cls.exact) != compares
    if not issubclass(cls, Objective):
        assert bool(compared(Run(key), InParts(title="Any name", mixes_whole=False))) == compares  # type: ignore[arg-type]


@pytest.mark.parametrize("key", OBJECTIVES)
def test_parts_of_one_sample_can_be_derived(key: str) -> None:
    """A sample alone has nothing to be compared with: no gradient, and no crash."""
    run = Run(key)
    accumulated(run, chunks=len(run.indices))  # type: ignore[arg-type]


def test_absent_samples_do_not_count() -> None:
    """Where only some samples have both sides, parts are weighed by those."""
    present = torch.tensor([1.0, 1, 1, 1, 0, 0, 1, 0])
    more = {"present": present.double()}
    assert same(
        gradients("objectives.info_nce", plain, more), gradients("objectives.info_nce", partial(cached, chunk=3), more)
    )


def test_parts_without_anything_hidden_count_nothing() -> None:
    labels = torch.full((6, 5), -100)
    labels[0, 1], labels[1, 2] = 3, 4
    more = {"labels": labels}
    whole = gradients("objectives.masked_words", plain, more)
    assert same(whole, gradients("objectives.masked_words", partial(accumulated, chunks=3), more))
