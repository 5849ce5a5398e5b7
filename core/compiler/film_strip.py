"""Which frames a drawing takes of a clip, seen before anything is trained: small frames along its time, and marks where it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compiler.build import build_source, build_transform
from core.data.films.choosing import middles
from core.data.films.footage import Footage
from core.data.transforms.sample_frames import SampleFrames
from core.graph.document import Document
from core.graph.reel import Reel
from core.problems import refuse

SAMPLER = "transforms.sample_frames"
TILES, EDGE = 10, 48  # small frames, and their edge in pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmStrip:
    """One clip of the training split, and what is taken of it where nothing is drawn at random."""

    name: str  # what is said of the clip
    seconds: float
    frames: int  # of the clip
    tiles: tuple[NDArray[np.uint8], ...]  # [48, 48, 3] each, of equal parts of its time
    marks: tuple[float, ...]  # seconds of the frames that are taken
    reel: Reel  # to be played
    is_drawn: bool = False  # training takes others every time

    @property
    def gaps(self) -> tuple[float, float] | None:
        """The least and the greatest time between two frames that are taken; None of one."""
        found = np.diff(self.marks)
        return (float(found.min()), float(found.max())) if len(found) else None


def film_strip(document: Document, node: str) -> FilmStrip:
    """Of the first training clip that leads into a step that samples frames. Raises Refused where there is none."""
    step = build_transform(document.nodes[node])
    assert isinstance(step, SampleFrames)
    wire = next((wire for wire in document.wires if wire.target.node == node), None)
    if wire is None:
        raise refuse("No videos lead in.", hint="Wire the clip of a source of videos.")
    source = build_source(document, wire.source.node)
    if (problem := source.unready()) is not None:
        raise refuse(problem.what, hint=problem.hint)
    source.open()
    chosen = next((some[0] for some in source.splits().values() if len(some)), None)
    if chosen is None:
        raise refuse("The source has no samples.")
    film: Footage = source.part(chosen, (wire.source.port,))[wire.source.port]
    shown = film.shown()
    places = step.places(film, shown)
    tiles = film.frames(middles(shown, TILES), EDGE, step.config.shape).permute(0, 2, 3, 1).numpy()
    return FilmStrip(
        name=source.label(chosen), seconds=shown.seconds, frames=len(shown.starts_T), tiles=tuple(tiles),
        marks=tuple(shown.starts_T[places].tolist()), is_drawn=step.draws_in_training,
        reel=film.reel(),
    )  # fmt: skip
