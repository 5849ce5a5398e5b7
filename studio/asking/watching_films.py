"""What a trained plan tells of a video, as answers of the query page: its frames, with what is found in it and when."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studio.asking.partial import Following, as_far_as_it_came, classes_of, written_about
from widgets.look.language import tr
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
    return Filming(tiles=tuple(tiles), seconds=shown.seconds, frames=len(shown.starts_T), reel=film.reel())


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
        "align": lambda: _offsets(trained, path, following),
    }
    answers = tells[kind]()
    asked = replace(asked_of(path), looks=answers.asked.looks)
    return replace(answers, asked=asked, seconds=time.monotonic() - began)


def _actions(trained: Trained, path: str) -> QueryAnswers:
    from core.inference.localise import localise  # torch

    answers = [
        QueryAnswer(score=event.score, sentence=event.name, span=(event.span.start, event.span.end))
        for event in localise(trained, "film", Path(path))
    ]
    return QueryAnswers(asked=Asked(), kind="actions", answers=tuple(answers))


def _offsets(trained: Trained, path: str, following: Following) -> QueryAnswers:
    """By how much its audio is late in each part, or that it cannot be told."""
    from core.inference.offset import offsets  # torch

    parts, is_partial = as_far_as_it_came(lambda: offsets(trained, Path(path), progress=following.progress))
    known = [part.seconds for part in parts if part.seconds is not None]
    answers = tuple(
        QueryAnswer(
            score=part.sure, span=(part.span.start, part.span.end),
            sentence=tr("cannot be told") if part.seconds is None else tr("{offset} s late", offset=f"{part.seconds:+.2f}"),
        )
        for part in parts
    )  # fmt: skip
    return QueryAnswers(
        asked=Asked(), kind="offsets", answers=answers, made=len(known), is_partial=is_partial,
        offset=statistics.median(known) if known else None,
    )  # fmt: skip
