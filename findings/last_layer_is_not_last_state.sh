#!/usr/bin/env bash
# What:    in transformers 5 the last of hidden_states is the last hidden state in some audio models and not in others: a Wav2Vec2, HuBERT or
#          WavLM of the large form (norms before each layer) and an AST leave it before the last norm, Whisper's encoder and the base forms do not.
# Version: transformers 5.24.0, torch 2.13.0
# Why:     a learned mix of layers, or a probe of layer 24, is fed numbers of another size than the model gives, and only for some checkpoints.
# Source:  transformers/utils/output_capturing.py, capture_outputs(tie_last_hidden_states=...); False in wav2vec2, hubert, wavlm and AST.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.2.6 transformers==5.24.0 2>/dev/null
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

torch.manual_seed(0)
more = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7,
            num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)
sound = torch.randn(1, 16_000)
found = {}
with torch.no_grad():
    for name, large in (("base", False), ("large", True)):
        made = Wav2Vec2Model(Wav2Vec2Config(do_stable_layer_norm=large, **more)).eval()(sound, output_hidden_states=True)
        found[f"Wav2Vec2 {name}"] = float((made.hidden_states[-1] - made.last_hidden_state).abs().max())
    config = WhisperConfig(d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=32, max_source_positions=50)
    made = WhisperEncoder(config).eval()(torch.randn(1, 80, 100), output_hidden_states=True)
    found["Whisper"] = float((made.hidden_states[-1] - made.last_hidden_state).abs().max())
print("; ".join(f"{name}: off by {off:.2f}" for name, off in found.items()))
assert found["Wav2Vec2 base"] == 0 and found["Whisper"] == 0 and found["Wav2Vec2 large"] > 0.1, "this has changed"
PYTHON
