#!/usr/bin/env bash
# What:    NaN in a W&B run's configuration is written as null, while infinity beside it and NaN in the history are kept as they are; no
#          warning is given.
# Version: wandb 0.31.0
# Why:     a threshold of NaN ("never") comes back as "not set", so a run cannot be begun again from its own record, and runs that differ
#          only by it look alike when they are grouped. Keep such a setting as text.
# Source:  wandb/util.py, json_friendly (NaN becomes None; the history's encoder asks for it to be preserved).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check wandb==0.31.0 2>/dev/null
cat > "$folder/log.py" <<'PYTHON'
import glob

import wandb

run = wandb.init(project="p", config={"clip_to": float("inf"), "threshold": float("nan"), "rate": 0.5})
run.log({"loss_up": float("inf"), "loss_bad": float("nan")})
run.finish()
data = open(glob.glob("wandb/offline-run-*/run-*.wandb")[0], "rb").read()


def behind(key: bytes) -> str:
    """The JSON that follows a key in the file."""
    place = data.index(key) + len(key)
    length = data[place + 2]
    return data[place + 3 : place + 3 + length].decode()


print(behind(b"clip_to"), behind(b"threshold"), behind(b"rate"), data.count(b"Infinity") > 0, data.count(b"NaN") > 0)
PYTHON
read -r clip threshold rate up bad < <(cd "$folder" && HOME="$folder" WANDB_MODE=offline WANDB_SILENT=true "$folder/venv/bin/python" -W ignore log.py 2>/dev/null | tail -1)
echo "configuration: inf is written as $clip, NaN as $threshold, 0.5 as $rate; history keeps Infinity: $up, NaN: $bad"
[ "$clip $threshold $rate $up $bad" = "Infinity null 0.5 True True" ] || { echo "this has changed"; exit 1; }
