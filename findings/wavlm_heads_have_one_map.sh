#!/usr/bin/env bash
# What:    transformers' WavLM gives the mean of all heads as the attention map of each: asked for output_attentions, every head of a layer
#          has the very same map, of the right shape and with rows that sum to one; no head's map times its values is what it passes on.
# Version: transformers 5.24.0, torch 2.13.0
# Why:     a drawing of heads shows one picture twelve times, and a study of heads finds that they all do the same. Attention has to be
#          computed again, head by head, from queries, keys and the gated positions.
# Source:  transformers/models/wavlm/modeling_wavlm.py, WavLMAttention.torch_multi_head_self_attention: attn_weights[:, None].broadcast_to(...).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 transformers==5.24.0 2>/dev/null
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import WavLMConfig, WavLMModel

torch.manual_seed(0)
config = WavLMConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32, conv_dim=(8,) * 7,
                     num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)
model = WavLMModel(config).eval()
look = model.encoder.layers[0].attention
seen = {}
look.register_forward_hook(lambda _, given, made: seen.update(x=given[0] if given else None, out=made[0]), with_kwargs=False)
with torch.no_grad():
    rows = model(torch.randn(1, 16_000), output_attentions=True).attentions[0]
same = float((rows - rows[:, :1]).abs().max())
values = look.v_proj(seen["x"]).unflatten(-1, (4, -1)).transpose(1, 2)
mixed = look.out_proj((rows @ values).transpose(1, 2).flatten(2))
off = float((mixed - seen["out"]).abs().max() / seen["out"].abs().max())
print(f"shape {tuple(rows.shape)}; heads differ by {same:.1e}; map times values is off by {off:.1e} of the output")
assert same == 0 and off > 1e-3, "this has changed"
PYTHON
