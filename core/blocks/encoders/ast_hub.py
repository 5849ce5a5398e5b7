"""AST (arXiv:2104.01778) from transformers' ASTModel: overlapping patches of Kaldi's filter bank behind two leading tokens.

It was trained on windows of 10.24 seconds, padded with a value that is no silence, and looks at all of one; only patches that begin
within the clip are given as real. AudioMAE (arXiv:2207.06405) has its form. It stands here for BEATs (arXiv:2212.09058), too, which
transformers does not have: another model of AudioSet over the same patches, not the same one. Axes: B batch, T frames, F bands,
N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.encoders.audio_features import kaldi_fbank, kaldi_filters, own_samples
from core.blocks.encoders.hub_audio import HubAudioTower
from core.blocks.values import Grid, Tokens, Waveform

WINDOW, HOP, BANDS = 400, 160, 128


@blocks.register("encoders.ast_hub")
class ASTHub(HubAudioTower):
    """A spectrogram transformer with weights from a folder, or small with random ones."""

    title = "AST (transformers)"
    model_class, config_class, extractor_class = "ASTModel", "ASTConfig", "ASTFeatureExtractor"

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        known, begun = self.model.config, self.model.embeddings
        if not config.source:  # all alike in the library: nothing would tell two places apart at the beginning
            for learned in (begun.cls_token, begun.distillation_token, begun.position_embeddings):
                nn.init.trunc_normal_(learned, std=0.02)
        with torch.device("cpu"):  # a fixed table, also where only sizes are wanted
            filters_QF = kaldi_filters(known.num_mel_bins, self.rate)
        self.register_buffer("filters_QF", filters_QF, persistent=False)
        self.cells = tuple(
            (size - known.patch_size) // stride + 1
            for size, stride in ((known.num_mel_bins, known.frequency_stride), (known.max_length, known.time_stride))
        )
        self.want_within(
            incoming["waveform"], known.max_length * HOP + WINDOW - 1
        )  # of so many no further frame is made

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """A window as long as the clips."""
        c, samples = self.config, incoming["waveform"].samples_BS.shape[1]
        return library.ASTConfig(
            hidden_size=c.width, num_hidden_layers=c.depth, num_attention_heads=c.heads, intermediate_size=4 * c.width,
            max_length=max(16, _frames(samples)), num_mel_bins=BANDS,
        )  # fmt: skip

    def layers(self) -> Sequence[nn.Module]:
        """The model's."""
        return list(self.model.layers)

    def heard(self, waveform: Waveform) -> Tensor:
        """Filter bank of the clip, padded as in training; patches, layers."""
        bank_BTF = kaldi_fbank(own_samples(waveform, WINDOW), self.filters_QF)  # type: ignore[arg-type]
        inside_BT = torch.arange(bank_BTF.shape[1], device=bank_BTF.device) < _frames(waveform.lengths_B)[:, None]
        bank_BTF = torch.where(inside_BT[..., None], bank_BTF, 0.0)
        bank_BTF = F.pad(bank_BTF, (0, 0, 0, self.model.config.max_length - bank_BTF.shape[1]))
        if self.ears.do_normalize:
            bank_BTF = (bank_BTF - self.ears.mean) / (2 * self.ears.std)
        return self.model(input_values=bank_BTF).last_hidden_state  # type: ignore[no-any-return]

    def placed(self, x_BND: Tensor, waveform: Waveform) -> Tokens:
        """Patches lie band by band behind two leading tokens; each stands for the middle of its frames."""
        known, (bands, times) = self.model.config, self.cells
        extra = x_BND.shape[1] - bands * times
        begins_T = torch.arange(times, device=x_BND.device) * known.time_stride
        real_BT = begins_T < _frames(waveform.lengths_B)[:, None]
        mask_BN = F.pad(real_BT.repeat(1, bands), (extra, 0), value=True)
        first = ((known.patch_size - 1) / 2 * HOP + WINDOW / 2) / self.rate
        grid = Grid(
            kind="bins", sizes=(bands, times), extra=extra, first=first, step=known.time_stride * HOP / self.rate
        )
        return Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)


def _frames(samples: Any) -> Any:
    """Whole windows in so many samples."""
    frames = (samples - WINDOW) // HOP + 1
    return frames.clamp_min(0) if isinstance(frames, Tensor) else max(frames, 0)
