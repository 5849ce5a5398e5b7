"""open_clip's model and losses without torchvision, which has no CPU build for some releases of torch.

Only :mod:`open_clip.model` and :mod:`open_clip.loss` are loaded. Where torchvision cannot be imported, the one class of it
that they name (frozen batch norm, for converting pretrained ResNets, unused here) is stood in for.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from core.torchaudio_import import prepare_torchaudio


def load() -> tuple[Any, Any] | None:
    """``open_clip.model`` and ``open_clip.loss``; None where it is not installed."""
    found = find_spec("open_clip") if "open_clip" not in sys.modules else sys.modules["open_clip"].__spec__
    if found is None or found.origin is None:
        return None
    prepare_torchaudio()
    importlib.import_module("transformers")  # before the stand-in, which it would take for the whole
    if "open_clip" not in sys.modules:
        package = types.ModuleType("open_clip")  # its __init__ would import picture transforms
        package.__path__ = [str(Path(found.origin).parent)]
        package.__spec__ = found
        sys.modules["open_clip"] = package
    with _torchvision():
        return importlib.import_module("open_clip.model"), importlib.import_module("open_clip.loss")


@contextmanager
def _torchvision() -> Iterator[None]:
    """Torchvision where it can be imported, else its stand-in for as long as this lasts."""
    names = ("torchvision", "torchvision.ops", "torchvision.ops.misc")
    try:
        importlib.import_module(names[-1])
        yield
        return
    except (ImportError, OSError, RuntimeError):
        _forget_torchvision()
    modules = {name: types.ModuleType(name) for name in names}
    modules[names[-1]].FrozenBatchNorm2d = nn.BatchNorm2d  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        yield
    finally:
        _forget_torchvision()


def _forget_torchvision() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
