"""Made audio: the same seeds at the cursor as waveforms, one of them whole or as a spectrogram, and over time; played where it can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from core.exploring.tray import Held, Kind
from core.store.reader import RunReader
from widgets.look.files import save_file
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.cells import series_title
from widgets.monitors.made.made_sounds import STEM, SoundSettings, SoundsValue, read_sounds
from widgets.monitors.made.sounds_view import SoundCells, SoundStrip, SoundTracks
from widgets.monitors.monitor import Monitor, refill


@monitors.register("sounds")
class SoundsMonitor(Monitor):
    """What blocks make that can be heard, from the same seeds at every step."""

    title = "Made audio"
    summary = "The audio that the model makes from the same seeds at every step. Click one to choose it; the strip shows it over time."
    diagnostic = "made"
    order = 38
    empty = "No audio yet. It comes with a block that makes audio and the diagnostic Made images."
    milliseconds_between = 500
    compares = True
    holds_media = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen, self._told = 0, ""
        self.player = Player(self)
        self.cells, self.tracks, self.strip = SoundCells(), SoundTracks(), SoundStrip()
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.tracks, 3)
        column.addWidget(self.cells, 2)
        column.addWidget(self.strip)
        self.set_picture(column)
        self._series = self.add_choice(tr("Block"), [])
        self._spectrogram = self.add_switch(
            tr("Spectrogram"), tip=tr("Show the chosen audio by frequency, low ones below")
        )
        self.tools_row.addStretch(1)
        self.play_button = self.add_command(tr("Play"), tr("Play the chosen audio"))
        self.save_button = self.add_command(tr("Save…"), tr("Save the chosen audio to a file"))
        self.play_button.clicked.connect(self.play)
        self.save_button.clicked.connect(self.save)
        self.cells.chosen.connect(self.choose)
        self.cells.playWanted.connect(self.play)
        self.strip.stepWanted.connect(self.cursorRequested)
        self._allow(self.save_button, "")

    def settings(self) -> SoundSettings:
        return SoundSettings(
            series=self._series.currentData() or "", chosen=self._chosen, as_spectrogram=self._spectrogram.isChecked()
        )

    @staticmethod
    def read(settings: SoundSettings, readers: Sequence[RunReader], cursor: Cursor) -> SoundsValue | None:
        return read_sounds(settings, readers, cursor)

    def present(self, value: SoundsValue | None) -> None:
        """Commands are there where there is something to play or to save."""
        super().present(value)
        missing = "" if value is not None and value.file else tr("There is no audio at the cursor.")
        self._allow(self.play_button, missing or self.player.obstacle())
        self._allow(self.save_button, missing)

    def draw(self, value: SoundsValue) -> None:
        refill(
            self._series,
            [(series_title(STEM, name, value.all_series, value.titles), name) for name in value.all_series],
            value.series,
        )
        self.cells.set_value(value)
        self.tracks.set_value(value)
        self.strip.set_value(value)
        self._write_figures(value)

    def held_at(self, at: QPoint | None) -> Held | None:
        """The sound under the mouse, made or original, else the chosen one."""
        value = self.value()
        if not isinstance(value, SoundsValue):
            return None
        track = self.tracks.track_at(self.tracks.mapFrom(self, at)) if at is not None else None
        if track is not None:
            kind: Kind = "original sound" if track.role == "original" else "sound"
            return Held(kind=kind, run=track.uid, series=value.series, step=track.step, index=value.chosen)
        place = self.cells.mapFrom(self, at) if at is not None else None
        index = value.chosen if place is None else self.cells.under(place.x(), place.y())
        return None if index is None else Held(kind="sound", series=value.series, step=value.step, index=index)

    def choose(self, index: int) -> None:
        """Another sound for the tracks and the strip."""
        self._chosen, self._told = index, ""
        self.player.stop()
        self.settingsChanged.emit()

    def play(self) -> None:
        """The chosen one, from its start; why not is told."""
        value = self.value()
        if not isinstance(value, SoundsValue) or not value.file:
            return
        if obstacle := self.player.obstacle():
            self._tell(obstacle)
        else:
            self.player.play(value.file)

    def save(self) -> None:
        """The chosen one as it is kept beside the store: FLAC."""
        value = self.value()
        if not isinstance(value, SoundsValue) or not value.file:
            return
        node = value.series.removeprefix(STEM).partition("/")[0]
        name = f"{node}-seed-{value.seeds[value.chosen]}-step-{value.step}.flac"
        path = save_file(self, tr("Save the audio"), name, "FLAC (*.flac)", what="made audio")
        if not path:
            return
        try:
            Path(path).write_bytes(value.file)
        except OSError:
            self._tell(tr("{path} cannot be written.", path=path))
        else:
            self._tell(tr("Written to {path}.", path=path))

    def _allow(self, button: QToolButton, obstacle: str) -> None:
        """Whether it can be pressed; its tip says why not."""
        button.setEnabled(not obstacle)
        tip = tr("Play the chosen audio") if button is self.play_button else tr("Save the chosen audio to a file")
        button.setToolTip(plain_tip(said(obstacle) or tip))

    def _tell(self, sentence: str) -> None:
        self._told = sentence
        if isinstance(value := self.value(), SoundsValue):
            self._write_figures(value)

    def _write_figures(self, value: SoundsValue) -> None:
        if value.broken:
            self.figures.set_text(tr("{n} sounds are missing or damaged", n=value.broken), warns=True)
            return
        seeds = tr("seeds {first}–{last}", first=min(value.seeds), last=max(value.seeds))
        parts = [self._told, tr("step {step}", step=f"{value.step:,}"), seeds, f"{value.hertz:,} Hz"]
        self.figures.set_text(" · ".join(part for part in parts if part))
