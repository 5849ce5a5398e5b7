#!/usr/bin/env bash
# What:    torch.nn.functional.grid_sample on a CPU with a NaN among its places: the forward pass gives finite numbers there,
#          as if nothing were wrong (border padding, bilinear), and the backward pass ends the process (segmentation fault).
# Version: torch 2.13.0
# Why:     one sample with an undefined box (0 / 0 for a box without area) takes down the whole run, without an exception
#          that names it, where every other layer would give NaN. Put a finite place in and write NaN to the result.
# Source:  measured by this script, in child processes; zeros and border padding, 1 thread.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

CHILD = """
import sys
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
picture = torch.randn(2, 3, 4, 4, requires_grad=True)
places = torch.zeros(2, 5, 5, 2)
places[1] = float(sys.argv[1])
places.requires_grad_()
read = F.grid_sample(picture, places, mode="bilinear", padding_mode=sys.argv[2], align_corners=False)
print(bool(read[1].isfinite().all()), flush=True)
read[0].sum().backward()
print("came back", flush=True)
"""


def asked(place: str, padding: str) -> tuple[str, int]:
    done = subprocess.run([sys.executable, "-c", CHILD, place, padding], capture_output=True, text=True)
    return " ".join(done.stdout.split()), done.returncode


for padding in ("border", "zeros"):
    print(f"{padding}: a place of 0.5: {asked('0.5', padding)}, a place of NaN: {asked('nan', padding)}")
assert asked("0.5", "border") == ("True came back", 0)
said, code = asked("nan", "border")
assert said == "True" and code < 0, "this has changed"
PYTHON
