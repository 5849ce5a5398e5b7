"""Speech activity over time, as Silero's network hears it: one band to put beside others, or to look at (:mod:`core.data.features.speech`).

Axes: F one band, T frames, N windows of 32 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.data.bands import OfSound
from core.data.catalog import transforms
from core.data.features.speech import HERTZ, WINDOW, speech_net, speech_probability
from core.data.readers.audio import resampled
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused
from core.telemetry.spans import hops_in


@transforms.register("transforms.speech_activity")
class SpeechActivity(OfSound):
    """Turns audio into how likely somebody speaks, over time. Needs the package silero-vad, of which only the weights are read."""

    title = "Speech activity"
    gives = {"spectrogram": port("spectrogram", "probability of speech over time, one band")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often it is told."""

        hop: int = knob(160, "Samples between two frames.", low=1, high=16_384, unit="samples")

    def bands(self) -> int:
        """The probability."""
        return 1

    def window(self, hertz: int) -> int:
        """What the network hears at a time."""
        return WINDOW * hertz // HERTZ

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]: the windows' probabilities, straight lines between their middles."""
        probability_N = speech_probability(resampled(waveform_S, hertz, HERTZ)).numpy()
        middle_N = (np.arange(len(probability_N)) + 0.5) * WINDOW / HERTZ  # seconds
        frame_T = np.arange(hops_in(len(waveform_S), self.config.hop)) * self.config.hop / hertz
        return torch.from_numpy(np.interp(frame_T, middle_N, probability_N)).float()[None]

    def band_problems(self, hertz: int) -> list[Problem]:
        """That the weights are not there; every rate is brought to 16 kHz."""
        try:
            speech_net()
        except Refused as refused:
            return list(refused.problems)
        return []
