"""Offset: by how much the sound of a person's own video is late, as the objective that learned it finds it; or that it cannot be told.

The video is asked about in parts as long as those it was trained on; each part answers for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from core.blocks.objectives.sync import Sync
from core.compiler.answers.answerable import NO_OFFSETS
from core.compiler.answers.tellers import synchronisers
from core.compiler.randomness import apart
from core.data.films.footage import FilmFile
from core.data.media import Wave
from core.data.readers.audio import read_sound
from core.inference.answering import Progress, go_on
from core.inference.trained import Trained
from core.problems import Refused
from core.telemetry.spans import Span

LEAST = 0.5  # of a part's length: what is left at the end and shorter is not asked about


@dataclass(frozen=True, kw_only=True)
class PartOffset:
    """What is found of one part."""

    span: Span  # of the file, seconds
    seconds: float | None  # by which the sound is late; None: that cannot be told
    sure: float  # probability within one frame
    frame: float  # seconds that a frame is shown


@torch.no_grad()
def offsets(trained: Trained, path: Path, *, seed: int = 0, progress: Progress | None = None) -> list[PartOffset]:
    """Of each part of a file. Raises Refused; Cancelled with what was found so far."""
    found = synchronisers(trained.plan)
    if not found:
        raise Refused(NO_OFFSETS)
    key, task = found[0], trained.plan.tasks_with(found[0])[0]
    source, ports = trained.graphs[task.source].source, trained.ports(task)
    length, hertz = float(getattr(source.config, "seconds", 5.0)), int(source.meta(1)[ports["sound"]].hertz)
    head, ends = trained.experiment.node(key), trained.plan.inputs[key]
    assert isinstance(head, Sync)
    end, told = FilmFile(file=path, name=path.name).shown().end, list[PartOffset]()
    starts = [n * length for n in range(max(1, int(end / length + 1 - LEAST)))]
    with apart(seed):
        for start in starts:
            span = Span(start=start, end=min(start + length, end))
            film = FilmFile(file=path, name=path.name, part=span)
            heard_S = read_sound(path, hertz=hertz, start_seconds=start, seconds=span.seconds).samples_S
            given = {ports["film"]: film, ports["sound"]: Wave.of(heard_S, hertz)}
            values = trained.experiment.run(
                trained.batch(given, task), [ends[side].node for side in ("video", "audio")]
            )
            seconds, sure, frame = (float(x[0]) for x in head.found(values[ends["video"]], values[ends["audio"]]))
            is_told = sure >= head.config.sure
            told.append(PartOffset(span=span, seconds=seconds if is_told else None, sure=sure, frame=frame))
            go_on(progress, len(told), len(starts), lambda: told)
    return told
