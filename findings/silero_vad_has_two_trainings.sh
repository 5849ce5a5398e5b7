#!/usr/bin/env bash
# What:    silero-vad's wheel carries two different trainings of its 16 kHz network: silero_vad_16k.safetensors (read by its
#          tinygrad_model.py) has the same shapes as silero_vad.onnx, silero_vad_16k_op15.onnx and silero_vad.jit, and other numbers.
# Version: silero-vad 6.2.3
# Why:     a port checked with the safetensors file against the package's own answers is wrong by up to 0.4 in a probability though it
#          is right; copy the TorchScript file's tensors to check it. Thresholds that were tuned on one file do not hold for the other.
# Source:  silero_vad/data of the wheel, silero_vad/tinygrad_model.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 numpy==2.2.6 safetensors==0.7.0 2>/dev/null
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps silero-vad==6.2.3 2>/dev/null
said=$(cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import importlib.util
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import load_file

data = Path(importlib.util.find_spec("silero_vad").submodule_search_locations[0]) / "data"
own = load_file(data / "silero_vad_16k.safetensors")
graph = onnx.load(data / "silero_vad_16k_op15.onnx").graph
theirs = [numpy_helper.to_array(each) for each in graph.initializer]
theirs += [
    numpy_helper.to_array(attribute.t)
    for node in graph.node
    if node.op_type == "Constant"
    for attribute in node.attribute
    if attribute.name == "value"
]
for name in ("stft_conv.weight", "conv1.weight", "conv4.bias"):
    alike = [each for each in theirs if each.shape == own[name].shape]
    nearest = min(float(np.abs(each - own[name]).max()) for each in alike)
    print(f"{name}: the nearest tensor of that shape in silero_vad_16k_op15.onnx differs by {nearest:.3f}")
PYTHON
)
echo "$said"
grep -q "stft_conv.weight.*differs by 0.000" <<<"$said" && grep -q "conv1.weight.*differs by [1-9]" <<<"$said" && grep -q "conv4.bias.*differs by [1-9]" <<<"$said"
