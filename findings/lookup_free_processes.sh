#!/usr/bin/env bash
# What:    LFQ of vector-quantize-pytorch, trained by several processes, divides its mean use of codes by their number without having
#          added anything up: it calls torch.distributed.nn.all_reduce(t), which gives the sum and leaves t as it was, and drops it.
# Version: vector-quantize-pytorch 1.32.0, torch 2.13.0
# Why:     the entropy of use is then that of numbers that sum to 1 / processes: another loss, with another gradient, for the same
#          batch. Two processes with the very same batch must give the loss of one; they do not. Also in every forward in training
#          mode all processes are waited for, whatever the others are about; and whether there are several is asked once and kept
#          (functools.cache), so a quantizer used before the processes meet is never told. Replace lookup_free_quantization.maybe_distributed_mean.
# Source:  lookup_free_quantization.py, maybe_distributed_mean; torch/distributed/nn/functional.py, _AllReduce.forward (clones).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check vector-quantize-pytorch==1.32.0 torch==2.13.0 numpy==2.2.6 2>/dev/null
cat > "$folder/worker.py" <<'PYTHON'
import torch
import torch.distributed as dist
from vector_quantize_pytorch import LFQ

dist.init_process_group("gloo")
torch.manual_seed(0)
quantizer = LFQ(dim=8, codebook_size=16, entropy_loss_weight=1.0, commitment_loss_weight=0.0).train()
loss = float(quantizer(torch.randn(2, 24, 8), inv_temperature=1.0)[2].detach())
if dist.get_rank() == 0:
    print(f"{loss:.4f}", flush=True)
dist.destroy_process_group()
PYTHON
losses() { (cd "$folder" && "$folder/venv/bin/python" -W ignore -m torch.distributed.run --standalone --nproc-per-node "$1" worker.py 2>/dev/null); }
one=$(losses 1) two=$(losses 2)
echo "entropy loss of LFQ: one process $one, two with the same batch $two"
[ -n "$two" ] && [ "$one" != "$two" ] || { echo "this has changed"; exit 1; }
