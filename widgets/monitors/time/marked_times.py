"""Events and words in time at the cursor: what was found of each clip under what is true, as they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.store.answers import SegmentsAt
from core.store.reader import RunReader
from core.telemetry.spans import Span
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.titles import run_titles

STEM, TRUE = "segments/", "/true"
MOST_CLIPS = 64


@dataclass(frozen=True, kw_only=True)
class MarkedSettings:
    """Which block; empty: the first."""

    series: str = ""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One span with what it is called."""

    span: Span
    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One held-out clip: its true spans and those that were found."""

    name: str  # its split and number
    true: tuple[Drawn, ...]
    found: tuple[Drawn, ...]

    @property
    def agreement(self) -> float:
        """Common time of true and found spans with one label, as a share of the time of either; 1 where neither has any."""
        common, either = shared_seconds(self.true, self.found)
        return common / either if either else 1.0


@dataclass(frozen=True, kw_only=True)
class MarkedValue:
    """Everything that is drawn at the cursor."""

    all_series: tuple[str, ...]
    series: str
    step: int  # said at
    clips: tuple[Clip, ...]
    labels: tuple[str, ...]  # in the order of their colours
    seconds: float  # until where time is drawn
    has_true: bool
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


def read_marked(settings: MarkedSettings, readers: Sequence[RunReader], cursor: Cursor) -> MarkedValue | None:
    """What is drawn; None where nothing was marked by then."""
    reader = readers[0]
    said = series_names(reader, cursor, (STEM,), kind="segments")
    names = tuple(dict.fromkeys(name.removesuffix(TRUE) for name in said))
    series = settings.series if settings.series in names else next(iter(names), "")
    if not series:
        return None
    found, true = (_by_clip(reader.segments_at(name, cursor.step)) for name in (series, series + TRUE))
    places = sorted({*found, *true}, key=_natural)[:MOST_CLIPS]
    clips = tuple(Clip(name=place, true=true.get(place, ()), found=found.get(place, ())) for place in places)
    every = [one for clip in clips for one in (*clip.true, *clip.found)]
    at = [
        said_at.step
        for name in (series, series + TRUE)
        if (said_at := reader.segments_at(name, cursor.step)) is not None
    ]
    return MarkedValue(
        all_series=names, series=series, step=max(at, default=0), clips=clips, labels=tuple(sorted({one.label for one in every})),
        seconds=max((one.span.end for one in every), default=0.0), has_true=series + TRUE in said, titles=run_titles(reader),
    )  # fmt: skip


def shared_seconds(true: Sequence[Drawn], found: Sequence[Drawn]) -> tuple[float, float]:
    """Seconds in which both have a span with one label, and seconds in which either has one, summed over labels."""
    common = either = 0.0
    for label in {one.label for one in (*true, *found)}:
        one, other = (_merged([each.span for each in side if each.label == label]) for side in (true, found))
        both = sum(part.seconds for a in one for b in other if (part := a.common(b)) is not None)
        common += both
        either += sum(span.seconds for span in (*one, *other)) - both
    return common, either


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same time in spans that do not overlap."""
    made: list[Span] = []
    for span in sorted(spans):
        if made and span.start <= made[-1].end:
            made[-1] = Span(start=made[-1].start, end=max(made[-1].end, span.end))
        else:
            made.append(span)
    return made


def _by_clip(at: SegmentsAt | None) -> dict[str, tuple[Drawn, ...]]:
    found: dict[str, list[Drawn]] = {}
    for span, label, score, over in zip(at.spans, at.labels, at.scores.tolist(), at.over) if at is not None else ():
        found.setdefault(over, []).append(Drawn(span=span, label=label, score=score))
    return {over: tuple(spans) for over, spans in found.items()}


def _natural(place: str) -> tuple[str, int]:
    split, _, number = place.rpartition("/")
    return split, int(number) if number.isdigit() else 0
