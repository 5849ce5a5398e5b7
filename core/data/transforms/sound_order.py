"""The order of a sound's pieces, changed: what a score is worth beside the same sound shuffled, reversed, or silent.

Pieces are short against what is heard and long against a tone: what sounds stays, when it sounds is gone. Segments stay where they
were. Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Wave
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem
from core.telemetry.spans import samples_in

HEARD, SHUFFLED, REVERSED, SILENT = "as heard", "shuffled", "reversed", "silence"


@transforms.register("transforms.sound_order")
class SoundOrder(Transform):
    """Changes the order of a sound's pieces: a control of what needs time, or any sound at all."""

    title = "Audio order"
    modality = "audio"
    takes = {"waveform": port("waveform", "audio of any length")}
    gives = {"waveform": port("waveform", "as long, with its pieces in another order")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which order, of pieces how long."""

        order: str = knob(
            HEARD, "Shuffled draws an order for every clip; reversed plays the pieces from the last to the first, each forwards; silence is "
            "as long as the clip and has nothing in it.", choices=(HEARD, SHUFFLED, REVERSED, SILENT), title="Order of pieces",
        )  # fmt: skip
        piece_seconds: float = knob(
            0.25, "Length of a piece; the last may be shorter.", low=0.005, high=60, unit="s", title="Piece length"
        )

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] with its pieces in another order; what is padding stays behind."""
        wave: Wave = values["waveform"]
        size = max(1, samples_in(self.config.piece_seconds, wave.hertz))
        made_S = ordered(wave.own_S, self.config.order, size, generator)
        return {
            "waveform": Wave(
                samples_S=torch.cat([made_S, wave.samples_S[wave.real :]]), real=wave.real, hertz=wave.hertz
            )
        }

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """Rate and length stay."""
        return dict(incoming), ()

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As it came."""
        return {"waveform": incoming["waveform"]}


def ordered(own_S: Tensor, order: str, size: int, generator: np.random.Generator) -> Tensor:
    """The sound in pieces of so many samples, in this order [S]."""
    if order == SILENT:
        return torch.zeros_like(own_S)
    pieces = own_S.split(size) if len(own_S) else ()
    if order == HEARD or len(pieces) < 2:
        return own_S
    count = len(pieces)
    places = generator.permutation(count) if order == SHUFFLED else np.arange(count)[::-1]
    return torch.cat([pieces[place] for place in places])
