#!/usr/bin/env bash
# What:    On a CPU with AMX, Conv2d in bfloat16 gives numbers that have nothing to do with its input for common shapes: patches of 4 x 4
#          of 16 channels, patches of one column. They are what memory holds: zeros, huge ones, NaN, others at every call. Matrix products
#          are right. Held to AVX-512 (ONEDNN_MAX_CPU_ISA) the same convolutions are right, and slower than in float32.
# Version: torch 2.13.0 (oneDNN 3.12.0), on CPUs with AMX bfloat16 (others say so and give no verdict)
# Why:     mixed precision on such a machine trains on noise; where the numbers happen to be finite nothing says so.
# Source:  brgemm convolutions of oneDNN for amx_bf16, as called by aten/src/ATen/native/mkldnn/Conv.cpp; pytorch #163347 and #169688 are
#          of the same family (wrong bfloat16 convolutions on a CPU that switching mkldnn off makes right)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 2>/dev/null
cat > "$folder/look.py" <<'PYTHON'
import sys

import torch
import torch.nn.functional as F

if not torch.cpu._is_amx_tile_supported():
    print("no verdict: this CPU has no AMX")
    sys.exit(2)
torch.manual_seed(0)
worst = 0.0
for given, kernel, stride in (((2, 16, 32, 32), (8, 16, 4, 4), 4), ((2, 1, 128, 16), (16, 1, 16, 16), 10)):
    for _ in range(5):
        x, weight = torch.randn(given).bfloat16(), torch.randn(kernel).bfloat16()
        wanted = F.conv2d(x.float(), weight.float(), stride=stride)
        error = float((F.conv2d(x, weight, stride=stride).float() - wanted).abs().max() / wanted.abs().max())
        worst = max(worst, error if error == error else float("inf"))
print(f"largest error, of the largest number: {'less than 0.02' if worst < 0.02 else 'more than 0.5' if worst > 0.5 else worst}")
x, weight = torch.randn(64, 48).bfloat16(), torch.randn(32, 48).bfloat16()
exact = x.float() @ weight.float().T
print(f"matrix product right: {bool(((x @ weight.T).float() - exact).abs().max() < 0.02 * exact.abs().max())}")
PYTHON
status=0
as_it_is=$("$folder/venv/bin/python" -W ignore "$folder/look.py") || status=$?
if [ "$status" = 2 ]; then echo "$as_it_is"; exit 0; fi
held=$(ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 "$folder/venv/bin/python" -W ignore "$folder/look.py")
printf 'as it is:\n%s\nheld to AVX-512:\n%s\n' "$as_it_is" "$held"
[ "$as_it_is" = $'largest error, of the largest number: more than 0.5\nmatrix product right: True' ]
[ "$held" = $'largest error, of the largest number: less than 0.02\nmatrix product right: True' ]
