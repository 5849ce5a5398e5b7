"""Transcribe: what is said in a sound, piece by piece with its times, as CTC spells it; and align: when each piece of a given sentence is said.

Greedy decoding; the path of an alignment is the likeliest of all that read as the sentence (equal to torchaudio's ``forced_align``).
Axes: T frames, V vocabulary, L pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.alignment import frames_needed, said
from core.blocks.objectives.ctc import CTC, aligned
from core.blocks.times import When
from core.compiler.answers.answerable import NO_WORDS
from core.compiler.answers.asking import through
from core.compiler.answers.tellers import Teller, teller_of
from core.compiler.answers.writing import brackets, tokenizer_of, told_by
from core.compiler.randomness import apart
from core.data.base import Transform
from core.data.transforms.tokenizer import SPECIAL, UNKNOWN
from core.inference.trained import Trained
from core.problems import Refused, refuse
from core.telemetry.spans import Span


@dataclass(frozen=True, kw_only=True)
class Said:
    """A piece of a sentence, from when to when, and its mean probability there."""

    text: str
    span: Span
    score: float


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What is said, or a sentence laid onto a sound."""

    sentence: str
    pieces: tuple[Said, ...]
    chance_LT: NDArray[np.float32]  # how likely each of the pieces is at each frame
    frames: tuple[Span, ...]  # when each frame is


@torch.no_grad()
def transcribe(trained: Trained, sound: Path, *, seed: int = 0) -> Transcript:
    """What a block hears in an audio file. Raises Refused."""
    teller = _teller(trained)
    log_TV, when, tokenizer, _ = _emitted(trained, teller, sound, seed)
    return _told(tokenizer, log_TV, when, said(log_TV))


@torch.no_grad()
def align(trained: Trained, sound: Path, sentence: str, *, seed: int = 0) -> Transcript:
    """When each piece of a sentence is said in an audio file. Raises Refused where the file is too short for it."""
    teller = _teller(trained)
    sentence = " ".join(sentence.split())
    if not sentence:
        raise refuse("There is no sentence to align.", hint="Type what is said in the audio.")
    log_TV, when, tokenizer, graph = _emitted(trained, teller, sound, seed)
    port = told_by(trained.plan, teller.tokenizer).port
    made = through(graph, {port: sentence})[(teller.learned.node, teller.learned.port)]
    pieces = [int(piece) for piece in made.ids[: made.real]][1:-1]
    if not pieces:
        raise refuse("The sentence has nothing that this run knows.", hint="Write it as in the data.")
    words = made.words[1 : made.real - 1]
    unknown = {word: None for number, word in zip(pieces, words) if tokenizer.decode([number]) == SPECIAL[UNKNOWN]}
    if unknown:
        strange = ", ".join(f"“{word}”" for word in unknown)
        raise refuse(f"This run never learned {strange}, so its time cannot be told.", hint="Write it as in the data.")
    if made.real == len(made.ids) and len(tokenizer.decode(pieces)) < len(sentence):
        raise refuse(f"The sentence is longer than the {len(pieces)} subwords that this run reads.", hint="Shorten it.")
    needed = frames_needed(pieces)
    if needed > len(log_TV):
        raise refuse(
            f"The sentence needs {needed} frames; the audio has {len(log_TV)}.",
            hint="Shorten it, or give longer audio.",
        )
    return _told(tokenizer, log_TV, when, aligned(log_TV, pieces))


def _teller(trained: Trained) -> Teller:
    teller = teller_of(trained.tellers, "transcribe", "sound")
    if teller is None:
        raise Refused(NO_WORDS)
    return teller


def _emitted(trained: Trained, teller: Teller, sound: Path, seed: int) -> tuple[Tensor, When, Transform, Any]:
    """Log-probabilities of pieces at each real frame [T, V], when the frames are, and the step that cut the sentences."""
    with apart(seed):
        tokens, task = trained.told(teller, {"sound": sound})
    head, graph = trained.experiment.node(teller.node), trained.graphs[task.source]
    assert isinstance(head, CTC)
    log_BTV, frames_B, when = head.emitted(tokens)
    return log_BTV[0, : int(frames_B[0])].cpu(), when, tokenizer_of(teller.tokenizer, graph), graph


def _told(tokenizer: Transform, log_TV: Tensor, when: When, found: list[tuple[int, range]]) -> Transcript:
    numbers = [number for number, _ in found]
    signs = dict(
        zip(brackets(tokenizer), ("⟨start⟩", "⟨end⟩"), strict=True)
    )  # say nothing, and may be heard all the same
    spoken = [number for number in numbers if number not in signs]
    pieces = tuple(
        Said(
            text=signs.get(number) or tokenizer.decode([number]), span=when.span(frames),
            score=float(log_TV[frames.start : frames.stop, number].exp().mean()),
        )
        for number, frames in found
    )  # fmt: skip
    return Transcript(
        sentence=tokenizer.decode(spoken), pieces=pieces, chance_LT=log_TV[:, numbers].exp().T.numpy().astype(np.float32),
        frames=tuple(when.span(range(frame, frame + 1)) for frame in range(len(log_TV))),
    )  # fmt: skip
