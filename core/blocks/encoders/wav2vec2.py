"""Wav2Vec2 (arXiv:2006.11477) from transformers: learned by telling a hidden token's quantised target from others of the same clip."""

from __future__ import annotations

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_wave import HubWaveTower


@blocks.register("encoders.wav2vec2")
class Wav2Vec2(HubWaveTower):
    """A speech encoder over samples, with weights from a folder or small with random ones."""

    title = "Wav2Vec2"
    model_class, config_class = "Wav2Vec2Model", "Wav2Vec2Config"
