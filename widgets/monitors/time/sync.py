"""By how much sound and film of held-out clips are apart, at the cursor: moments that are alike, the path through them, the offsets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.time.sync_times import STEM, SyncSettings, SyncValue, read_sync
from widgets.monitors.time.sync_view import SyncSquares
from widgets.monitors.titles import title


@monitors.register("sync")
class SyncMonitor(Monitor):
    """Offsets between sound and film."""

    title = "Sync"
    summary = (
        "Each square is a held-out clip: film downwards, sound to the right, bright where both are alike. The green path is the "
        "cheapest way through both (DTW), the coloured line the offset that is found, the dashed line the true one; seconds by "
        "which the sound is late."
    )
    diagnostic = "sync"
    order = 40
    empty = "No offsets yet. They come with a block that compares sound and film, and the diagnostic Sync."
    milliseconds_between = 500

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.squares = SyncSquares()
        column = QVBoxLayout()
        column.addWidget(self.squares)
        self.set_picture(column)
        self._series = self.add_choice(tr("Block"), [])
        self.tools_row.addStretch(1)

    def settings(self) -> SyncSettings:
        return SyncSettings(series=self._series.currentData() or "")

    @staticmethod
    def read(settings: SyncSettings, readers: Sequence[RunReader], cursor: Cursor) -> SyncValue | None:
        return read_sync(settings, readers, cursor)

    def draw(self, value: SyncValue) -> None:
        refill(
            self._series,
            [(title(value.titles, name.removeprefix(STEM)), name) for name in value.all_series],
            value.series,
        )
        self.squares.set_value(value)
        parts = [tr("step {step}", step=f"{value.step:,}")]
        if value.known:
            parts.insert(0, tr("{right} of {known} within one frame", right=value.right, known=value.known))
        self.figures.set_text(" · ".join(parts))

    def restyle(self) -> None:
        self.squares.update()
