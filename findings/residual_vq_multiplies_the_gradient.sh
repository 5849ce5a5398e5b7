#!/usr/bin/env bash
# What:    ResidualVQ(rotation_trick=False) of vector-quantize-pytorch gives its input the gradient of its output times the number of
#          quantizers: each level passes the gradient straight through its own residual, and the residuals are the input every time.
# Version: vector-quantize-pytorch 1.32.0, torch 2.13.0
# Why:     "straight through" promises a gradient of one. With eight levels the encoder learns eight times as fast as the decoder, and
#          changing the number of levels changes the learning rate unseen. Pass the gradient once, past the sum:
#          x + (quantized - x).detach() with quantized looked up from the indices.
# Source:  measured by this script; residual_vq.py, "residual = residual - frac_gradient(quantized, self.quant_grad_frac)", where the
#          fraction is 0 by default.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check vector-quantize-pytorch==1.32.0 torch==2.13.0 numpy==2.2.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from vector_quantize_pytorch import ResidualVQ, VectorQuantize

torch.manual_seed(0)
found = {}
for levels in (1, 2, 4, 8):
    quantizer = ResidualVQ(dim=8, num_quantizers=levels, codebook_size=16, rotation_trick=False).train()
    x = torch.randn(2, 24, 8, requires_grad=True)
    quantizer(x)[0].sum().backward()
    found[levels] = x.grad.unique().tolist()
alone = VectorQuantize(dim=8, codebook_size=16, rotation_trick=False).train()
x = torch.randn(2, 24, 8, requires_grad=True)
alone(x)[0].sum().backward()
print(f"vector-quantize-pytorch 1.32.0: gradient of VectorQuantize {x.grad.unique().tolist()}, of ResidualVQ by levels {found}")
assert x.grad.unique().tolist() == [1.0] and found == {n: [float(n)] for n in found}, "this has changed"
PYTHON
