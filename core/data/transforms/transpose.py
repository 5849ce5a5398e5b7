"""Music in another key: chroma rolled by some semitones, and the classes of key and chords with it.

A piece that is played a fourth higher has its key and its chords a fourth higher and is the same piece otherwise, so each song stands for
twelve. Axes: F bands, T frames, K levels of classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from core.blocks.values import Segments
from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Bands, Marks
from core.data.music_names import PITCHES, moved
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@transforms.register("transforms.transpose")
class Transpose(Transform):
    """Moves chroma, key and chords by as many semitones, anew at every visit; only while training."""

    title = "Transpose chroma"
    modality = "audio"
    takes = {
        "spectrogram": port("spectrogram", "chroma: twelve bands, or a multiple of twelve"),
        "classes": port("labels", "the key, its names made alike", optional=True),
        "segments": port("segments", "the chords, their names made alike", optional=True),
    }
    gives = {
        "spectrogram": port("spectrogram", "the same, some semitones higher"),
        "classes": port("labels", "the key, as much higher; -1 where none came in"),
        "segments": port("segments", "the chords, as much higher"),
    }
    only_in_training = True
    hangs_on = {"spectrogram": ("spectrogram",), "classes": ("classes",), "segments": ("segments",)}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How far."""

        semitones: int = knob(
            11, "Farthest it is moved up; 11 reaches every key.", low=0, high=11, unit="semitones", title="Max transposition"
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``spectrogram`` [F, T], codes [K] and spans to the same, higher. Raises Refused for bands that are no pitch classes."""
        bands: Bands = values["spectrogram"]
        if len(bands.x_FT) % PITCHES:
            raise refuse(
                f"Transposing needs the twelve bands of chroma; there are {len(bands.x_FT)}.",
                hint="Put the block Chroma before it.",
            )
        up = int(generator.integers(self.config.semitones + 1))
        octaves_OFT = bands.x_FT.unflatten(0, (-1, PITCHES)).roll(up, 1)
        marks, classes_K = values.get("segments", Marks()), values.get("classes", torch.tensor([-1]))
        return {
            "spectrogram": replace(bands, x_FT=octaves_OFT.flatten(0, 1)),
            "classes": torch.tensor([moved(code, up) for code in classes_K.tolist()]),
            "segments": replace(marks, classes=tuple(moved(code, up) for code in marks.classes)),
        }

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The same shapes as what comes in."""
        codes = torch.empty(batch, 1, dtype=torch.int64, device="meta")
        times = torch.empty(batch, 1, 2, dtype=torch.float64, device="meta")  # a batch has room for one at least
        nothing = Segments(times_BN2=times, class_BN=torch.empty(batch, 1, dtype=torch.int64, device="meta"))
        given = {"classes": codes, "segments": nothing}
        return {"spectrogram": incoming["spectrogram"]} | {name: incoming.get(name, given[name]) for name in given}
