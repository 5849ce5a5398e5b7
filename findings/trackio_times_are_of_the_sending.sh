#!/usr/bin/env bash
# What:    trackio keeps for each value the time at which its batch was sent, not the one at which it was logged: everything logged within
#          half a second has one timestamp, and it is later than any of them.
# Version: trackio 0.43.0
# Why:     seconds per step, throughput and "relative time" of a fast loop come out of these times: three steps 0.2 s apart are at the
#          same moment, then comes a gap of 0.65 s. Log a time of your own (trackio.log({"seconds": ...})) where it matters.
# Source:  trackio/run.py, Run._batch_sender (waits, then sends what gathered); sqlite_storage.py, bulk_log (one timestamp for the list).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check trackio==0.43.0 2>/dev/null
cat > "$folder/log.py" <<'PYTHON'
import json
import os
import sqlite3
import time

import trackio

trackio.init(project="times", name="run")
for step in range(6):
    trackio.log({"logged": time.time()})
    time.sleep(0.2)
trackio.finish()
rows = sqlite3.connect(os.path.join(os.environ["TRACKIO_DIR"], "times.db")).execute("SELECT timestamp, metrics FROM metrics").fetchall()
print(len(rows), len({timestamp for timestamp, _ in rows}), len({json.loads(metrics)["logged"] for _, metrics in rows}))
PYTHON
read -r values kept logged < <(cd "$folder" && HOME="$folder" TRACKIO_DIR="$folder" "$folder/venv/bin/python" -W ignore log.py 2>/dev/null | tail -1)
echo "$values values logged at $logged different times have $kept timestamps"
[ "$values" = 6 ] && [ "$logged" = 6 ] && [ "$kept" -lt 6 ] || { echo "this has changed"; exit 1; }
