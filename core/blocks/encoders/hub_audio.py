"""What audio towers from transformers share: one rate, a window that a clip must fit into, tokens with times, taps of layers.

A clip is heard to its own end, whatever lies behind it in the batch. Nothing inside draws from a stream that a resumed run would not
find again: a tower's own SpecAugment and layer drop are off. Axes: B batch, S samples, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.blocks.encoders.hub import HubTower
from core.blocks.encoders.hub_loading import config_from, transformers_module
from core.blocks.encoders.layer_mix import LayerMix, into
from core.blocks.values import Tokens, Waveform
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

LAST, ONE, MIX = "last layer", "one layer", "all layers"


def example_waveform(samples: int = 4000, hertz: int = 16_000) -> Waveform:
    """Two short sounds, the second half as long."""
    lengths_B = torch.tensor([samples, samples // 2])
    return Waveform(samples_BS=torch.randn(2, samples) * 0.1, lengths_B=lengths_B, hertz=hertz)


class HubAudioTower(HubTower):
    """A transformers audio model: a waveform becomes tokens."""

    modality = "audio"
    takes = {"waveform": port("waveform", "audio at the rate that the model was trained at")}
    gives = {"tokens": port("tokens", "one token per frame, in time", modality="audio")}
    extractor_class: ClassVar[str] = ""  # whose numbers the features are made with
    rate: ClassVar[int] = 16_000

    @dataclass(frozen=True, kw_only=True)
    class Config(HubTower.Config):
        """Which layers are given."""

        tap: str = knob(
            LAST, "Last layer: what the tower gives. One layer: one in between. All layers: their mean, with learned weights (SUPERB).",
            choices=(LAST, ONE, MIX), title="Layers given",
        )  # fmt: skip
        layer: int = knob(
            0, "One layer: its number; 0 is what goes into the first.", low=0, high=64, title="Layer", advanced=True
        )

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        wave: Waveform = incoming["waveform"]
        if wave.hertz != self.rate:
            raise refuse(
                f"{self.title} hears audio at {self.rate:,} Hz; this is at {wave.hertz:,} Hz.",
                hint="Set the sample rate of the source.",
            )
        super().__init__(config, incoming)
        self.ears = self._extractor()
        if config.tap == ONE and config.layer > len(self.layers()):
            raise refuse(f"There is no layer {config.layer}; the last is {len(self.layers())}.")
        self.mix = LayerMix(len(self.layers()) + 1) if config.tap == MIX else None

    def _extractor(self) -> Any:
        """The feature extractor beside the weights, or the library's own."""
        cls = getattr(transformers_module(), self.extractor_class)
        if self.config.source:
            try:
                return config_from(cls, self.config.source)
            except (OSError, ValueError):
                pass  # weights without one were trained with the library's own
        return cls()

    def want_within(self, waveform: Waveform, window: int) -> None:
        """Raise Refused where clips are longer than the model hears: the library would cut them and say nothing."""
        samples = waveform.samples_BS.shape[1]
        if samples > window:
            raise refuse(
                f"{self.title} hears {window / self.rate:g} seconds; clips have {samples / self.rate:g}.",
                hint="Cut them with Audio length: the rest would be lost.",
            )

    def layers(self) -> Sequence[nn.Module]:
        """The transformer layers in order."""
        raise NotImplementedError

    def heard(self, waveform: Waveform) -> Tensor:
        """The last hidden state [B, N, D]."""
        raise NotImplementedError

    def placed(self, x_BND: Tensor, waveform: Waveform) -> Tokens:
        """Tokens with their mask and their places in time."""
        raise NotImplementedError

    def forward(self, waveform: Waveform) -> dict[str, Any]:
        """Samples [B, S] to tokens [B, N, D]."""
        if self.config.tap == LAST:
            return {"tokens": self.placed(self.heard(waveform), waveform)}
        taps = self.taps(waveform)
        return {"tokens": self.placed(taps[self.config.layer] if self.mix is None else self.mix(taps), waveform)}

    def taps(self, waveform: Waveform) -> list[Tensor]:
        """What goes into each layer, and what the tower gives, [B, N, D] each."""
        with into(self.layers()) as found:
            last_BND = self.heard(waveform)
        return [*found, last_BND]

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        maps: list[Tensor] = []
        looks = [module for layer in self.layers() for module in layer.modules() if hasattr(module, "v_proj")]
        hooks = [look.register_forward_hook(lambda _m, _i, made: maps.append(made[1])) for look in looks]
        try:
            return self(**incoming), tuple(maps)
        finally:
            for hook in hooks:
                hook.remove()

    def readings(self) -> Mapping[str, float | Tensor]:
        """How much each layer counts in the mix."""
        if self.mix is None:
            return {}
        return {f"layer {number}": share for number, share in enumerate(self.mix.shares().detach())}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds."""
        return {"waveform": example_waveform(hertz=cls.rate)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow layers."""
        return {"width": 16, "depth": 2, "heads": 2}
