"""Log-mel spectrograms: what most audio encoders look at (Davis and Mermelstein 1980; Whisper, arXiv:2212.04356).

Power spectrum by a Hann window, centred frames, mel filters, natural logarithm. Everything is of the clip alone, never of
its batch. Axes: S samples, F mel bands, T frames (S / hop + 1).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from core.data.bands import OfSound
from core.data.catalog import transforms
from core.data.features.mel import SCALES, empty_bands, filters, mel_power
from core.graph.ports import port
from core.knobs import knob
from core.problems import Fix, Problem

FLOOR = 1e-6  # of power: silence is ln 1e-6, not minus infinity


@transforms.register("transforms.log_mel")
class LogMel(OfSound):
    """Turns audio into log-mel spectrograms."""

    title = "Log-mel spectrogram"
    gives = {"spectrogram": port("spectrogram", "mel bands over time")}

    @dataclass(frozen=True, kw_only=True)
    class Config(OfSound.Config):
        """Window, hop, bands."""

        mels: int = knob(64, "Mel bands.", low=4, high=512, unit="bands")
        scale: str = knob(
            "HTK", "Slaney: as Whisper and librosa have it, no band is empty; HTK: narrower filters at low frequencies.",
            choices=SCALES, title="Mel scale", placed="Slaney",
        )  # fmt: skip
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

    def bands(self) -> int:
        """Mel bands."""
        return int(self.config.mels)

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""
        mel_FT = mel_power(waveform_S, self._filters(hertz), self.config.n_fft, self.config.hop).clamp_min(FLOOR).log()
        if self.config.normalise:
            mel_FT = (mel_FT - mel_FT.mean()) / mel_FT.std().clamp_min(1e-3)
        return mel_FT

    def _filters(self, hertz: int) -> Tensor:
        knobs = self.config
        return filters(
            knobs.n_fft, knobs.mels, hertz, knobs.low_hertz, knobs.high_hertz or hertz / 2, scale=knobs.scale
        )

    def band_problems(self, hertz: int) -> list[Problem]:
        """Bands that lie above half of the rate, upside down, or between two frequencies."""
        knobs, half = self.config, hertz / 2
        if knobs.high_hertz is not None and knobs.high_hertz > half:
            what = f"Sounds at {hertz:,} Hz hold nothing above {half:g} Hz; the bands go up to {knobs.high_hertz:g} Hz."
            fix = Fix(text=f"End at {half:g} Hz", edit="set_knob", arguments={"name": "high_hertz", "value": None})
            return [Problem(what=what, fix=fix)]
        high = knobs.high_hertz or half
        if knobs.low_hertz < high:
            return self._empty_problems(hertz)
        what = f"The lowest frequency, {knobs.low_hertz:g} Hz, does not lie below the highest, {high:g} Hz."
        fix = Fix(text="Begin at 0 Hz", edit="set_knob", arguments={"name": "low_hertz", "value": 0.0})
        return [Problem(what=what, fix=fix)]

    def _empty_problems(self, hertz: int) -> list[Problem]:
        knobs = self.config
        if not (empty := empty_bands(self._filters(hertz))):
            return []
        fix = None
        if knobs.scale == "HTK":
            other = filters(
                knobs.n_fft, knobs.mels, hertz, knobs.low_hertz, knobs.high_hertz or hertz / 2, scale="Slaney"
            )
            if not empty_bands(other):
                fix = Fix(text="Use the Slaney scale", edit="set_knob", arguments={"name": "scale", "value": "Slaney"})
        return [
            Problem(
                what=f"{empty} of {knobs.mels} mel bands are always empty: their filters lie between two frequencies of the spectrum.",
                hint="Take fewer bands or a longer window.", severity="warning", fix=fix,
            )
        ]  # fmt: skip
