"""Mixed precision on a CPU: convolutions are those of float32, whatever the processor, and the rest is in bfloat16."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.compiler.bfloat16 import in_bfloat16

# Shapes of which oneDNN's own bfloat16 gives what memory holds on a CPU with AMX, then two that it does right.
SHAPES: dict[str, tuple[Callable[..., Tensor], tuple[int, ...], tuple[int, ...], dict[str, object]]] = {
    "patches of 16 channels": (F.conv2d, (2, 16, 32, 32), (8, 16, 4, 4), {"stride": 4}),
    "one column": (F.conv2d, (2, 1, 128, 16), (16, 1, 16, 16), {"stride": 10}),
    "one column of three channels": (F.conv2d, (2, 3, 64, 24), (64, 3, 16, 16), {"stride": 10}),
    "few frames": (F.conv3d, (2, 16, 2, 8, 8), (16, 16, 3, 1, 1), {"padding": (1, 0, 0)}),
    "along a signal": (F.conv1d, (2, 8, 64), (16, 8, 8), {"stride": 8}),
    "as large as before": (F.conv2d, (2, 16, 16, 16), (16, 16, 3, 3), {"padding": "same"}),
    "upwards": (F.conv_transpose2d, (2, 16, 8, 8), (16, 8, 4, 4), {"stride": 4}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_convolution_is_that_of_float32_with_its_gradients(name: str) -> None:
    convolve, given, kernel, how = SHAPES[name]
    torch.manual_seed(0)
    x, weight = torch.randn(given, requires_grad=True), torch.randn(kernel, requires_grad=True)
    found = []
    for enabled in (False, True):
        torch.full((1 << 16,), 1e30)  # what a kernel that reads beyond its input would find
        with in_bfloat16("cpu", enabled=enabled):
            made = convolve(x, weight, **how)
        found.append((made, *torch.autograd.grad(made.square().sum(), (x, weight))))
    for plain, mixed in zip(*found):
        assert mixed.dtype == torch.float32
        torch.testing.assert_close(mixed, plain, rtol=1e-6, atol=1e-4)


def test_a_convolution_takes_what_came_in_bfloat16_and_a_matrix_product_stays_so() -> None:
    torch.manual_seed(0)
    layer, convolution = torch.nn.Linear(16, 16), torch.nn.Conv1d(4, 8, 3, padding=1)
    with in_bfloat16("cpu"):
        half_BDL = layer(torch.randn(2, 4, 16))
        made_BDL = convolution(half_BDL)
    assert (half_BDL.dtype, made_BDL.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(made_BDL, convolution(half_BDL.float()))


def test_outside_mixed_precision_nothing_changes() -> None:
    with in_bfloat16("cpu"):
        pass
    x, weight = torch.randn(1, 4, 8), torch.randn(4, 4, 3)
    assert F.conv1d(x.double(), weight.double()).dtype == torch.float64
    assert F.conv1d(x.bfloat16(), weight.bfloat16()).dtype == torch.bfloat16
