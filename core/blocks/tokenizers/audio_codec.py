"""Audio as codes and back, by a published codec: EnCodec (arXiv:2210.13438), DAC (arXiv:2306.06546) or Mimi (arXiv:2410.00037), from transformers.

A time has a code of each residual level, coarse to fine: the first few levels carry what is said or played, the others how it sounds.
MusicLM (arXiv:2301.11325) models three layers of such codes: semantic ones of w2v-BERT (25 a second), then the coarse and the fine
acoustic ones of a codec (SoundStream, 50 a second; here 75, 86 or 12.5). Mimi's first level is itself distilled from a semantic model.
The codec stays as it was trained. Axes: B batch, S samples, T times, Q levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.audio_features import own_samples
from core.blocks.encoders.hub import HubTower
from core.blocks.encoders.hub_audio import example_waveform
from core.blocks.values import Codes, Grid, Waveform
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

ENCODEC, DAC, MIMI = "EnCodec", "DAC", "Mimi"
CLASSES = {ENCODEC: "Encodec", DAC: "Dac", MIMI: "Mimi"}


@blocks.register("tokenizers.audio_codec")
class AudioCodec(HubTower):
    """Turns audio into coarse and fine codes, and back into audio."""

    title = "Audio codec"
    modality = "audio"
    takes = {"waveform": port("waveform", "audio at the codec's own rate")}
    gives = {
        "coarse": port("codes", "codes of the first levels, time after time", modality="audio"),
        "fine": port("codes", "codes of the other levels", modality="audio"),
        "waveform": port("waveform", "the audio that all codes together stand for"),
    }
    reconstructs = {"waveform": "waveform"}
    exact = False  # codes do not change with small steps
    watched = Block.watched  # type: ignore[assignment]

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Which codec, from where, and where coarse ends."""

        source: str = knob(
            "", "A folder that save_pretrained wrote, or a hub id. Empty: small, with random weights, which say nothing.",
            path="folder", title="Weights from",
        )  # fmt: skip
        local_only: bool = knob(
            True, "Never ask the network; a hub id must then already be in the local cache.", advanced=True
        )
        codec: str = knob(ENCODEC, "Whose form it has.", choices=tuple(CLASSES), title="Codec")
        levels: int = knob(4, "Residual levels that are used.", low=2, high=32, title="Residual levels")
        coarse: int = knob(2, "How many of them are the coarse ones.", low=1, high=31, title="Coarse levels")

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        if config.coarse >= config.levels:
            raise ValueError(
                f"Of {config.levels} levels {config.coarse} cannot be the coarse ones: a fine one must be left."
            )
        super().__init__(config, incoming)
        self.model.requires_grad_(False)
        self.hertz = int(self.model.config.sampling_rate)
        wave: Waveform = incoming["waveform"]
        if wave.hertz != self.hertz:
            raise refuse(
                f"{config.codec} hears audio at {self.hertz:,} Hz; this is at {wave.hertz:,} Hz.",
                hint="Set the sample rate of the source.",
            )

    @classmethod
    def freezes_itself(cls, config: Any) -> bool:
        """A codec never learns here."""
        return True

    @property
    def model_class(self) -> str:  # type: ignore[override]
        """The library's, of the chosen codec."""
        return f"{CLASSES[self.config.codec]}Model"

    @property
    def config_class(self) -> str:  # type: ignore[override]
        """The library's, of the chosen codec."""
        return f"{CLASSES[self.config.codec]}Config"

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """Narrow, at the rate that comes in; hops as published."""
        more: dict[str, Any] = {
            ENCODEC: {"num_filters": 4, "hidden_size": 16, "codebook_dim": 16, "num_lstm_layers": 1},
            DAC: {"encoder_hidden_size": 4, "decoder_hidden_size": 32, "n_codebooks": self.config.levels, "codebook_dim": 4},
            MIMI: {
                "num_filters": 4, "hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 2,
                "num_key_value_heads": 2, "head_dim": 16, "codebook_dim": 16, "vector_quantization_hidden_dimension": 16,
                "num_quantizers": max(8, self.config.levels), "upsample_groups": 32,
            },
        }[self.config.codec]  # fmt: skip
        rate = incoming["waveform"].hertz
        return getattr(library, self.config_class)(codebook_size=64, sampling_rate=rate, **more)

    @property
    def book(self) -> int:
        """Codes of one level."""
        return int(self.model.config.codebook_size)

    def forward(self, waveform: Waveform) -> dict[str, Any]:
        """[B, S] to codes [B, T x levels] of two kinds, and [B, S]."""
        own_BS = own_samples(waveform)
        if own_BS.device.type == "meta":  # the library looks into what is padding
            return self._shapes(waveform)
        with torch.no_grad():
            codes_BQT = self._encoded(own_BS)[:, : self.config.levels]
            made_BS = self._decoded(codes_BQT, own_BS.shape[1])
        ends = waveform.lengths_B.to(made_BS.device)[:, None]
        made_BS = torch.where(torch.arange(made_BS.shape[1], device=made_BS.device) < ends, made_BS, 0.0)
        again = Waveform(samples_BS=made_BS, lengths_B=waveform.lengths_B, hertz=self.hertz)
        parts = codes_BQT[:, : self.config.coarse], codes_BQT[:, self.config.coarse :]
        coarse, fine = (self._codes(part, waveform) for part in parts)
        return {"coarse": coarse, "fine": fine, "waveform": again}

    def times(self, samples: int) -> int:
        """How many times so many samples make."""
        known = self.model.config
        if self.config.codec == DAC:
            for stride in known.downsampling_ratios:
                samples = (samples + 2 * math.ceil(stride / 2) - 2 * stride) // stride + 1
            return samples
        hop = math.prod(known.upsampling_ratios) * (2 if self.config.codec == MIMI else 1)
        return -(-samples // hop)

    def _shapes(self, waveform: Waveform) -> dict[str, Any]:
        empty_BQT = torch.zeros(
            len(waveform.samples_BS), self.config.levels, self.times(waveform.samples_BS.shape[1]), dtype=torch.long
        )
        parts = empty_BQT.to("meta")[:, : self.config.coarse], empty_BQT.to("meta")[:, self.config.coarse :]
        coarse, fine = (self._codes(part, waveform) for part in parts)
        return {
            "coarse": coarse,
            "fine": fine,
            "waveform": replace(waveform, samples_BS=torch.empty_like(waveform.samples_BS)),
        }

    def _encoded(self, own_BS: Tensor) -> Tensor:
        """[B, Q, T]."""
        samples_B1S = own_BS[:, None]
        if self.config.codec == ENCODEC:
            found = self.model.encode(samples_B1S, bandwidth=max(self.model.config.target_bandwidths)).audio_codes[0]
        elif self.config.codec == DAC:
            found = self.model.encode(samples_B1S).audio_codes
        else:
            found = self.model.encode(samples_B1S, num_quantizers=self.config.levels).audio_codes
        if found.shape[1] < self.config.levels:
            raise refuse(f"This codec has {found.shape[1]} levels, not {self.config.levels}.", hint="Use fewer.")
        return found  # type: ignore[no-any-return]

    def _decoded(self, codes_BQT: Tensor, samples: int) -> Tensor:
        if self.config.codec == ENCODEC:
            made = self.model.decode(codes_BQT[None], [None])
        elif self.config.codec == DAC:
            made = self.model.decode(audio_codes=codes_BQT)
        else:
            made = self.model.decode(codes_BQT)
        values = made.audio_values.flatten(1)
        return F.pad(values, (0, max(0, samples - values.shape[1])))[:, :samples]

    def _codes(self, part_BQT: Tensor, waveform: Waveform) -> Codes:
        """Each level's codes have numbers of their own, one book behind another."""
        levels, times = part_BQT.shape[1:]
        first_Q = torch.arange(levels, device=part_BQT.device)[:, None] * self.book
        step = waveform.samples_BS.shape[1] / times / self.hertz
        real_B = torch.ceil(waveform.lengths_B.to(part_BQT.device) / (step * self.hertz)).long()
        mask_BT = torch.arange(times, device=part_BQT.device) < real_B[:, None]
        return Codes(
            ids_BN=(part_BQT + first_Q).transpose(1, 2).flatten(1), books=(self.book,) * levels,
            mask_BN=mask_BT.repeat_interleave(levels, 1), grid=Grid(kind="times", sizes=(times,), first=step / 2, step=step),
        )  # fmt: skip

    def detail(self) -> str:
        """Which codec, and how its levels are shared."""
        return f"{self.config.codec} · {self.config.coarse} + {self.config.levels - self.config.coarse}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds."""
        return {"waveform": example_waveform(4800, 24_000)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Three levels."""
        return {"levels": 3, "coarse": 1}
