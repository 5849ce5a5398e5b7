"""Everything a run needs to go on as if it had never stopped: weights, moments, callbacks' memory, position, vocabulary.

Random numbers need no state: they are keyed by (seed, step) and (seed, epoch, index).
Files of a checkpoint: ``weights.safetensors``, ``optimizer.safetensors``, ``callbacks.safetensors`` and the state as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.compiler.sharding import whole
from core.compiler.weights import CALLBACKS, WEIGHTS, load_weights, read_tensors
from core.training.position import Position
from core.training.running import Running

OPTIMIZER = "optimizer.safetensors"


def write_tensors(run: Running, folder: Path) -> None:
    """Write the three tensor files."""
    for name, tensors in whole_tensors(run).items():
        save_file(tensors, folder / name)


def whole_tensors(run: Running) -> dict[str, dict[str, Tensor]]:
    """The tensors of each file. Where processes keep parts of weights all must ask, once a step; each has them all then."""
    if run.is_sharded and run.gathered is not None and run.gathered[0] == run.position.step:
        return run.gathered[1]
    callbacks = {
        f"{callback.key}/{name}": tensor for callback in run.callbacks for name, tensor in callback.tensors().items()
    }
    found = {
        WEIGHTS: _plain(run.experiment.state_dict()), OPTIMIZER: _plain(run.groups.tensors()), CALLBACKS: _plain(callbacks)
    }  # fmt: skip
    run.gathered = (run.position.step, found) if run.is_sharded else None
    return found


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies that share no memory, as the format wants."""
    return {name: whole(tensor.detach()).cpu().contiguous().clone() for name, tensor in tensors.items()}


def state_of(run: Running) -> dict[str, Any]:
    """The rest, as JSON data."""
    return {
        "position": run.position.as_json(),
        "callbacks": {callback.key: callback.state() for callback in run.callbacks},
        "transforms": run.graphs.state(),
        "rates": dict(run.groups.overrides),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": run.device.type,
        "processes": run.share.world,
    }


def restore(run: Running, folder: Path, state: Mapping[str, Any]) -> None:
    """Put a fresh trainer where the checkpoint was. Raises Refused where the checkpoint is of another drawing."""
    load_weights(run.experiment, folder)
    run.groups.load_tensors(read_tensors(folder, OPTIMIZER))
    kept = read_tensors(folder, CALLBACKS)
    for callback in run.callbacks:
        prefix = f"{callback.key}/"
        own = {name.removeprefix(prefix): t.to(run.device) for name, t in kept.items() if name.startswith(prefix)}
        if own:
            callback.load_tensors(own)
        if state["callbacks"].get(callback.key):
            callback.load_state(state["callbacks"][callback.key])
    run.groups.overrides.update(state["rates"])
    run.position = Position.from_json(state["position"], run.plan.sources)
