"""Computing in bfloat16, on a CPU with convolutions in float32.

oneDNN's convolutions in bfloat16, which torch's autocast chooses on a CPU, are wrong in silence on many machines: on those with AMX
(Intel's Xeons of 2023 and later) the output of some shapes is what memory happens to hold, patches of 4 × 4 of 16 channels among them
(findings/conv_bfloat16_amx.sh); on those with AVX-512 bfloat16 alone, weights of short films get wrong gradients
(findings/conv3d_bfloat16_depth.sh) and convolutions take longer than in float32. Matrix products are right, and are where time is won.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

# What CPU autocast runs in the lower precision, of aten/src/ATen/autocast_mode.cpp.
CONVOLUTIONS = (
    "conv1d", "conv1d.padding", "conv2d", "conv2d.padding", "conv3d", "conv3d.padding", "conv_tbc",
    "conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input",
)  # fmt: skip


def in_bfloat16(device_type: str, *, enabled: bool = True) -> torch.autocast:
    """Autocast to bfloat16 on ``cpu`` or ``cuda``; on a CPU all but convolutions, which run in float32 and give it."""
    if enabled and device_type == "cpu":
        _keep_convolutions()
    return torch.autocast(device_type, torch.bfloat16, enabled=enabled)


@cache
def _keep_convolutions() -> torch.library.Library:
    """For the whole process, once: autocast on a CPU casts what convolutions are given to float32. Elsewhere nothing changes."""
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a kernel is overridden is what is wanted
        for name in CONVOLUTIONS:
            operation, _, overload = name.partition(".")
            library.impl(
                name, _in_float32(getattr(getattr(torch.ops.aten, operation), overload or "default")), "AutocastCPU"
            )
    return library


def _in_float32(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def convolve(*given: Any, **named: Any) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return operation(*map(_wide, given), **{name: _wide(value) for name, value in named.items()})

    return convolve


def _wide(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16) else value
