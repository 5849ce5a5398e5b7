"""Everything a run needs to go on as if it had never stopped: weights, moments, habits' memory, position, vocabulary.

Random numbers need no state: they are keyed by (seed, step) and (seed, epoch, index).
Files of a checkpoint: ``weights.safetensors``, ``optimizer.safetensors``, ``habits.safetensors`` and the state as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.problems import refuse
from core.training.position import Position

if TYPE_CHECKING:
    from core.training.trainer import Trainer

WEIGHTS, OPTIMIZER, HABITS = "weights.safetensors", "optimizer.safetensors", "habits.safetensors"


def write_tensors(run: Trainer, folder: Path) -> None:
    """Write the three tensor files."""
    save_file(_plain(run.experiment.state_dict()), folder / WEIGHTS)
    save_file(_plain(run.groups.tensors()), folder / OPTIMIZER)
    habits = {f"{habit.key}/{name}": tensor for habit in run.habits for name, tensor in habit.tensors().items()}
    save_file(_plain(habits), folder / HABITS)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies that share no memory, as the format wants."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def state_of(run: Trainer) -> dict[str, Any]:
    """The rest, as JSON data."""
    return {
        "position": run.position.as_json(),
        "habits": {habit.key: habit.state() for habit in run.habits},
        "transforms": run.graph.state(),
        "rates": dict(run.groups.overrides),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": run.device.type,
    }


def restore(run: Trainer, folder: Path, state: Mapping[str, Any]) -> None:
    """Put a fresh trainer where the checkpoint was. Raises Refused where the checkpoint is of another drawing."""
    weights = load_file(folder / WEIGHTS, device="cpu")
    load_weights(run.experiment, weights, folder)
    run.groups.load_tensors(load_file(folder / OPTIMIZER, device="cpu"))
    kept = load_file(folder / HABITS, device="cpu")
    for habit in run.habits:
        prefix = f"{habit.key}/"
        own = {name.removeprefix(prefix): t.to(run.device) for name, t in kept.items() if name.startswith(prefix)}
        if own:
            habit.load_tensors(own)
        if state["habits"].get(habit.key):
            habit.load_state(state["habits"][habit.key])
    run.groups.overrides.update(state["rates"])
    run.position = Position(**state["position"])


def load_weights(module: torch.nn.Module, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Weights into a module of the same form. Raises Refused naming the first that does not fit."""
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


def read_state(folder: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint."""
    data: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return data
