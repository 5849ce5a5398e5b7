#!/usr/bin/env bash
# What:    torch's elastic launcher hands every attempt the same TCPStore: keys that the processes of the first attempt wrote, the
#          addresses of their gloo pairs among them, are still there when processes are started anew. A comment beside the code
#          says that each retry has a store of its own.
# Version: torch 2.13.0
# Why:     a process of the second attempt may read the address of one that was killed and wait for it as long as the process
#          group's timeout, which is long where one rank may be busy. Wrap the store: PrefixStore(f"attempt {n}", store) with
#          n = TORCHELASTIC_RESTART_COUNT, and give it to init_process_group.
# Source:  torch/distributed/rendezvous.py (_create_c10d_store), torch/distributed/elastic/rendezvous/dynamic_rendezvous.py
#          (_shared_tcp_store_server).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 2>/dev/null
cat > "$folder/worker.py" <<'PYTHON'
import os
import sys

import torch.distributed as dist

store, rank, _ = next(dist.rendezvous("env://"))
attempt = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
if attempt == 0:
    store.set("address of rank 0", "of the first attempt")
    sys.exit(1)
print("second attempt finds the key of the first:", store.check(["address of rank 0"]), flush=True)
PYTHON
said=$(cd "$folder" && "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc-per-node 1 --max-restarts 1 worker.py 2>/dev/null)
echo "$said"
[ "$said" = "second attempt finds the key of the first: True" ] || { echo "this has changed"; exit 1; }
