"""A checkpoint's weights and its JSON state, read into the module of a plan: what training and inference share.

Files of a checkpoint are written by :mod:`core.training.state`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.compiler.sharding import into
from core.problems import Refused, refuse

WEIGHTS, CALLBACKS = "weights.safetensors", "callbacks.safetensors"
BEFORE = {
    "habits": "callbacks",
    "habits.safetensors": CALLBACKS,
}  # what checkpoints called them before documents of version 2


def read_state(folder: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint. Raises Refused where it is gone or damaged."""
    try:
        data = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise refuse(f"There is no checkpoint in {folder}.", hint="Choose another step, or train again.") from error
    except ValueError as error:
        raise damaged(folder) from error
    if isinstance(data, dict):
        data = {BEFORE.get(key, key): value for key, value in data.items()}
    if not isinstance(data, dict) or not {"position", "transforms", "callbacks"} <= set(data):
        raise damaged(folder)
    return data


def tensor_file(folder: Path, name: str) -> Path:
    """A tensor file of a checkpoint, by the name it has there."""
    return folder / next((old for old, new in BEFORE.items() if new == name and (folder / old).is_file()), name)


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """One tensor file of a checkpoint, on the CPU. Raises Refused where it is gone or damaged."""
    try:
        return load_file(tensor_file(folder, name), device="cpu")
    except (OSError, SafetensorError) as error:
        raise damaged(folder) from error


def damaged(folder: Path) -> Refused:
    """What is said of a checkpoint that cannot be read."""
    return refuse(f"The checkpoint {folder.name} is damaged.", hint="Choose another step.")


def load_weights(module: torch.nn.Module, folder: Path, *, part: bool = False) -> None:
    """A checkpoint's weights into a module of the same form, or into a ``part`` of one. Raises Refused naming the first that does not fit."""
    weights = read_tensors(folder, WEIGHTS)
    own = module.state_dict()
    if part:
        weights = {name: tensor for name, tensor in weights.items() if name in own}
    wrong = sorted(set(own) ^ set(weights)) or [n for n in own if own[n].shape != weights[n].shape]
    if wrong:
        raise refuse(
            f"The checkpoint {folder.name} is of another graph: {wrong[0]} does not fit.",
            hint="Open the run's own experiment, or fork from it.",
        )
    into(module, weights)


def load_average(module: torch.nn.Module, folder: Path) -> None:
    """The moving average over the weights, where the run kept one: it is what the run was evaluated with."""
    prefix = "ema/"
    kept = read_tensors(folder, CALLBACKS)
    average = {name.removeprefix(prefix): tensor for name, tensor in kept.items() if name.startswith(prefix)}
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in average:
                parameter.copy_(average[name])
