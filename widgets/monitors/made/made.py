"""Made images: the same seeds at the cursor as a grid, and one of them over time; scrubbed on the one timeline like everything else."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.exploring.tray import Held, Kind
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.cells import series_title
from widgets.monitors.made.made_close import CloseLook
from widgets.monitors.made.made_images import STEM, MadeSettings, MadeValue, read_made
from widgets.monitors.made.made_view import MadeGrid, MadeStrip
from widgets.monitors.monitor import Monitor, refill


@monitors.register("made")
class MadeMonitor(Monitor):
    """What blocks make, from the same seeds at every step."""

    title = "Made images"
    summary = "What the model makes from the same seeds at every step. Click an image to look closely; the strip shows it over time."
    diagnostic = "made"
    order = 37
    empty = (
        "No images yet. They come with a block that makes images and the diagnostic Made images, or from videos with the "
        "diagnostic Videos and answers."
    )
    milliseconds_between = 500
    compares = True
    holds_media = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen, self._is_close, self._told = 0, False, ""
        self.grid_view, self.close_look, self.strip = MadeGrid(), CloseLook(), MadeStrip()
        self._pages = QStackedWidget()
        for page in (self.grid_view, self.close_look):
            self._pages.addWidget(page)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self._pages, 1)
        column.addWidget(self.strip)
        self.set_picture(column)
        self._series = self.add_choice(tr("Block"), [])
        self._difference = self.add_switch(
            tr("Show the difference"),
            on=True,
            tip=tr("Looked at closely, show by how much an image differs from its original"),
        )
        self.tools_row.addStretch(1)
        self.grid_view.chosen.connect(self.choose)
        self.grid_view.closeWanted.connect(self.look_closely)
        self.close_look.chosen.connect(self.choose)
        self.close_look.backWanted.connect(self.look_at_all)
        self.close_look.told.connect(self._tell)
        self.strip.stepWanted.connect(self.cursorRequested)

    def settings(self) -> MadeSettings:
        return MadeSettings(
            series=self._series.currentData() or "", chosen=self._chosen, close=self._is_close,
            difference=self._difference.isChecked(),
        )  # fmt: skip

    @staticmethod
    def read(settings: MadeSettings, readers: Sequence[RunReader], cursor: Cursor) -> MadeValue | None:
        return read_made(settings, readers, cursor)

    def draw(self, value: MadeValue) -> None:
        refill(
            self._series,
            [(series_title(STEM, name, value.all_series, value.titles), name) for name in value.all_series],
            value.series,
        )
        self._difference.setEnabled(bool(value.runs[0].originals))
        self.grid_view.set_value(value)
        self.strip.set_value(value)
        if value.panes:
            self.close_look.set_value(value)
        self._pages.setCurrentWidget(self.close_look if value.panes else self.grid_view)
        self._write_figures(value)

    def held_at(self, at: QPoint | None) -> Held | None:
        """The image under the mouse, made or original, else the chosen one."""
        value = self.value()
        if not isinstance(value, MadeValue):
            return None
        if at is not None and self._is_close:
            pane = self.close_look.pane_at(self.close_look.mapFrom(self, at))
            return (
                None
                if pane is None or pane.role == "difference"
                else self._held(value, pane.uid, pane.step, value.chosen, pane.role)
            )
        place = self.grid_view.place_at(self.grid_view.mapFrom(self, at)) if at is not None else None
        if place is None:
            return self._held(value, value.runs[0].uid, value.step, value.chosen, "made") if at is None else None
        run, role = value.runs[place[0]], place[2]
        return self._held(value, run.uid, run.step, place[1], role)

    def _held(self, value: MadeValue, uid: str, step: int, index: int, role: str) -> Held:
        kind: Kind = "original image" if role == "original" else "image"
        return Held(kind=kind, run=uid, series=value.series, step=step, index=index)

    def choose(self, index: int) -> None:
        """Another image for the strip and the close look."""
        self._chosen, self._told = index, ""
        self.settingsChanged.emit()

    def look_closely(self, index: int) -> None:
        """One of them, as large as fits."""
        self._is_close = True
        self.choose(index)
        self.close_look.setFocus()

    def look_at_all(self) -> None:
        """The grid again."""
        self._is_close = False
        self.choose(self._chosen)
        self.grid_view.setFocus()

    def _tell(self, sentence: str) -> None:
        self._told = sentence
        if isinstance(value := self.value(), MadeValue):
            self._write_figures(value)

    def _write_figures(self, value: MadeValue) -> None:
        if value.broken:
            self.figures.set_text(tr("{n} images are missing or damaged", n=value.broken), warns=True)
            return
        shown = len(value.runs[0].tiles)
        many = tr("{shown} of {count} images", shown=shown, count=value.count) if shown < value.count else ""
        seeds = tr("seeds {first}–{last}", first=min(value.seeds), last=max(value.seeds))
        parts = [self._told, tr("step {step}", step=f"{value.step:,}"), many or seeds]
        self.figures.set_text(" · ".join(part for part in parts if part))
