#!/usr/bin/env bash
# What:    torch.optim.AdamW(fused=True) on a CPU writes new weights without raising the tensors' version counters; the
#          ordinary form raises them. Everything else that writes in place (copy_, load_state_dict) raises them too.
# Version: torch 2.13.0
# Why:     a cache that tells stale entries by `_version` (kept keys and values, folded or quantised weights) goes on
#          giving answers of the old weights after a training step, unsaid. Count optimiser steps instead, for instance
#          with torch.optim.optimizer.register_optimizer_step_post_hook.
# Source:  measured by this script; torch.Tensor._version is what autograd itself checks saved tensors by.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import torch

raised = {}
for fused in (False, True):
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=fused)
    weight.sum().backward()
    before, value = weight._version, weight.detach().clone()
    optimizer.step()
    assert not torch.equal(weight.detach(), value), "the step wrote nothing"
    raised[fused] = weight._version - before
with torch.no_grad():
    before = weight._version
    weight.copy_(torch.zeros(4))
copied = weight._version - before
print(f"torch {torch.__version__}: version counter raised by a step: plain {raised[False]}, fused {raised[True]}; by copy_: {copied}")
assert raised[False] > 0 and copied > 0 and raised[True] == 0, "this has changed"
PYTHON
