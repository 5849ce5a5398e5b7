"""What can be counted of a source without reading every sample: for the advisor, and for what the data page says of recordings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from core.data.base import Source
from core.data.clip_rows import Clips
from core.data.clips import Told
from core.data.films.footage import Footage
from core.data.media import Marks, Wave
from core.data.report import shared_groups
from core.graph.dataset import DataReading, Lengths, Tells
from core.problems import Refused

LOOKED_AT = 16  # samples whose length is read
MOST_COUNTED = 200_000  # samples whose class and caption are counted
NOTE = re.compile(r"[A-G](?:#|b)?(?:-?\d|(?::|m|maj|min|dim|aug|sus|7).*)?")


def tells_of(told: Sequence[Told]) -> Tells:
    """Of how many clips a thing is known."""

    def share(has: Callable[[Told], bool]) -> float:
        return sum(map(has, told)) / len(told) if told else 0.0

    return Tells(
        clips=len(told), notes=share(lambda one: bool(one.event_names) and all(map(NOTE.fullmatch, one.event_names))),
        transcripts=share(lambda one: bool(one.transcript)),
        english=share(lambda one: bool(one.transcript) and one.transcript.isascii()), labels=share(lambda one: bool(one.labels)),
        speakers=share(lambda one: bool(one.speaker)), captions=share(lambda one: bool(one.caption)),
        events=share(lambda one: len(one.marks) > 0),
    )  # fmt: skip


def counted(source: Source) -> DataReading:
    """Counts of an open source; a few samples are read for their lengths."""
    splits = source.splits()
    training = list(splits.get("train", ()))
    seen = training[:MOST_COUNTED]
    told = [source.rows[index].told for index in training] if isinstance(source, Clips) else None
    clips, events, rate = _lengths(source, training)
    return DataReading(
        title=source.title, modality=source.modality, counts={name: len(some) for name, some in splits.items()},
        classes=dict(Counter(names[0] for index in seen if (names := source.class_names(index)))),
        repeats=_repeats([source.label(index) for index in seen]), tells=None if told is None else tells_of(told),
        clips=clips, events=events, frames_a_second=rate, leaks=len(shared_groups(source, splits.items())),
    )  # fmt: skip


def _repeats(captions: Sequence[str]) -> float:
    """How likely two samples that are drawn have equal captions."""
    pairs = len(captions) * (len(captions) - 1)
    return sum(n * (n - 1) for n in Counter(captions).values()) / pairs if pairs else 0.0


def _lengths(source: Source, training: Sequence[int]) -> tuple[Lengths | None, Lengths | None, float]:
    """Of clips, of their events, and frames a second; of a source without time nothing."""
    port = "clip" if "clip" in source.gives else "waveform" if source.modality == "audio" else ""
    if not port or not training:
        return None, None, 0.0
    ports = [name for name in (port, "segments") if name in source.gives]
    clips, events, rates = list[float](), list[float](), list[float]()
    for place in np.linspace(0, len(training) - 1, min(LOOKED_AT, len(training))).astype(int):
        try:
            values = source.part(training[place], ports)
            seconds, frames = _length(values[port])
        except Refused:
            continue  # it is among the source's problems
        clips.append(seconds)
        rates += [frames / seconds] if frames and seconds else []
        marks = values.get("segments")
        events += [span.seconds for span in marks.spans if span.seconds > 0] if isinstance(marks, Marks) else []
    return _of(clips), _of(events), float(np.median(rates)) if rates else 0.0


def _length(value: object) -> tuple[float, int]:
    if isinstance(value, Footage):
        shown = value.shown()
        return shown.seconds, len(shown.starts_T)
    assert isinstance(value, Wave)
    return value.real / value.hertz, 0


def _of(seconds: Sequence[float]) -> Lengths | None:
    if not seconds:
        return None
    return Lengths(shortest=min(seconds), median=float(np.median(seconds)), longest=max(seconds))
