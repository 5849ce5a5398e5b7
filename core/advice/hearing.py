"""Which encoder suits a set of recordings, and why: a table of rules over what the set itself says, first fitting row first.

What decides is what there is to learn (words, who or how somebody speaks, notes, captions, events) and how much of it: a tower that
was trained on much audio beats one from scratch where there are few clips, and costs nothing to try frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.graph.dataset import Tells

FEW: Final = 5_000  # clips: below, learning a transformer from scratch is no use
SHARE: Final = 0.5  # of the clips that must have a thing before the set counts as being about it


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """One row: which sets it is for, the block to begin with, and why."""

    block: str
    sentence: str
    fits: Callable[[Tells], bool]


TABLE: Final = (
    Hearing(
        block="transforms.chroma", fits=lambda told: told.notes >= SHARE,
        sentence="Begin with Chroma and an Audio CNN: the classes are notes, chords or keys, and those are pitch classes over time.",
    ),
    Hearing(
        block="encoders.whisper", fits=lambda told: told.transcripts >= SHARE > told.labels,
        sentence="Begin with Whisper's encoder, frozen: there are transcripts, and it has heard many languages.",
    ),
    Hearing(
        block="encoders.wavlm", fits=lambda told: told.speakers >= SHARE,
        sentence="Begin with WavLM and a learned mix of its layers, beside Prosody: people speak, and how they do lies in other layers than what they say.",
    ),
    Hearing(
        block="encoders.clap_audio", fits=lambda told: told.captions >= SHARE,
        sentence="Begin with CLAP: there are captions, and its audio already lies beside words.",
    ),
    Hearing(
        block="encoders.audio_cnn", fits=lambda told: told.events >= SHARE,
        sentence="Begin with an Audio CNN: events have times, and it keeps every frame.",
    ),
    Hearing(
        block="encoders.ai_sfx", fits=lambda told: told.clips < FEW,
        sentence="Begin with an Audio CNN, and put a frozen AST beside it: there are too few clips to learn a transformer from scratch.",
    ),
    Hearing(
        block="encoders.spectrogram_transformer", fits=lambda told: True,
        sentence="Begin with the Spectrogram transformer: there are enough clips to learn it from scratch.",
    ),
)  # fmt: skip


def hearing_for(told: Tells) -> Hearing | None:
    """The row that fits; None where there are no clips."""
    return next((row for row in TABLE if row.fits(told)), None) if told.clips else None
