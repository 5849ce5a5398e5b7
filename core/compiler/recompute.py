"""Which blocks compute their layers again in the backward pass, and the switch that makes them (arXiv:1604.06174)."""

from __future__ import annotations

from torch import nn

from core.graph.document import Document

CALLBACK = "gradient_checkpointing"


def recomputed(document: Document, node: str) -> bool:
    """Whether a block's layers are computed again: the callback is on, and names this block, a place of its weights, or none."""
    chosen = document.recipe.callbacks.get(CALLBACK)
    if chosen is None:
        return False
    named = names_of(str(chosen.get("nodes", "")))
    return not named or not set(named).isdisjoint(document.places(node))


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
