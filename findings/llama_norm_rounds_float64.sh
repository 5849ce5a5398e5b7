#!/usr/bin/env bash
# What:    a transformers Llama in float64 is not one: LlamaRMSNorm computes in float32 whatever comes in, and sines of places are
#          made in float32, so model.double() agrees with an exact form to about 1e-7, not 1e-15, and nothing says so.
# Version: transformers 5.24.0, torch 2.13.0
# Why:     a parity test in float64 against it cannot be tighter than float32, and a gradient check by differences fails although
#          both codes are right. Compare with norms and sines of its own replaced by exact ones.
# Source:  transformers/models/llama/modeling_llama.py, LlamaRMSNorm.forward: hidden_states.to(torch.float32).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 transformers==5.24.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from transformers.models.llama.modeling_llama import LlamaRMSNorm

torch.manual_seed(0)
x = torch.randn(64, 32, dtype=torch.float64)
norm = LlamaRMSNorm(32).double()
exact = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon)
made = norm(x).detach()
off = float((made - exact).abs().max())
print(f"LlamaRMSNorm in float64: dtype {made.dtype}, off from the exact form by {off:.1e}")
assert made.dtype == torch.float64 and 1e-9 < off < 1e-5, "this has changed"
PYTHON
