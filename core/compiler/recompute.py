"""Which blocks compute their layers again in the backward pass, and the switch that makes them (arXiv:1604.06174)."""

from __future__ import annotations

from torch import nn

from core.graph.recipe import Recipe

CALLBACK = "gradient_checkpointing"


def recomputed(recipe: Recipe, node: str) -> bool:
    """Whether a block's layers are computed again: the callback is on, and names this block or none."""
    if CALLBACK not in recipe.callbacks:
        return False
    named = names_of(str(recipe.callbacks[CALLBACK].get("nodes", "")))
    return not named or node in named


def names_of(text: str) -> tuple[str, ...]:
    """``"vit, early"`` as names."""
    return tuple(text.replace(",", " ").split())


def recompute(module: nn.Module) -> int:
    """Switch every stack of layers in a module that can; transformers models through their own switch. Gives how many."""
    switched = 0
    for part in module.modules():
        if hasattr(part, "recompute"):
            part.recompute = True  # type: ignore[assignment]
            switched += 1
        elif hasattr(part, "gradient_checkpointing_enable") and getattr(part, "supports_gradient_checkpointing", False):
            part.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
            switched += 1
    return switched
