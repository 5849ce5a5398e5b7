"""Sound and film in time at the cursor: which moments of each clip are alike, the cheapest path through them, and the offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.store.answers import OffsetsAt
from core.store.reader import RunReader
from core.telemetry.warping import warped
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.titles import run_titles

STEM, OFFSETS, TRUE = "sync/", "offsets/", "/true"
MOST_CLIPS, MOST_FRAMES = 16, 160  # beyond that many frames no path is looked for


@dataclass(frozen=True, kw_only=True)
class SyncSettings:
    """Which block; empty: the first."""

    series: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class SyncClip:
    """One held-out clip."""

    name: str  # its split and number
    alike_TS: NDArray[np.float32]  # film by sound, -1 to 1
    path_P2: NDArray[np.int64]  # through both; empty where there are too many frames
    found: float | None  # seconds by which the sound is late; None: that is not said
    sure: float
    true: float | None  # where that is known


@dataclass(frozen=True, kw_only=True)
class SyncValue:
    """Everything that is drawn at the cursor."""

    all_series: tuple[str, ...]
    series: str
    step: int  # said at
    clips: tuple[SyncClip, ...]
    first: float  # seconds of the first frame's middle
    frame: float  # seconds from one frame to the next
    titles: Mapping[str, str] = field(default_factory=dict)  # by node

    @property
    def known(self) -> int:
        """Clips whose offset is known."""
        return sum(clip.true is not None for clip in self.clips)

    @property
    def right(self) -> int:
        """Clips whose offset is said within one frame of the truth."""
        return sum(is_right(clip, self.frame) for clip in self.clips)


def is_right(clip: SyncClip, frame: float) -> bool:
    """Whether its offset is said, within one frame of the truth."""
    return clip.found is not None and clip.true is not None and abs(clip.found - clip.true) <= frame + 1e-6


def read_sync(settings: SyncSettings, readers: Sequence[RunReader], cursor: Cursor) -> SyncValue | None:
    """What is drawn; None where nothing was looked at by then."""
    reader = readers[0]
    names = tuple(series_names(reader, cursor, (STEM,), kind="attention"))
    series = settings.series if settings.series in names else next(iter(names), "")
    found = reader.attention_at(series, cursor.step) if series else None
    if found is None:
        return None
    stem = OFFSETS + series.removeprefix(STEM)
    said, true = (reader.offsets_at(name, cursor.step) for name in (stem, stem + TRUE))
    least = float(found.queries.get("least", 0.0))
    clips = tuple(_clip(n, table_TS, said, true, least) for n, table_TS in enumerate(found.weights[:MOST_CLIPS, 0]))
    return SyncValue(
        all_series=names, series=series, step=found.step, clips=clips, first=float(found.queries.get("first", 0.0)),
        frame=float(found.queries.get("step", 1.0)), titles=run_titles(reader),
    )  # fmt: skip


def _clip(
    number: int, alike_TS: NDArray[np.float32], said: OffsetsAt | None, true: OffsetsAt | None, least: float
) -> SyncClip:
    has = said is not None and number < len(said.seconds)
    sure = float(said.scores[number]) if said is not None and has else 0.0
    is_said = has and sure >= least
    path = (
        warped(alike_TS.max() - alike_TS)
        if max(alike_TS.shape) <= MOST_FRAMES and np.isfinite(alike_TS).all()
        else np.zeros((0, 2), np.int64)
    )
    return SyncClip(
        name=said.over[number] if said is not None and has else str(number + 1), alike_TS=alike_TS, path_P2=path, sure=sure,
        found=float(said.seconds[number]) if said is not None and is_said else None,
        true=float(true.seconds[number]) if true is not None and number < len(true.seconds) else None,
    )  # fmt: skip
