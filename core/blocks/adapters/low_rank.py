"""LoRA: frozen weights, and beside each a product of two small matrices that learns (arXiv:2106.09685), through peft.

At the beginning the second matrix is zero, so nothing changes; merged into the weights it is the same model without a further part.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

from torch import nn

from core.blocks.encoders.hub_loading import transformers_module
from core.problems import refuse


def peft_module() -> Any:
    """peft, imported once (it takes seconds, with transformers), offline and quiet."""
    transformers_module()
    return importlib.import_module("peft")


def add_low_rank(
    module: nn.Module, leaves: Collection[str], *, rank: int, alpha: float, dropout: float = 0.0
) -> list[str]:
    """Freeze a module and give its linear maps of these last names a low-rank change each; gives the names of those.

    Raises Refused where one lies inside PyTorch's own multi-head attention: its forward reads the weight alone, so peft's change
    there has no effect and gets no gradient, yet merging would change the model.
    """
    parts = dict(module.named_modules())
    targets = [
        name for name, part in parts.items() if isinstance(part, nn.Linear) and name.rpartition(".")[2] in leaves
    ]
    unread = [name for name in targets if isinstance(parts[name.rpartition(".")[0]], nn.MultiheadAttention)]
    if unread:
        raise refuse(
            f"A low-rank change of {unread[0]} would never be read: it lies inside PyTorch's multi-head attention.",
            hint="Leave it out of what is adapted.",
        )
    if not targets:
        raise refuse("There is no linear map to adapt.", hint="Adapt a block with attention or feed-forward layers.")
    module.requires_grad_(False)
    peft = peft_module()
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=targets, bias="none")
    peft.inject_adapter_in_model(config, module)
    return targets


def merge(module: nn.Module) -> int:
    """Put every low-rank change into its weight; gives how many."""
    layer = importlib.import_module("peft.tuners.lora").LoraLayer
    found = [part for part in module.modules() if isinstance(part, layer)]
    for part in found:
        part.merge()
    return len(found)
