"""Log-mel spectrograms: what most audio encoders look at (Davis and Mermelstein 1980; Whisper, arXiv:2212.04356).

Power spectrum by a Hann window, centred frames, mel filters of torchaudio (HTK scale), natural logarithm. The same sound is
computed once. Axes: S samples, F mel bands, T frames (S / hop + 1), Q frequencies.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Spectrogram, Waveform
from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Bands, Wave
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Fix, Problem, refuse
from core.telemetry.spans import hops_in, samples_in
from core.torchaudio_import import functional

FLOOR = 1e-6  # of power: silence is ln 1e-6, not minus infinity
MOST_BYTES = 2**28


@functools.cache
def filters(n_fft: int, mels: int, hertz: int, low: float, high: float) -> Tensor:
    """Mel filters [Q, F]."""
    made: Tensor = functional().melscale_fbanks(n_fft // 2 + 1, low, high, mels, hertz)
    return made


@transforms.register("transforms.log_mel")
class LogMel(Transform):
    """Turns audio into log-mel spectrograms."""

    title = "Log-mel spectrogram"
    modality = "audio"
    takes = {"waveform": port("waveform", "audio of one length")}
    gives = {"spectrogram": port("spectrogram", "mel bands over time")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Window, hop, bands."""

        n_fft: int = knob(512, "Samples of one window.", low=32, high=16_384, unit="samples", title="Window length")
        hop: int = knob(160, "Samples between two frames.", low=1, high=16_384, unit="samples")
        mels: int = knob(64, "Mel bands.", low=4, high=512, unit="bands")
        low_hertz: float = knob(
            0.0, "Lowest frequency.", low=0, high=96_000, unit="Hz", advanced=True, title="Min frequency"
        )
        high_hertz: float | None = knob(
            None,
            "Highest frequency; empty takes half the rate.",
            low=1,
            high=96_000,
            unit="Hz",
            advanced=True,
            title="Max frequency",
        )
        normalise: bool = knob(True, "Bring every clip to mean 0 and deviation 1; silence stays even.")

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._made: dict[bytes, Tensor] = {}
        self._room = MOST_BYTES

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to ``spectrogram`` [F, T]."""
        wave: Wave = values["waveform"]
        made_FT = self._remembered(wave.samples_S, wave.hertz).clone()
        bands = Bands(
            x_FT=made_FT, real=wave.real, samples=len(wave.samples_S), hertz=wave.hertz, hop=self.config.hop,
            window=self.config.n_fft,
        )  # fmt: skip
        return {"spectrogram": bands}

    def _remembered(self, waveform_S: Tensor, hertz: int) -> Tensor:
        if len(waveform_S) <= self.config.n_fft // 2:
            raise refuse(
                f"A sound of {len(waveform_S)} samples is shorter than half a window of {self.config.n_fft}.",
                hint="Put a block for the length of audio before it.",
            )
        digest = hashlib.blake2b(waveform_S.numpy().tobytes(), digest_size=16, key=str(hertz).encode()).digest()
        made = self._made.get(digest)
        if made is None:
            made = self.spectrogram(waveform_S, hertz)
            size = made.numel() * made.element_size()
            if size <= self._room:
                self._made[digest] = made
                self._room -= size
        return made

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""
        mel_FT = mel_power(waveform_S, self._filters(hertz), self.config.n_fft, self.config.hop).clamp_min(FLOOR).log()
        if self.config.normalise:
            mel_FT = (mel_FT - mel_FT.mean()) / mel_FT.std().clamp_min(1e-3)
        return mel_FT

    def _filters(self, hertz: int) -> Tensor:
        knobs = self.config
        return filters(knobs.n_fft, knobs.mels, hertz, knobs.low_hertz, knobs.high_hertz or hertz / 2)

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """Clips of one length, and bands that lie below half of their rate."""
        knobs, heard = self.config, incoming.get("waveform")
        if heard is None:
            return {}, ()
        problems = self._band_problems(heard.hertz)
        if not heard.is_even:
            problems.append(
                Problem(
                    what="Audio of different lengths comes in, and spectrograms of different lengths cannot be one batch.",
                    port="waveform", hint="Put Audio length before it.", severity="warning",
                )
            )  # fmt: skip
        elif samples_in(heard.seconds, heard.hertz) <= knobs.n_fft // 2:
            problems.append(
                Problem(
                    what=f"Clips of {samples_in(heard.seconds, heard.hertz):,} samples are shorter than half a window of {knobs.n_fft:,}.",
                    port="waveform", hint="Make the clips longer or the window shorter.",
                )
            )  # fmt: skip
        return {}, problems

    def _band_problems(self, hertz: int) -> list[Problem]:
        knobs, half = self.config, hertz / 2
        if knobs.high_hertz is not None and knobs.high_hertz > half:
            what = f"Sounds at {hertz:,} Hz hold nothing above {half:g} Hz; the bands go up to {knobs.high_hertz:g} Hz."
            fix = Fix(text=f"End at {half:g} Hz", edit="set_knob", arguments={"name": "high_hertz", "value": None})
            return [Problem(what=what, fix=fix)]
        high = knobs.high_hertz or half
        if knobs.low_hertz < high:
            return []
        what = f"The lowest frequency, {knobs.low_hertz:g} Hz, does not lie below the highest, {high:g} Hz."
        fix = Fix(text="Begin at 0 Hz", edit="set_knob", arguments={"name": "low_hertz", "value": 0.0})
        return [Problem(what=what, fix=fix)]

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """A frame a hop, and one."""
        wave: Waveform = incoming["waveform"]
        knobs, samples = self.config, wave.samples_BS.shape[-1]
        made = Spectrogram(
            x_BFT=torch.empty(batch, knobs.mels, hops_in(samples, knobs.hop), device="meta"), lengths_B=wave.lengths_B,
            samples=samples, hertz=wave.hertz, hop=knobs.hop, window=knobs.n_fft,
        )  # fmt: skip
        return {"spectrogram": made}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["config"])  # type: ignore[misc]


def mel_power(waveform_S: Tensor, filters_QF: Tensor, n_fft: int, hop: int) -> Tensor:
    """Power in every mel band and frame [F, T]."""
    window = torch.hann_window(n_fft)
    spectrum_QT = torch.stft(
        waveform_S, n_fft, hop, window=window, center=True, pad_mode="reflect", return_complex=True
    )
    return filters_QF.T @ spectrum_QT.abs().square()
