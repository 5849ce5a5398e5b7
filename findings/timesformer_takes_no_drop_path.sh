#!/usr/bin/env bash
# What:    transformers' TimesformerConfig says of itself that drop_path_rate is a whole number, and checks it: 0.1 is refused, and so is 0.0.
#          Only 0 (nothing is ever dropped) and 1 (every layer is) can be set, so TimeSformer cannot be trained with stochastic depth.
# Version: transformers 5.24.0, huggingface_hub 2.4.0
# Why:     video transformers are fine-tuned with a share of about 0.1 to 0.2; a recipe that was written for the paper's code stops with an error
#          of types, and one that rounds the share to make it pass trains something else.
# Source:  transformers/models/timesformer/configuration_timesformer.py: drop_path_rate: int = 0 in a strict dataclass.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.2.6 transformers==5.24.0 huggingface_hub==2.4.0 2>/dev/null
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from transformers import TimesformerConfig, VivitConfig

said = {}
for share in (0, 0.0, 0.1):
    try:
        said[share if isinstance(share, float) else "0"] = f"kept as {TimesformerConfig(drop_path_rate=share).drop_path_rate}"
    except Exception as error:
        said[share if isinstance(share, float) else "0"] = str(error).splitlines()[-1].strip()
print("\n".join(f"drop_path_rate={share}: {words}" for share, words in said.items()))
print(f"beside it, ViViT's hidden_dropout_prob=0.1 is kept as {VivitConfig(hidden_dropout_prob=0.1).hidden_dropout_prob}")
assert said["0"] == "kept as 0", "this has changed"
assert all("expected int, got float" in said[share] for share in (0.0, 0.1)), "this has changed"
PYTHON
