"""What Wav2Vec2, HuBERT and WavLM share: convolutions over samples, a token every 20 ms, layers that look at a clip's own tokens alone.

A feature encoder with a norm over time (the base models) would hear padding; clips of one length then go through it together, cut to
that length. Axes: B batch, S samples, N tokens, C channels, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.encoders.audio_features import even, own_samples
from core.blocks.encoders.hub_audio import HubAudioTower
from core.blocks.values import Grid, Tokens, Waveform
from core.knobs import knob
from core.problems import refuse

CHANNELS = 64  # of the convolutions, without weights


class HubWaveTower(HubAudioTower):
    """A speech model over samples."""

    extractor_class = "Wav2Vec2FeatureExtractor"

    @dataclass(frozen=True, kw_only=True)
    class Config(HubAudioTower.Config):
        """What is hidden in training."""

        hidden: float = knob(
            0.0, "In training, share of the tokens that a learned one stands for before the first layer (SpecAugment).",
            low=0, high=0.9, title="Tokens hidden", advanced=True,
        )  # fmt: skip
        stretch: int = knob(
            10,
            "Tokens hidden one after another.",
            low=1,
            high=100,
            unit="tokens",
            title="Stretch hidden",
            advanced=True,
        )

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.sees, self.hop = _window(self.model.config)
        samples = incoming["waveform"].samples_BS.shape[1]
        if samples < self.sees:
            raise refuse(
                f"A token of {self.title} hears {self.sees} samples; clips have {samples:,}.", hint="Use longer clips."
            )
        self.model.config.layerdrop = 0.0
        self.model.config.apply_spec_augment = False
        self.model.feature_extractor._requires_grad = False  # it would ask for a gradient of what comes in
        mask = getattr(self.model, "masked_spec_embed", None)
        if mask is not None:
            mask.requires_grad_(config.hidden > 0)

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """Seven convolutions as published, but narrow; nothing dropped."""
        c = self.config
        groups = next(count for count in (16, 8, 4, 2, 1) if c.width % count == 0)
        return getattr(library, self.config_class)(
            hidden_size=c.width, num_hidden_layers=c.depth, num_attention_heads=c.heads, intermediate_size=4 * c.width,
            conv_dim=(CHANNELS,) * 7, num_conv_pos_embeddings=32, num_conv_pos_embedding_groups=groups, hidden_dropout=0.0,
            attention_dropout=0.0, activation_dropout=0.0, feat_proj_dropout=0.0, final_dropout=0.0, mask_feature_prob=0.0,
            mask_time_prob=c.hidden,
        )  # fmt: skip

    def layers(self) -> Sequence[nn.Module]:
        """Those of the encoder."""
        return list(self.model.encoder.layers)

    def tokens_in(self, lengths_B: Tensor) -> Tensor:
        """How many tokens so many samples make, [B]."""
        return torch.where(lengths_B >= self.sees, (lengths_B - self.sees) // self.hop + 1, 0)

    def heard(self, waveform: Waveform) -> Tensor:
        """Convolutions, projection, layers."""
        own_BS = own_samples(waveform)
        if self.ears.do_normalize:
            own_BS = even(own_BS, waveform.lengths_B)
        made = self.model.feature_projection(self._convolved(own_BS, waveform.lengths_B))
        x_BND = made[0] if isinstance(made, tuple) else made
        if x_BND.device.type == "meta":
            return self.model.encoder(x_BND).last_hidden_state  # type: ignore[no-any-return]
        count_B = self.tokens_in(waveform.lengths_B).clamp_min(1)  # nothing at all would be looked at by nobody
        real_BN = torch.arange(x_BND.shape[1], device=x_BND.device) < count_B[:, None]
        x_BND = torch.where(self._hidden(real_BN)[..., None], self._stand_in(x_BND), x_BND)
        return self.model.encoder(x_BND, attention_mask=real_BN).last_hidden_state  # type: ignore[no-any-return]

    def _convolved(self, own_BS: Tensor, lengths_B: Tensor) -> Tensor:
        """[B, N, C]."""
        convolve = self.model.feature_extractor
        length = own_BS.shape[1]
        if (
            own_BS.device.type == "meta"
            or self.model.config.feat_extract_norm != "group"
            or bool((lengths_B == length).all())
        ):
            return convolve(own_BS).transpose(1, 2)  # type: ignore[no-any-return]
        ends = lengths_B.clamp_min(self.sees).tolist()
        width = (length - self.sees) // self.hop + 1
        rows: dict[int, Tensor] = {}
        for end in dict.fromkeys(ends):
            which = [row for row, other in enumerate(ends) if other == end]
            made_BNC = convolve(own_BS[which, :end]).transpose(1, 2)
            rows |= dict(zip(which, F.pad(made_BNC, (0, 0, 0, width - made_BNC.shape[1]))))
        return torch.stack([rows[row] for row in range(len(ends))])

    def _hidden(self, real_BN: Tensor) -> Tensor:
        """Which tokens are hidden now: stretches that begin where the run's own stream says."""
        share, stretch = self.config.hidden, self.config.stretch
        if not self.training or not share:
            return torch.zeros_like(real_BN)
        begins_BN = torch.rand(real_BN.shape, device=real_BN.device) < share / stretch
        within_BN = F.max_pool1d(F.pad(begins_BN.float(), (stretch - 1, 0)), stretch, 1) > 0
        return within_BN & real_BN

    def _stand_in(self, x_BND: Tensor) -> Tensor:
        mask = getattr(self.model, "masked_spec_embed", None)
        return x_BND.new_zeros(()) if mask is None else mask.to(x_BND.dtype)

    def placed(self, x_BND: Tensor, waveform: Waveform) -> Tokens:
        """A token stands for the middle of what it hears."""
        mask_BN = torch.arange(x_BND.shape[1], device=x_BND.device) < self.tokens_in(waveform.lengths_B)[:, None]
        grid = Grid(kind="times", sizes=(x_BND.shape[1],), first=self.sees / 2 / self.rate, step=self.hop / self.rate)
        return Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)


def _window(config: Any) -> tuple[int, int]:
    """Samples that a token hears, and samples between two tokens."""
    sees = hop = 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride):
        sees += (kernel - 1) * hop
        hop *= stride
    return sees, hop
