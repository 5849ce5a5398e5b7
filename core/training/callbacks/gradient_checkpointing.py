"""Recompute activations in the backward pass instead of keeping them (arXiv:1604.06174): less memory, same gradient."""

from __future__ import annotations

from dataclasses import dataclass

from core.compiler.recompute import names_of, recompute, recomputed
from core.knobs import knob
from core.problems import refuse
from core.training.callback import Callback, callbacks
from core.training.running import Running


@callbacks.register("gradient_checkpointing")
class GradientCheckpointing(Callback):
    """Trades about a third more time for most of the activation memory."""

    title = "Gradient checkpointing"
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Where."""

        nodes: str = knob("", "Names of the blocks whose layers are computed again, with commas; empty: all that can.", title="Blocks")  # fmt: skip

    def began(self, run: Running) -> None:
        """Switch the blocks. Raises Refused for a name that is no block of the run."""
        known = run.plan.batch_nodes
        for name in names_of(self.config.nodes):
            if name not in known:
                raise refuse(f"Gradient checkpointing names the block {name!r}, which is not in the run.", hint=f"Known: {', '.join(known)}.")  # fmt: skip
        if not sum(
            recompute(run.experiment.node(key)) for key in run.plan.owners if recomputed(run.plan.document, key)
        ):
            run.warn("Gradient checkpointing has nothing to do here: no block has a stack of layers.")
