"""Speech becomes words before anything learns from it: the first half of a cascade (:mod:`core.data.features.recognising`).

What goes on from here knows the words alone: how they were said is gone. Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.features.recognising import HERTZ, ready, recogniser
from core.data.media import Wave
from core.data.readers.audio import resampled
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused


@transforms.register("transforms.recogniser")
class SpeechRecogniser(Transform):
    """Turns speech into its words, by a Whisper that learns nothing here."""

    title = "Speech recogniser"
    modality = "audio"
    takes = {"waveform": port("waveform", "speech, not longer than Whisper hears at a time")}
    gives = {"sentence": port("sentence", "its words, as they were understood")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Whose weights, which language."""

        source: str = knob("", "A folder with Whisper and its tokenizer.", path="folder", title="Weights from")
        language: str = knob(
            "en", "Two letters, such as en, de or zh; empty for a Whisper of English alone.", title="Spoken language"
        )
        most: int = knob(
            32, "Subwords of one clip at most.", low=1, high=400, unit="subwords", title="Max subwords", advanced=True
        )

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._memory: dict[tuple[int, int, int], str] = {}

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to ``sentence``; the same clip is understood once."""
        wave: Wave = values["waveform"]
        samples = wave.own_S.numpy().tobytes()
        content = hash(samples), len(samples), wave.hertz
        if content not in self._memory:
            net = recogniser(self.config.source, self.config.language)
            self._memory[content] = net.said(resampled(wave.own_S, wave.hertz, HERTZ), self.config.most)
        return {"sentence": self._memory[content]}

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """The weights are there."""
        if not self.config.source:
            return {}, [
                Problem(
                    what="No weights are chosen for the recogniser.",
                    hint="Choose a folder with Whisper, such as python -m studio convert-whisper makes of a package's weights.",
                )
            ]
        try:
            ready(self.config.source)
        except Refused as refused:
            return {}, refused.problems
        return {}, ()

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """Words have no shape."""
        return {"sentence": None}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["config"])  # type: ignore[misc]
