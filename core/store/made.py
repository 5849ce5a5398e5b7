"""Pictures, sounds, segments, code books and offsets as rows of snapshots, and back; large parts become files.

A row names its files by their content (:mod:`core.store.encoding`); who writes it puts them first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.store.answers import CodesAt, EmbeddingsAt, OffsetsAt, PicturesAt, SegmentsAt, SoundsAt
from core.store.encoding import content_name, picture_files, sound_files
from core.telemetry.events import Codes, Embeddings, Offsets, Pictures, Segments, Sounds
from core.telemetry.spans import Span

Made = Pictures | Sounds | Segments | Codes | Offsets | Embeddings
Packed = tuple[str, dict[str, Any], bytes]  # codec, about, data


def files_of(event: Pictures | Sounds) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Files by name, and the names of what was made and of the originals. Raises ValueError where they make no sense."""
    if isinstance(event, Pictures):
        made, originals = picture_files(event.pictures), picture_files(event.originals)
    else:
        made, originals = sound_files(event.sounds, event.hertz), sound_files(event.originals, event.hertz)
    counts = {len(one) for one in (event.titles, originals) if len(one)} | {len(event.seeds)}
    if not made or counts != {len(made)}:
        raise ValueError(f"{event.series!r} has {len(made)} made with {sorted(counts)} seeds, titles and originals")
    names, others = [content_name(one) for one in made], [content_name(one) for one in originals]
    return {**dict(zip(names, made)), **dict(zip(others, originals))}, names, others


def pack_pictures(event: Pictures, names: list[str], originals: list[str]) -> Packed:
    """What a row says of pictures. Raises ValueError for films whose times do not match."""
    about = _about(event, names, originals)
    if event.frames:
        if len(event.frames) != len(names) or not all(event.frames):
            raise ValueError(f"{event.series!r} has times for {len(event.frames)} films, and {len(names)} are made")
        about["frames"] = [[float(start) for start in starts] for starts in event.frames]
    return "pictures", about, b""


def pack_sounds(event: Sounds, names: list[str], originals: list[str]) -> Packed:
    """What a row says of sounds."""
    return "sounds", {**_about(event, names, originals), "hertz": int(event.hertz)}, b""


def _about(event: Pictures | Sounds, names: list[str], originals: list[str]) -> dict[str, Any]:
    seeds = [int(seed) for seed in event.seeds]
    return {"made": names, "originals": originals, "seeds": seeds, "titles": list(event.titles)}


def pack_segments(event: Segments) -> Packed:
    """Spans as float64, scores as float32."""
    spans = np.asarray([(span.start, span.end) for span in event.spans], dtype="<f8").reshape(len(event.spans), 2)
    scores = np.asarray(event.scores, dtype="<f4")
    if not len(event.labels) == len(scores) == len(event.over) == len(spans):
        raise ValueError(f"segments {event.series!r} have labels, scores or references that do not match their spans")
    about = {"labels": list(event.labels), "over": list(event.over)}
    return "segments", about, spans.tobytes() + scores.tobytes()


def pack_codes(event: Codes) -> Packed:
    """Counts as uint32."""
    counts = np.ascontiguousarray(event.counts, dtype="<u4")
    if counts.ndim != 1:
        raise ValueError(f"codes {event.series!r} have counts of shape {counts.shape}")
    figures = {"perplexity": _finite(event.perplexity), "dead": int(event.dead), "bits": _finite(event.bits)}
    return "codes", figures, counts.tobytes()


def pack_offsets(event: Offsets) -> Packed:
    """Seconds and scores as float32."""
    seconds, scores = (np.ascontiguousarray(one, dtype="<f4") for one in (event.seconds, event.scores))
    if seconds.ndim != 1 or scores.shape != seconds.shape or len(event.over) != len(seconds):
        raise ValueError(f"offsets {event.series!r} have shapes {seconds.shape}, {scores.shape}")
    return "offsets", {"over": list(event.over)}, seconds.tobytes() + scores.tobytes()


def pack_embeddings(event: Embeddings) -> Packed:
    """Numbers as int32, both sides as float16; what is not finite is kept so."""
    left, right = (np.ascontiguousarray(side, dtype="<f2") for side in (event.left, event.right))
    numbers = np.ascontiguousarray(event.numbers, dtype="<i4")
    if left.ndim != 2 or left.shape != right.shape or not len(left) == len(numbers) == len(event.labels):
        raise ValueError(
            f"embeddings {event.series!r} have shapes {left.shape}, {right.shape} for {len(numbers)} numbers"
        )
    about = {"width": left.shape[1], "names": event.names, "labels": event.labels, "groups": event.groups}
    return "embeddings", about, numbers.tobytes() + left.tobytes() + right.tobytes()


def unpack_pictures(name: str, step: int, about: Mapping[str, Any], data: bytes) -> PicturesAt:
    """Pictures from their row."""
    frames = tuple(tuple(float(start) for start in starts) for starts in about.get("frames", ()))
    return PicturesAt(name=name, step=step, frames=frames, **_named(about))


def unpack_sounds(name: str, step: int, about: Mapping[str, Any], data: bytes) -> SoundsAt:
    """Sounds from their row."""
    return SoundsAt(name=name, step=step, hertz=about["hertz"], **_named(about))


def _named(about: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {field: tuple(about[field]) for field in ("made", "originals", "seeds", "titles")}


def unpack_segments(name: str, step: int, about: Mapping[str, Any], data: bytes) -> SegmentsAt:
    """Segments from their row."""
    count = len(about["labels"])
    edges = np.frombuffer(data, dtype="<f8", count=2 * count).reshape(count, 2)
    return SegmentsAt(
        name=name, step=step, spans=tuple(Span(start=float(start), end=float(end)) for start, end in edges),
        scores=np.frombuffer(data, dtype="<f4", offset=16 * count), labels=tuple(about["labels"]),
        over=tuple(about["over"]),
    )  # fmt: skip


def unpack_codes(name: str, step: int, about: Mapping[str, Any], data: bytes) -> CodesAt:
    """Use of a code book from its row."""
    figures = {field: float("nan") if about[field] is None else float(about[field]) for field in ("perplexity", "bits")}
    return CodesAt(name=name, step=step, counts=np.frombuffer(data, dtype="<u4"), dead=about["dead"], **figures)


def unpack_offsets(name: str, step: int, about: Mapping[str, Any], data: bytes) -> OffsetsAt:
    """Offsets from their row."""
    count = len(about["over"])
    seconds, scores = (np.frombuffer(data, dtype="<f4", count=count, offset=4 * count * place) for place in (0, 1))
    return OffsetsAt(name=name, step=step, seconds=seconds, scores=scores, over=tuple(about["over"]))


def unpack_embeddings(name: str, step: int, about: Mapping[str, Any], data: bytes) -> EmbeddingsAt:
    """Embeddings from their row."""
    count, width = len(about["labels"]), int(about["width"])
    first, size = 4 * count, 2 * count * width
    sides = [
        np.frombuffer(data, dtype="<f2", count=count * width, offset=first + size * place).reshape(count, width)
        for place in (0, 1)
    ]
    return EmbeddingsAt(
        name=name, step=step, left=sides[0].astype(np.float32), right=sides[1].astype(np.float32),
        numbers=np.frombuffer(data, dtype="<i4", count=count), names=(str(about["names"][0]), str(about["names"][1])),
        labels=tuple(about["labels"]), groups=tuple(about["groups"]),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
