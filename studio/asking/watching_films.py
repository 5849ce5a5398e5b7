"""What a trained plan tells of a video, as answers of the query page: its frames, with what is found in it and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studio.asking.partial import Following, classes_of, written_about
from widgets.query.values import Asked, Filming, QueryAnswer, QueryAnswers

if TYPE_CHECKING:
    from core.data.films.footage import Footage
    from core.inference.trained import Trained

TILES, EDGE = 12, 96  # frames that are shown, and their edge in pixels
ACROSS, DOWN = 3, 2  # frames of one answer


def opened_film(path: str) -> Filming:
    """What is in a file, for the window. Raises Refused."""
    from core.runs.loading import load_engine

    load_engine()
    from core.data.films.footage import FilmFile  # torch

    return filming(FilmFile(file=Path(path), name=Path(path).name))


def filming(film: Footage) -> Filming:
    """Frames of equal parts of a film's time. Raises Refused."""
    from core.data.films.choosing import middles  # torch

    shown = film.shown()
    tiles = film.frames(middles(shown, TILES), EDGE).permute(0, 2, 3, 1).numpy()
    return Filming(tiles=tuple(tiles), seconds=shown.seconds, frames=len(shown.starts_T))


def sheet_of(film: Footage) -> NDArray[np.uint8]:
    """Six frames of a film in two rows, [H, W, 3]."""
    from core.data.films.choosing import middles  # torch

    tiles = film.frames(middles(film.shown(), ACROSS * DOWN), EDGE).permute(0, 2, 3, 1).numpy()
    rows = [np.concatenate(list(tiles[row * ACROSS : (row + 1) * ACROSS]), 1) for row in range(DOWN)]
    return np.ascontiguousarray(np.concatenate(rows))


def asked_of(path: str) -> Asked:
    """The question, with the frames that stand for it."""
    from core.data.films.footage import FilmFile  # torch

    film = FilmFile(file=Path(path), name=Path(path).name)
    return Asked(film=filming(film), picture=sheet_of(film))


def told_of_film(trained: Trained, kind: str, path: str, following: Following) -> QueryAnswers:
    """One kind of answer to a video. Raises Refused."""
    began = time.monotonic()
    tells: dict[str, Callable[[], QueryAnswers]] = {
        "classify": lambda: classes_of(trained, "film", path, following),
        "localise": lambda: _actions(trained, path),
        "caption": lambda: written_about(
            trained, "film", path, following, lambda word: QueryAnswer(sentence=word.text)
        ),
    }
    answers = tells[kind]()
    return replace(answers, asked=asked_of(path), seconds=time.monotonic() - began)


def _actions(trained: Trained, path: str) -> QueryAnswers:
    from core.inference.localise import localise  # torch

    answers = [
        QueryAnswer(score=event.score, sentence=event.name, span=(event.span.start, event.span.end))
        for event in localise(trained, "film", Path(path))
    ]
    return QueryAnswers(asked=Asked(), kind="actions", answers=tuple(answers))
