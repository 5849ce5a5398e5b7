"""torchaudio beside a CPU build of torch: its published wheels are linked to CUDA and fail on import.

Its pure-torch parts (mel, resampling, masking) work once ``torchaudio._extension`` reports "no extension". This module
does that, only where the plain import fails, and before transformers, which imports torchaudio as soon as it is
installed. Where the plain import works, nothing is touched.
"""

from __future__ import annotations

import importlib
import sys
import threading
import types
from collections.abc import Callable
from typing import Any, Literal

Found = Literal["whole", "pure torch", "missing"]

_lock = threading.Lock()
_PACKAGE = "torchaudio"
_EXTENSION = f"{_PACKAGE}._extension"


def prepare_torchaudio() -> Found:
    """Make ``import torchaudio`` work. Says whether it is whole, its pure-torch part, or not installed."""
    with _lock:
        if _PACKAGE in sys.modules:
            return "pure torch" if getattr(sys.modules.get(_EXTENSION), "is_stand_in", False) else "whole"
        try:
            importlib.import_module(_PACKAGE)
            return "whole"
        except ModuleNotFoundError as error:
            if error.name == _PACKAGE:
                return "missing"
            raise
        except (ImportError, OSError, RuntimeError):
            _forget_torchaudio()
            sys.modules[_EXTENSION] = _stand_in()
            importlib.import_module(_PACKAGE)
            return "pure torch"


def functional() -> Any:
    """``torchaudio.functional``: resample, mel filter banks. Raises ImportError where it is not installed."""
    prepare_torchaudio()
    return importlib.import_module(f"{_PACKAGE}.functional")


def _forget_torchaudio() -> None:
    for name in [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]:
        del sys.modules[name]


def _stand_in() -> types.ModuleType:
    """What torchaudio asks of its extension, all answered with "not here"."""
    module: Any = types.ModuleType(_EXTENSION)
    module.__path__ = []
    module.is_stand_in = True
    module._IS_TORCHAUDIO_EXT_AVAILABLE = module._IS_ALIGN_AVAILABLE = module._IS_RIR_AVAILABLE = False
    module._check_cuda_version = lambda: None
    module.lazy_import_sox_ext = lambda: None
    module.fail_if_no_align = module.fail_if_no_rir = _refusing
    return module  # type: ignore[no-any-return]


def _refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{function.__name__} needs torchaudio's compiled extension, which does not load here.")

    return refuse
