#!/usr/bin/env bash
# What:    scalars that were written as tensors (tf.summary.scalar, SummaryWriter.add_scalar(new_style=True)) are no scalars for
#          TensorBoard's EventAccumulator: Scalars() has none of them, and Tensors() gives ten, drawn at random, however many there are.
# Version: tensorboard 2.21.0
# Why:     the same loss read with the same defaults is 100 points from one writer and 10 from another; means, minima and last-but-one
#          values of the latter are of a sample. Give size_guidance={"tensors": 0}, and read Tensors() where Scalars() is empty.
# Source:  tensorboard/backend/event_processing/event_accumulator.py, DEFAULT_SIZE_GUIDANCE (tensors: 10; scalars: 10000), reservoir.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorboard==2.21.0 "setuptools<81" 2>/dev/null
cat > "$folder/read.py" <<'PYTHON'
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

writer = EventFileWriter(sys.argv[1])
for step in range(100):
    new = Summary.Value(tag="new", tensor=make_tensor_proto(np.float32(step)), metadata=create_summary_metadata("new", ""))
    old = Summary.Value(tag="old", simple_value=step)
    writer.add_event(Event(step=step, wall_time=step, summary=Summary(value=[new, old])))
writer.close()
read = EventAccumulator(sys.argv[1])
read.Reload()
print(len(read.Scalars("old")), len(read.Tensors("new")), "new" in read.Tags()["scalars"])
PYTHON
read -r old new listed < <("$folder/venv/bin/python" -W ignore "$folder/read.py" "$folder/logs" 2>/dev/null | tail -1)
echo "of 100 scalars written as numbers $old are read, of 100 written as tensors $new; listed among the scalars: $listed"
[ "$old $new $listed" = "100 10 False" ] || { echo "this has changed"; exit 1; }
