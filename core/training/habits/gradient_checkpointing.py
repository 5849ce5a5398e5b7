"""Recompute activations in the backward pass instead of keeping them (arXiv:1604.06174): less memory, same gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.training.habit import Habit, habits

if TYPE_CHECKING:
    from core.training.trainer import Trainer


@habits.register("gradient_checkpointing")
class GradientCheckpointing(Habit):
    """Trades about a third more time for most of the activation memory."""

    title = "Gradient checkpointing"

    def began(self, run: Trainer) -> None:
        """Switch every stack of layers that can; transformers models through their own switch."""
        switched = 0
        for module in run.experiment.modules():
            if hasattr(module, "recompute"):
                module.recompute = True  # type: ignore[assignment]
                switched += 1
            elif hasattr(module, "gradient_checkpointing_enable") and getattr(
                module, "supports_gradient_checkpointing", False
            ):
                module.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
                switched += 1
        if not switched:
            run.warn("Gradient checkpointing has nothing to do here: no block has a stack of layers.")
