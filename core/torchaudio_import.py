"""torchaudio beside a CPU build of torch: its published wheels are linked to CUDA and fail on import.

Its pure-torch parts (mel, resampling, masking) work once ``torchaudio._extension`` reports "no extension". This module
does that, only where the plain import fails, and before transformers, which imports torchaudio as soon as it is
installed. Where the plain import works, nothing is touched.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any, Literal

Found = Literal["whole", "pure torch", "missing"]


def prepare_torchaudio() -> Found:
    """Make ``import torchaudio`` work. Says whether it is whole, its pure-torch part, or not installed."""
    loaded = sys.modules.get("torchaudio")
    if loaded is not None:
        stub = sys.modules.get("torchaudio._extension")
        return "pure torch" if getattr(stub, "is_stand_in", False) else "whole"
    try:
        importlib.import_module("torchaudio")
        return "whole"
    except ModuleNotFoundError as error:
        if error.name == "torchaudio":
            return "missing"
        raise
    except (OSError, RuntimeError):
        _forget_torchaudio()
        sys.modules["torchaudio._extension"] = _stand_in()
        importlib.import_module("torchaudio")
        return "pure torch"


def _forget_torchaudio() -> None:
    for name in [name for name in sys.modules if name == "torchaudio" or name.startswith("torchaudio.")]:
        del sys.modules[name]


def _stand_in() -> types.ModuleType:
    """What torchaudio asks of its extension, all answered with "not here"."""
    module: Any = types.ModuleType("torchaudio._extension")
    module.__path__ = []
    module.is_stand_in = True
    module._IS_TORCHAUDIO_EXT_AVAILABLE = module._IS_ALIGN_AVAILABLE = module._IS_RIR_AVAILABLE = False
    module._check_cuda_version = lambda: None
    module.lazy_import_sox_ext = lambda: None
    module.fail_if_no_align = _refusing("forced alignment")
    module.fail_if_no_rir = _refusing("room simulation")
    return module  # type: ignore[no-any-return]


def _refusing(what: str) -> Any:
    def decorate(function: Any) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise RuntimeError(f"{function.__name__} needs torchaudio's compiled {what}, which this build lacks.")

        return refuse

    return decorate
