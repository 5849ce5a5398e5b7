"""What a trained plan tells of an audio file, as answers of the query page: the sound as it was heard, with what is found in it and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.runs.loading import load_engine
from studio.asking.partial import Following, classes_of, written_about
from widgets.query.values import Asked, QueryAnswer, QueryAnswers, Sounding

if TYPE_CHECKING:
    from core.data.media import Wave
    from core.inference.trained import Trained
    from core.inference.transcribe import Transcript
    from core.telemetry.spans import Span

MOST_SECONDS = 60.0  # of a file that is shown and played before anything is asked


def opened_sound(path: str) -> Sounding:
    """What is in a file, for the window. Raises Refused."""
    load_engine()
    from core.data.readers.audio import read_sound  # torch

    heard = read_sound(Path(path), seconds=MOST_SECONDS)
    return Sounding(samples=heard.samples_S.numpy(), hertz=heard.hertz)


def told_of_sound(trained: Trained, kind: str, path: str, sentence: str, following: Following) -> QueryAnswers:
    """One kind of answer to an audio file; ``sentence`` is laid onto it where an alignment is asked for. Raises Refused."""
    began = time.monotonic()
    tells: dict[str, Callable[[], QueryAnswers]] = {
        "classify": lambda: classes_of(trained, "sound", path, following),
        "transcribe": lambda: _transcript(trained, path, following),
        "localise": lambda: _events(trained, path),
        "align": lambda: _aligned(trained, path, sentence),
        "caption": lambda: _written(trained, path, following),
    }
    answers = replace(tells[kind](), seconds=time.monotonic() - began)
    return replace(answers, asked=replace(answers.asked, sound=heard_of(trained, path)))


def heard_of(trained: Trained, path: str) -> Sounding:
    """A file as the model heard it. Raises Refused."""
    tasks = trained.plan.tasks
    task = next((task for task in tasks if "sound" in trained.ports(task)), tasks[0])
    return sounding(trained.sound(Path(path), task))


def sounding(wave: Wave) -> Sounding:
    """A clip as the window plays it."""
    return Sounding(samples=wave.own_S.numpy(), hertz=wave.hertz)


def _events(trained: Trained, path: str) -> QueryAnswers:
    from core.inference.localise import localise  # torch

    answers = [
        QueryAnswer(score=event.score, sentence=event.name, span=_times(event.span))
        for event in localise(trained, "sound", Path(path))
    ]
    return QueryAnswers(asked=Asked(), kind="events", answers=tuple(answers))


def _transcript(trained: Trained, path: str, following: Following) -> QueryAnswers:
    from core.compiler.answers.tellers import teller_of  # torch
    from core.inference.transcribe import transcribe

    if teller_of(trained.tellers, "transcribe", "sound") is None:
        return _written(trained, path, following)
    return replace(_spelled(transcribe(trained, Path(path))), kind="transcribed")


def _aligned(trained: Trained, path: str, sentence: str) -> QueryAnswers:
    from core.inference.transcribe import align  # torch

    return _spelled(align(trained, Path(path), sentence))


def _spelled(made: Transcript) -> QueryAnswers:
    answers = tuple(
        QueryAnswer(score=piece.score, sentence=piece.text, span=_times(piece.span)) for piece in made.pieces
    )
    return QueryAnswers(
        asked=Asked(), kind="aligned", answers=answers, written=made.sentence,
        chances=made.chance_LT if answers else None, frames=_all_times(made.frames),
    )  # fmt: skip


def _written(trained: Trained, path: str, following: Following) -> QueryAnswers:
    return written_about(
        trained, "sound", path, following,
        lambda word: QueryAnswer(sentence=word.text, picture_heat=word.look_HW),
    )  # fmt: skip


def _times(span: Span) -> tuple[float, float]:
    return span.start, span.end


def _all_times(spans: Sequence[Span]) -> tuple[tuple[float, float], ...]:
    return tuple(_times(span) for span in spans)
