"""A run kept in memory: the reader's promises in their plainest form, for tests of pictures."""

from __future__ import annotations

import threading

import numpy as np

from core.store.answers import (
    AttentionAt,
    Axis,
    CheckpointFacts,
    CodesAt,
    Curve,
    DeviceCurves,
    EmbeddingsAt,
    ExhibitFacts,
    Head,
    HistogramAt,
    HistogramStrip,
    LogFacts,
    MarkFacts,
    OffsetsAt,
    PairsAt,
    PicturesAt,
    RunFacts,
    SamplesAt,
    SegmentsAt,
    SeriesInfo,
    SoundsAt,
)  # fmt: skip
from core.store.made import files_of
from core.store.snapshots import KINDS
from core.telemetry.events import (
    AttentionMap,
    Codes,
    DeviceLoad,
    Embeddings,
    Event,
    Exhibit,
    Histogram,
    LogLine,
    Mark,
    Offsets,
    Pairs,
    Pictures,
    Samples,
    Scalars,
    Segments,
    Sounds,
    StatusChange,
)  # fmt: skip


class MemoryRun:
    """Takes events like a recorder, answers like a reader."""

    def __init__(self, steps: int = 100, name: str = "mini-CLIP") -> None:
        self.steps, self.name, self.status, self.document = steps, name, "queued", "{}"
        self.events: list[Event] = []
        self.files: dict[str, bytes] = {}
        self.reads = 0
        self.threads: set[str] = set()
        self.closed = False
        self._lock = threading.Lock()

    def say(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)
            if isinstance(event, Pictures | Sounds):
                self.files.update(files_of(event)[0])
            if isinstance(event, StatusChange):
                self.status = event.status

    def close(self) -> None:
        self.closed = True

    def _of(self, kind, upto=None):
        self.reads += 1
        self.threads.add(threading.current_thread().name)
        with self._lock:
            return [e for e in self.events if isinstance(e, kind) and (upto is None or e.at.step <= upto)]

    def facts(self) -> RunFacts:
        return RunFacts(id=1, uid=self.name, name=self.name, status=self.status, steps=self.steps)

    def head(self) -> Head:
        with self._lock:
            last = self.events[-1].at if self.events else None
            count = len(self.events)
        if last is None:
            return Head(steps=self.steps)
        return Head(
            step=last.step, seconds=last.seconds, epoch=last.epoch, samples=last.samples, steps=self.steps,
            status=self.status, revision=count,
        )  # fmt: skip

    def document_text(self) -> str:
        return self.document

    def series(self, kind: str | None = None) -> list[SeriesInfo]:
        steps: dict[tuple[str, str], list[int]] = {}
        for event in self._of((Scalars, *KINDS)):
            if isinstance(event, Scalars):
                for name in event.values:
                    steps.setdefault((name, "scalar"), []).append(event.at.step)
            else:
                steps.setdefault((event.series, KINDS[type(event)]), []).append(event.at.step)
        return [
            SeriesInfo(name=name, kind=each, count=len(found), first_step=min(found), last_step=max(found))
            for (name, each), found in steps.items()
            if kind is None or each == kind
        ]

    def _on(self, at, axis: Axis) -> float:
        return float({"step": at.step, "epoch": at.epoch, "seconds": at.seconds, "samples": at.samples}[axis])

    def curve(self, name, *, axis="step", low=None, high=None, points=1000, upto=None) -> Curve:
        found = [e for e in self._of(Scalars, upto) if name in e.values]
        x = np.array([self._on(e.at, axis) for e in found], dtype=np.float64)
        steps = np.array([e.at.step for e in found], dtype=np.int64)
        y = np.array([e.values[name] for e in found], dtype=np.float64)
        groups = np.array_split(np.arange(len(y)), min(points, len(y))) if len(y) else []
        last = [g[-1] for g in groups]
        return Curve(
            name=name, x=x[last], steps=steps[last], last=y[last], count=len(y),
            low=np.array([y[g].min() for g in groups]), high=np.array([y[g].max() for g in groups]),
        )  # fmt: skip

    def param(self, name):
        return ""

    def value_at(self, name, step):
        found = [e for e in self._of(Scalars, step) if name in e.values]
        return (found[-1].at.step, found[-1].values[name]) if found else None

    def _last(self, kind, name, step):
        found = [e for e in self._of(kind, step) if e.series == name]
        return found[-1] if found else None

    def pairs_at(self, name, step):
        found = self._last(Pairs, name, step)
        if found is None:
            return None
        fields = {key: value for key, value in vars(found).items() if key not in ("at", "series")}
        return PairsAt(name=name, step=found.at.step, **fields)

    def histogram_at(self, name, step):
        e = self._last(Histogram, name, step)
        return e and HistogramAt(name=name, step=e.at.step, low=e.low, high=e.high, counts=e.counts)

    def histogram_strip(self, name, *, columns=200, upto=None):
        found = [e for e in self._of(Histogram, upto) if e.series == name]
        if not found:
            return None
        density = np.stack([e.counts / max(e.counts.sum(), 1) for e in found]).astype(np.float32)
        steps = np.array([e.at.step for e in found])
        return HistogramStrip(name=name, steps=steps, low=found[0].low, high=found[0].high, density=density)

    def attention_at(self, name, step):
        e = self._last(AttentionMap, name, step)
        return e and AttentionAt(
            name=name, step=e.at.step, weights=e.weights.astype(np.float32), queries=e.queries, keys=e.keys,
            exhibit=e.exhibit,
        )  # fmt: skip

    def samples_at(self, name, step):
        e = self._last(Samples, name, step)
        return e and SamplesAt(
            name=name, step=e.at.step, truth=e.truth, nearest=e.nearest, scores=e.scores, exhibit=e.exhibit
        )

    def codes_at(self, name, step):
        e = self._last(Codes, name, step)
        if e is None:
            return None
        return CodesAt(name=name, step=e.at.step, counts=e.counts, perplexity=e.perplexity, dead=e.dead, bits=e.bits)

    def segments_at(self, name, step):
        e = self._last(Segments, name, step)
        if e is None:
            return None
        scores = np.array(e.scores, dtype=np.float32)
        return SegmentsAt(name=name, step=e.at.step, spans=e.spans, labels=e.labels, scores=scores, over=e.over)

    def offsets_at(self, name, step):
        e = self._last(Offsets, name, step)
        return e and OffsetsAt(name=name, step=e.at.step, seconds=e.seconds, scores=e.scores, over=e.over)

    def embeddings_upto(self, name, step, most=512):
        assert sum(e.series == name for e in self._of(Embeddings, step)) <= most
        return [
            EmbeddingsAt(
                name=name, step=e.at.step, left=e.left.astype(np.float32), right=e.right.astype(np.float32), numbers=e.numbers,
                names=e.names, labels=e.labels, groups=e.groups,
            )
            for e in self._of(Embeddings, step) if e.series == name
        ]  # fmt: skip

    def pictures_at(self, name, step):
        e = self._last(Pictures, name, step)
        return e and self._named(e)

    def pictures_over(self, name, *, upto, most):
        found = [e for e in self._of(Pictures, upto) if e.series == name]
        places = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int)) if found else ()
        return [self._named(found[place]) for place in places]

    def sounds_at(self, name, step):
        e = self._last(Sounds, name, step)
        return e and self._named(e)

    def sounds_over(self, name, *, upto, most):
        found = [e for e in self._of(Sounds, upto) if e.series == name]
        places = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int)) if found else ()
        return [self._named(found[place]) for place in places]

    def _named(self, e):
        _, made, originals = files_of(e)
        if isinstance(e, Sounds):
            return SoundsAt(
                name=e.series, step=e.at.step, made=tuple(made), originals=tuple(originals), seeds=e.seeds, titles=e.titles,
                hertz=e.hertz,
            )  # fmt: skip
        return PicturesAt(
            name=e.series, step=e.at.step, made=tuple(made), originals=tuple(originals), seeds=e.seeds, titles=e.titles
        )

    def file(self, name):
        return self.files[name]

    def exhibit(self, name):
        found = [e for e in self._of(Exhibit) if e.name == name]
        return (
            ExhibitFacts(
                name=name,
                pictures=found[-1].pictures,
                sentences=found[-1].sentences,
                words=found[-1].words,
                frames=found[-1].frames,
            )
            if found
            else None
        )

    def devices(self):
        return sorted({e.device for e in self._of(DeviceLoad)})

    def device_curves(self, device, *, points=600, upto=None, window=None):
        found = [e for e in self._of(DeviceLoad, upto) if e.device == device]
        names = found[0].values if found else {}
        return DeviceCurves(
            device=device, seconds=np.array([e.at.seconds for e in found]),
            values={name: np.array([e.values[name] for e in found]) for name in names},
        )  # fmt: skip

    def marks(self, *, upto=None):
        return [
            MarkFacts(step=e.at.step, seconds=e.at.seconds, kind=e.kind, text=e.text, data=e.data)
            for e in self._of(Mark, upto)
        ]

    def log(self, *, upto=None, newest=500):
        return [
            LogFacts(step=e.at.step, seconds=e.at.seconds, level=e.level, text=e.text) for e in self._of(LogLine, upto)
        ][-newest:]

    def checkpoints(self) -> list[CheckpointFacts]:
        return []

    def snapshot_steps(self, name):
        return [e.at.step for e in self._of((Histogram, AttentionMap, Samples)) if e.series == name]

    def place(self, step, axis):
        found = self._of(Scalars, step)
        return self._on(found[-1].at, axis) if found and axis != "step" else float(step) if axis == "step" else 0.0

    def step_at(self, value, axis):
        found = [e for e in self._of(Scalars) if self._on(e.at, axis) <= value]
        return found[-1].at.step if found else 0
