"""Which encoder suits a set of recordings, and why: a table of rules over what the set itself says, first fitting row first.

What decides is what there is to learn (words, who or how somebody speaks, notes, captions, events) and how much of it: a tower that
was trained on much audio beats one from scratch where there are few clips, and costs nothing to try frozen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from core.data.clips import Told

FEW = 5_000  # clips: below, learning a transformer from scratch is no use
SHARE = 0.5  # of the clips that must have a thing before the set counts as being about it
_NOTE = re.compile(r"[A-G](?:#|b)?(?:-?\d|(?::|m|maj|min|dim|aug|sus|7).*)?")


def encoder_for(told: Sequence[Told]) -> str:
    """A sentence: what to begin with, and why; empty where there are no clips."""
    if not told:
        return ""
    few = len(told) < FEW
    if _share(told, lambda one: bool(one.event_names) and all(map(_NOTE.fullmatch, one.event_names))) >= SHARE:
        return "Begin with Chroma and an Audio CNN: the classes are notes, chords or keys, and those are pitch classes over time."
    if _share(told, lambda one: bool(one.transcript)) >= SHARE and _share(told, lambda one: bool(one.labels)) < SHARE:
        return "Begin with Whisper's encoder, frozen: there are transcripts, and it has heard many languages."
    if _share(told, lambda one: bool(one.speaker)) >= SHARE:
        return "Begin with WavLM and a learned mix of its layers, beside Prosody: people speak, and how they do lies in other layers than what they say."
    if _share(told, lambda one: bool(one.caption)) >= SHARE:
        return "Begin with CLAP: there are captions, and its audio already lies beside words."
    if _share(told, lambda one: len(one.marks) > 0) >= SHARE:
        return "Begin with an Audio CNN: events have times, and it keeps every frame."
    if few:
        return "Begin with an Audio CNN, and put a frozen AST beside it: there are too few clips to learn a transformer from scratch."
    return "Begin with the Spectrogram transformer: there are enough clips to learn it from scratch."


def _share(told: Sequence[Told], has: Callable[[Told], bool]) -> float:
    return sum(map(has, told)) / len(told)
