"""CLAP's audio tower HTSAT (arXiv:2211.06687, 2202.00874) from transformers' ClapAudioModel: a Swin transformer over 10 seconds.

Shorter clips are repeated as often as they fit, as in training. Of weights with fusion the part for longer clips is never drawn at
random, as the library's feature extractor does: no clip is longer than the window here. Its attention looks within windows of an
image folded from time, so there is no map of the clip. Axes: B batch, S samples, T frames, F bands, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.audio_features import clap_mel, own_samples
from core.blocks.encoders.hub_audio import LAST, HubAudioTower, example_waveform
from core.blocks.values import Grid, Tokens, Waveform
from core.problems import refuse

STAGES, CHUNKS = 4, 4  # of the tower; of time, one above another


@blocks.register("encoders.clap_audio")
class CLAPAudio(HubAudioTower):
    """CLAP's audio tower, with weights from a folder or small with random ones."""

    title = "CLAP audio"
    model_class, config_class, extractor_class = "ClapAudioModel", "ClapAudioConfig", "ClapFeatureExtractor"
    whole = ("clap", "ClapModel", "audio_model")
    rate = 48_000
    watched = Block.watched  # type: ignore[assignment]

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.tap != LAST:
            raise refuse("The layers of CLAP's audio tower are of different widths; only the last is given.")
        self.window = self.ears.nb_max_samples
        filters = self.ears.mel_filters if self.model.config.enable_fusion else self.ears.mel_filters_slaney
        self.register_buffer("filters_QF", torch.as_tensor(filters).float(), persistent=False)
        self.want_within(incoming["waveform"], self.window)

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """As many stages as published, each as deep and with as many heads; the last is as wide as a token."""
        c = self.config
        return library.ClapAudioConfig(
            patch_embeds_hidden_size=c.width // 2 ** (STAGES - 1), depths=(c.depth,) * STAGES, hidden_size=c.width,
            num_attention_heads=(c.heads,) * STAGES, hidden_dropout_prob=0.0,
        )  # fmt: skip

    def layers(self) -> Sequence[nn.Module]:
        """Stages, whose widths differ."""
        return list(self.model.audio_encoder.layers)

    def heard(self, waveform: Waveform) -> Tensor:
        """Decibels of the repeated clip, folded into an image, through four stages."""
        mel_B1TF = clap_mel(self._repeated(waveform), self.filters_QF)[:, None]  # type: ignore[arg-type]
        longer = None
        if self.model.config.enable_fusion:
            mel_B1TF = mel_B1TF.expand(-1, 4, -1, -1)
            longer = torch.zeros(len(mel_B1TF), 1, dtype=torch.bool, device=mel_B1TF.device)
        x_BDFT = self.model(input_features=mel_B1TF, is_longer=longer).last_hidden_state
        return x_BDFT.flatten(2).transpose(1, 2)  # type: ignore[no-any-return]

    def _repeated(self, waveform: Waveform) -> Tensor:
        own_BS = own_samples(waveform, self.window)
        if own_BS.device.type == "meta":
            return own_BS
        rows = []
        for row_S, length in zip(own_BS, waveform.lengths_B.tolist()):
            again_S = row_S[: max(length, 1)].repeat(self.window // max(length, 1))
            rows.append(F.pad(again_S, (0, self.window - len(again_S))))
        return torch.stack(rows)

    def placed(self, x_BND: Tensor, waveform: Waveform) -> Tokens:
        """Cells of two bands and 32 times, all of which hear the clip: it is repeated to the window's end."""
        bands = self.model.config.spec_size // self.model.config.patch_stride[0] // 2 ** (STAGES - 1) // CHUNKS
        times = x_BND.shape[1] // bands
        step = self.window / self.rate / times
        grid = Grid(kind="bins", sizes=(bands, times), first=step / 2, step=step)
        return Tokens(x_BND=x_BND, modality="audio", grid=grid)

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds."""
        return {"waveform": example_waveform(48_000, cls.rate)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer a stage."""
        return {"width": 32, "depth": 1, "heads": 2}
