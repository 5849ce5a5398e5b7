"""Bytes that a module keeps for its backward pass, counted by storage: what checkpointing and low rank save.

Counted through ``saved_tensors_hooks``, so the number is the same on every machine with the same kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.diagnostics.unmoved import unmoved
from core.telemetry.events import Scalars

MEBIBYTE = 2**20


def saved_bytes(module: nn.Module, inputs: Mapping[str, Any], *, weights: bool = False) -> int:
    """Bytes kept by one forward with gradients, each storage once; ``weights`` also counts parameters that are kept."""
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []  # an address may be used again only after we have counted

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if weights or storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor.detach())
        return tensor

    asking = {name: pytree.tree_map(_with_gradient, value) for name, value in inputs.items()}
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module(**asking)
    return sum(kept.values())


def _with_gradient(leaf: Any) -> Any:
    return leaf.detach().requires_grad_() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf


@diagnostics.register("memory")
class Memory(Diagnostic):
    """What fusion blocks keep for the backward pass, in MiB, on the fixed samples; on a GPU also the peak of what was held."""

    title = "Memory of fusion"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and on how many."""

        every: int = knob(
            100, "Measure at every n-th step, at the first and at the last.", low=1, high=1_000_000, unit="steps"
        )
        samples: int = knob(8, "Samples in the measured batch.", low=1, high=1024, unit="samples")

    def step_ended(self, run: Watched) -> None:
        """Measure now and then, with random numbers of its own."""
        if not self.is_due(run):
            return
        devices = [p.device for p in run.experiment.parameters() if p.is_cuda][:1]
        for device in devices:  # before the measurement itself, and since the last one
            run.say(
                Scalars(at=run.at(), values={"memory/GPU peak": torch.cuda.max_memory_allocated(device) / MEBIBYTE})
            )
            torch.cuda.reset_peak_memory_stats(device)
        for _ in run.each_task():
            self._measure(run, devices)

    def _measure(self, run: Watched, devices: list[Any]) -> None:
        """The fusion blocks of the task at work."""
        plan, batch = run.plan, run.feed.fixed_examples(self.config.samples)
        nodes = [key for key in run.task.batch_nodes if plan.document.nodes[key].block.startswith("fusion.")]
        if not nodes:
            return
        with torch.random.fork_rng(devices=devices), unmoved(run.experiment):
            with torch.no_grad():
                values = run.experiment.run(
                    batch,
                    [end.node for key in nodes for end in plan.inputs[key].values() if end.node in plan.batch_nodes],
                )
            found = {}
            for key in nodes:
                incoming = {port: values[end] for port, end in plan.inputs[key].items()}
                found[f"memory/{run.named(key)}"] = saved_bytes(run.experiment.node(key), incoming) / MEBIBYTE
        run.say(Scalars(at=run.at(), values=found))
