"""What steps from a sound to bands over time share: the same sound is computed once, and what comes out is as long as was declared.

Axes: S samples, F bands, T frames (S / hop + 1).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Spectrogram, Waveform
from core.data.base import Transform
from core.data.media import Bands, Wave
from core.data.memory import Memory
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, refuse
from core.telemetry.spans import hops_in, samples_in

MOST_BYTES = 2**28


class BandMemory(Memory[Tensor]):
    """What was computed of sounds, by their contents; stops growing at a quarter of a gibibyte."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(most_bytes)

    def get(self, waveform_S: Tensor, hertz: int, make: Callable[[Tensor, int], Tensor]) -> Tensor:
        """What ``make`` gives of the sound; nobody may change it."""
        samples = waveform_S.numpy().tobytes()
        content = hash(samples), len(samples), hertz  # 64 bits by SipHash: three times as fast as a digest
        return self.find(content, lambda: make(waveform_S, hertz), lambda made: made.nbytes)


class OfSound(Transform):
    """Bands over time of a sound; subclasses say how many and compute them."""

    modality = "audio"
    takes = {"waveform": port("waveform", "audio of one length")}
    gives = {"spectrogram": port("spectrogram", "bands over time")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Window and hop."""

        n_fft: int = knob(512, "Samples of one window.", low=32, high=16_384, unit="samples", title="Window length")
        hop: int = knob(160, "Samples between two frames.", low=1, high=16_384, unit="samples")

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._memory = BandMemory()

    @abstractmethod
    def bands(self) -> int:
        """How many bands come out."""

    @abstractmethod
    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""

    def window(self, hertz: int) -> int:
        """Samples that one frame sees."""
        return int(self.config.n_fft)

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to ``spectrogram`` [F, T]."""
        wave: Wave = values["waveform"]
        window = self.window(wave.hertz)
        if len(wave.samples_S) <= window // 2:
            raise refuse(
                f"A sound of {len(wave.samples_S)} samples is shorter than half a window of {window}.",
                hint="Put a block for the length of audio before it.",
            )
        made = Bands(
            x_FT=self._memory.get(wave.samples_S, wave.hertz, lambda x, hertz: self.spectrogram(x, hertz)).clone(),
            real=wave.real, samples=len(wave.samples_S), hertz=wave.hertz, hop=self.config.hop, window=window,
        )  # fmt: skip
        return {"spectrogram": made}

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """Clips of one length, longer than half a window."""
        heard = incoming.get("waveform")
        if heard is None:
            return {}, ()
        problems, window = self.band_problems(heard.hertz), self.window(heard.hertz)
        if not heard.is_even:
            problems.append(
                Problem(
                    what="Audio of different lengths comes in, and spectrograms of different lengths cannot be one batch.",
                    port="waveform", hint="Put Audio length before it.", severity="warning",
                )
            )  # fmt: skip
        elif samples_in(heard.seconds, heard.hertz) <= window // 2:
            problems.append(
                Problem(
                    what=f"Clips of {samples_in(heard.seconds, heard.hertz):,} samples are shorter than half a window of {window:,}.",
                    port="waveform", hint="Make the clips longer or the window shorter.",
                )
            )  # fmt: skip
        return {}, problems

    def band_problems(self, hertz: int) -> list[Problem]:
        """What contradicts the rate of the sounds that come in."""
        return []

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """A frame a hop, and one."""
        wave: Waveform = incoming["waveform"]
        knobs, samples = self.config, wave.samples_BS.shape[-1]
        made = Spectrogram(
            x_BFT=torch.empty(batch, self.bands(), hops_in(samples, knobs.hop), device="meta"), lengths_B=wave.lengths_B,
            samples=samples, hertz=wave.hertz, hop=knobs.hop, window=self.window(wave.hertz),
        )  # fmt: skip
        return {"spectrogram": made}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["config"])  # type: ignore[misc]


class OfBands(Transform):
    """From bands over time to bands over time, frame for frame."""

    modality = "audio"
    takes = {"spectrogram": port("spectrogram", "bands over time")}
    gives = {"spectrogram": port("spectrogram", "bands over time")}

    def made(self, bands: Bands, x_FT: Tensor) -> dict[str, Any]:
        """Other bands on the same time."""
        return {"spectrogram": replace(bands, x_FT=x_FT)}

    def bands(self, coming: int) -> int:
        """How many come out of so many."""
        return coming

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As many frames as came in."""
        value: Spectrogram = incoming["spectrogram"]
        x_BFT = torch.empty(batch, self.bands(value.x_BFT.shape[1]), value.x_BFT.shape[2], device="meta")
        return {"spectrogram": replace(value, x_BFT=x_BFT)}


def evened(x_FT: Tensor, *, least: float = 1e-3) -> Tensor:
    """Every band apart at mean 0 and deviation 1 over this clip; one that does not change stays even."""
    return (x_FT - x_FT.mean(1, keepdim=True)) / x_FT.std(1, keepdim=True).clamp_min(least)
