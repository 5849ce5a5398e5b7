"""Two sources, one way on: what a shared tower is drawn with when several tasks learn on it.

Each task brings its own samples; what comes out is what the task at work has at the first or at the second port of that kind.
So two sources never meet in a sample, and everything behind it belongs to both tasks: the same blocks, the same weights, one
vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.sounds import Heard
from core.graph.ports import port
from core.problems import Problem, refuse

KINDS = ("image", "sentence", "waveform")  # what a port takes and gives is called by its kind


@transforms.register("transforms.either")
class Either(Transform):
    """Passes on whichever source's sample it is given, so that tasks of two sources learn on the same blocks."""

    title = "Either source"
    modality = "any"
    alternatives = True
    takes = {
        "first_image": port("image", "images of the first source", optional=True),
        "first_sentence": port("sentence", "captions of the first source", optional=True),
        "first_waveform": port("waveform", "sounds of the first source", optional=True),
        "second_image": port("image", "images of the second source", optional=True),
        "second_sentence": port("sentence", "captions of the second source", optional=True),
        "second_waveform": port("waveform", "sounds of the second source", optional=True),
    }
    gives = {
        "image": port("image", "images of the source whose task it is"),
        "sentence": port("sentence", "captions of the source whose task it is"),
        "waveform": port("waveform", "sounds of the source whose task it is"),
    }

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """What is there, under its kind. A task brings each kind once."""
        return {name.split("_", 1)[1]: value for name, value in values.items()}

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], list[Problem]]:
        """The clips of both sources must be alike in rate and length."""
        clips = [heard for name, heard in incoming.items() if name.endswith("waveform")]
        rates = sorted({clip.hertz for clip in clips})
        what = f"The two sources differ in sample rate: {' and '.join(f'{rate:,}' for rate in rates)} Hz."
        apart = [Problem(what=what, hint="Give both one rate.")] if len(rates) > 1 else []
        return ({"waveform": clips[0]} if clips else {}), apart

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """One shape for both sources. Raises Refused where they differ."""
        made: dict[str, Any] = {}
        for name, value in incoming.items():
            kind = name.split("_", 1)[1]
            if kind in made and getattr(made[kind], "shape", None) != getattr(value, "shape", None):
                raise refuse(
                    f"The two sources differ in {kind}: {_shape(made[kind])} and {_shape(value)} a sample.",
                    port=name, hint="Give both sources one size, or put a resize step between.",
                )  # fmt: skip
            made[kind] = value
        return made


def _shape(value: Any) -> str:
    return " ".join(map(str, value.shape[1:]))
