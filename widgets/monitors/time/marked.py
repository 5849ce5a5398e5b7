"""Events in time: what a block finds in held-out clips under what is true, on one scale of seconds, at the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.time.marked_times import STEM, MarkedSettings, MarkedValue, read_marked
from widgets.monitors.time.marked_view import MarkedTracks
from widgets.monitors.titles import title


@monitors.register("marked")
class MarkedMonitor(Monitor):
    """Spans that were found, under the true ones."""

    title = "Events in time"
    summary = "What is found in held-out clips, under what is true, on one scale of seconds: events, or words where they are said."
    diagnostic = "marked"
    order = 39
    empty = "No events yet. They come with a block that finds events or words, and the diagnostic Events in time."
    milliseconds_between = 500

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tracks = MarkedTracks()
        column = QVBoxLayout()
        column.addWidget(self.tracks)
        self.set_picture(column)
        self._series = self.add_choice(tr("Block"), [])
        self.tools_row.addStretch(1)

    def settings(self) -> MarkedSettings:
        return MarkedSettings(series=self._series.currentData() or "")

    @staticmethod
    def read(settings: MarkedSettings, readers: Sequence[RunReader], cursor: Cursor) -> MarkedValue | None:
        return read_marked(settings, readers, cursor)

    def draw(self, value: MarkedValue) -> None:
        refill(
            self._series,
            [(title(value.titles, name.removeprefix(STEM)), name) for name in value.all_series],
            value.series,
        )
        self.tracks.set_value(value)
        parts = [tr("step {step}", step=f"{value.step:,}")]
        if value.has_true and value.clips:
            mean = sum(clip.agreement for clip in value.clips) / len(value.clips)
            parts.insert(0, tr("common time {share}", share=f"{mean:.0%}"))
        self.figures.set_text(" · ".join(parts))

    def restyle(self) -> None:
        self.tracks.update()
