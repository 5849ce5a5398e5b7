#!/usr/bin/env bash
# What:    Conv3d in bfloat16 on a CPU gives its weights a wrong gradient, often not a finite one, where every output reaches into the
#          padding of the depth: a kernel of 3 over 2 frames, of 5 over 2 to 4. Output and gradient of the input are right.
# Version: torch 2.13.0, on CPUs with AVX-512 bfloat16 (others compute it another way; it then says so and has no verdict)
# Why:     a short clip in mixed precision trains on noise, and nothing says so where the numbers happen to be finite. Pad by
#          torch.nn.functional.pad before a convolution without padding along the depth: the same numbers, the right gradient.
# Source:  oneDNN's weight update of 3-D convolutions, as called by aten/src/ATen/native/mkldnn/Conv.cpp
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 2>/dev/null
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torch.nn.functional as F


def error(convolve) -> float:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 16, 2, 8, 8), torch.randn(16, 16, 3, 1, 1, requires_grad=True)
    found = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            made = convolve(x, weight)
        found.append(torch.autograd.grad(made.float().pow(2).mean(), weight)[0])
    return float((found[0] - found[1]).abs().max() / found[0].abs().max())


if not torch.cpu._is_avx512_bf16_supported():
    print("no verdict: this CPU does not compute in bfloat16")
    sys.exit(0)
inside = error(lambda x, weight: F.conv3d(x, weight, padding=(1, 0, 0)))
before = error(lambda x, weight: F.conv3d(F.pad(x, (0, 0, 0, 0, 1, 1)), weight))
print(f"error of the weights' gradient, of its largest number: padding inside {inside:.2g}, padding before {before:.2g}")
assert not inside < 0.1 and before < 0.02, "this has changed"
PYTHON
