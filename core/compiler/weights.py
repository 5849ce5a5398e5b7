"""A checkpoint's weights and its JSON state, read into the module of a plan: what training and inference share.

Files of a checkpoint are written by :mod:`core.training.state`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from core.problems import refuse

WEIGHTS = "weights.safetensors"


def read_state(folder: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint."""
    data: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return data


def load_weights(module: torch.nn.Module, folder: Path) -> None:
    """A checkpoint's weights into a module of the same form. Raises Refused naming the first that does not fit."""
    weights: Mapping[str, Tensor] = load_file(folder / WEIGHTS, device="cpu")
    own = module.state_dict()
    wrong = sorted(set(own) ^ set(weights)) or [n for n in own if own[n].shape != weights[n].shape]
    if wrong:
        raise refuse(
            f"The checkpoint {folder.name} is of another drawing: {wrong[0]} does not fit.",
            hint="Open the run's own document, or fork from it.",
        )
    module.load_state_dict(dict(weights))


def load_what_fits(module: torch.nn.Module, folder: Path) -> list[str]:
    """For a fork with another drawing: carry the weights that fit, name the rest."""
    own, kept = module.state_dict(), load_file(folder / WEIGHTS, device="cpu")
    fitting = {name: tensor for name, tensor in kept.items() if name in own and own[name].shape == tensor.shape}
    module.load_state_dict({**own, **fitting})
    return sorted(set(own) - set(fitting))
