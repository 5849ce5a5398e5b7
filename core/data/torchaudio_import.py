"""torchaudio's filters and resampling, also where its compiled extension cannot be loaded.

torchaudio's wheels are built for one CUDA version; beside a CPU build of torch the plain import fails although nothing
used here needs the extension. Only then an empty ``torchaudio._extension`` that says "not available" takes its place.
"""

from __future__ import annotations

import importlib
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

_lock = threading.Lock()
_PACKAGE = "torchaudio"


def torchaudio() -> Any:
    """The package. Raises ImportError where it is not installed at all.

    Import transformers only after this has been called: it imports torchaudio as soon as it is installed.
    """
    with _lock:
        try:
            return importlib.import_module(_PACKAGE)
        except ModuleNotFoundError:
            raise
        except (ImportError, OSError, RuntimeError):
            _forget()
            sys.modules[f"{_PACKAGE}._extension"] = no_extension()
            return importlib.import_module(_PACKAGE)


def functional() -> Any:
    """``torchaudio.functional``: resample, mel filter banks."""
    torchaudio()
    return importlib.import_module(f"{_PACKAGE}.functional")


def transforms() -> Any:
    """``torchaudio.transforms``: spectrograms."""
    torchaudio()
    return importlib.import_module(f"{_PACKAGE}.transforms")


def has_extension() -> bool:
    """Whether the compiled part could be loaded."""
    torchaudio()
    return bool(getattr(sys.modules[f"{_PACKAGE}._extension"], "_IS_TORCHAUDIO_EXT_AVAILABLE", False))


def _forget() -> None:
    for name in [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]:
        del sys.modules[name]


def no_extension() -> types.ModuleType:
    """What torchaudio asks its extension, answered with no."""
    module = types.ModuleType(f"{_PACKAGE}._extension")
    module.__dict__.update(
        __path__=[],
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_RIR_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=_refuse,
        fail_if_no_rir=_refuse,
    )
    return module


def _refuse(function: Callable[..., Any]) -> Callable[..., Any]:
    def refused(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{function.__name__} needs torchaudio's compiled extension, which does not load here.")

    return refused
