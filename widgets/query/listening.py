"""The question as a sound: drop or open a file, or record while a button is held; hear it; and ask what a run can tell of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QTemporaryDir, Signal
from PySide6.QtGui import (
    QImage,
    QPainter,
)
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from core.store.encoding import sound_files
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.look.recording import MOST_SECONDS, Recorder
from widgets.look.sounds import sound_image
from widgets.look.theme import look
from widgets.query.values import Sounding, Ways
from widgets.query.well import FileWell

SUFFIXES = tuple(".wav .flac .ogg .oga .opus .mp3 .m4a .aac .aif .aiff .mp4 .mkv .mov .webm .avi".split())
TOLD = ("classify", "transcribe", "localise", "caption", "align")


class SoundWell(FileWell):
    """A place to drop one audio file; a click opens one. What is in it is shown once it has been read."""

    suffixes, what = SUFFIXES, "sound"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sound: Sounding | None = None
        self._image: QImage | None = None
        look.changed.connect(self._relook)

    def show_sound(self, sound: Sounding | None) -> None:
        """What is in the well, once it has been read."""
        self._sound, self._image = sound, None
        self.update()

    def invitation(self) -> str:
        return tr("Drop audio here, or click to open a file")

    def cannot_read(self, name: str) -> str:
        return tr("{name} is not audio that can be read here.", name=name)

    def opening(self) -> tuple[str, str]:
        return tr("Open audio"), tr("Audio")

    def has_content(self) -> bool:
        return self._sound is not None

    def forget(self) -> None:
        self.show_sound(None)

    def paint_content(self, painter: QPainter, inside: QRect) -> None:
        assert self._sound is not None
        if self._image is None:
            self._image = sound_image(self._sound.samples, inside.width(), inside.height(), inside.height() // 3)
        painter.drawImage(inside.topLeft(), self._image)

    def resizeEvent(self, event: object) -> None:
        self._image = None

    def _relook(self) -> None:
        self._image = None
        self.update()


class ListeningForm(QWidget):
    """A well for a sound with play and record under it, and a button for everything that can be told of it."""

    soundChosen = Signal(str)  # path
    soundRemoved = Signal()
    refused = Signal(str)
    told = Signal(str, str)  # kind of answer, and the sentence of an alignment

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.well, self.player, self.recorder = SoundWell(), Player(self), Recorder(self)
        self.play_button, self.record_button = QPushButton(tr("Play")), QPushButton(tr("Hold to record"))
        self.sentence = QLineEdit()
        self.buttons = {kind: QPushButton(words) for kind, words in zip(TOLD, _words())}
        self._sound: Sounding | None = None
        self._folder: QTemporaryDir | None = None  # of recordings; deleted with the window
        self._recorded = 0
        self._lay_out()
        self._connect()
        self._show_state()

    def path(self) -> str:
        """The file that is asked about; empty where there is none."""
        return self.well.path

    def show_sound(self, path: str, sound: Sounding | None) -> None:
        """What was read of a file; of one that is no longer asked about nothing."""
        if path == self.path():
            self._sound = sound
            self.well.show_sound(sound)
            self._show_state()

    def set_possible(self, ways: Ways, why_not: str) -> None:
        """Show what can be told of a sound by this run; ``why_not`` is why nothing can be asked now."""
        self.setVisible(any(ways.hears(kind) for kind in ways.of_sound))
        missing = "" if self.path() else tr("Choose audio first.")
        for kind, button in self.buttons.items():
            reason = ways.of_sound.get(kind, "") or why_not or missing
            button.setEnabled(not reason)
            button.setToolTip(plain_tip(said(reason)))
        self.sentence.setVisible(ways.hears("align"))

    def first_told(self) -> str:
        """The kind that a new sound is asked for at once; empty where a person must say."""
        return next((kind for kind, button in self.buttons.items() if button.isEnabled() and kind != "align"), "")

    def stop(self) -> None:
        """Silence, and no microphone."""
        self.player.stop()
        self.recorder.stop()

    def hideEvent(self, event: object) -> None:
        self.stop()
        self._show_state()

    def _lay_out(self) -> None:
        self.sentence.setPlaceholderText(tr("What is said, to align it"))
        self.sentence.setAccessibleName(tr("What is said, to align it"))
        self.sentence.setClearButtonEnabled(True)
        sounding, kinds = QHBoxLayout(), QGridLayout()
        for button in (self.play_button, self.record_button):
            sounding.addWidget(button, 1)
        kinds.setHorizontalSpacing(6)
        kinds.setVerticalSpacing(6)
        for number, kind in enumerate(TOLD[:4]):
            kinds.addWidget(self.buttons[kind], number // 2, number % 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.well)
        column.addLayout(sounding)
        column.addLayout(kinds)
        column.addWidget(self.sentence)
        column.addWidget(self.buttons["align"])

    def _connect(self) -> None:
        self.well.chosen.connect(self._chosen)
        self.well.removed.connect(self._removed)
        self.well.refused.connect(self.refused)
        self.play_button.clicked.connect(self._play_or_stop)
        self.player.stopped.connect(self._show_state)
        self.record_button.pressed.connect(self._start_recording)
        self.record_button.released.connect(self.recorder.stop)
        self.recorder.recorded.connect(self._keep)
        self.recorder.full.connect(self._is_full)
        self.sentence.returnPressed.connect(lambda: self._tell("align"))
        for kind, button in self.buttons.items():
            button.clicked.connect(lambda _=False, kind=kind: self._tell(kind))

    def _tell(self, kind: str) -> None:
        if self.buttons[kind].isEnabled():
            self.told.emit(kind, self.sentence.text().strip() if kind == "align" else "")

    def _chosen(self, path: str) -> None:
        self.player.stop()
        self._sound = None
        self._show_state()
        self.soundChosen.emit(path)

    def _removed(self) -> None:
        self.player.stop()
        self._sound = None
        self._show_state()
        self.soundRemoved.emit()

    def _play_or_stop(self) -> None:
        if self.player.is_playing:
            self.player.stop()
        elif self._sound is not None:
            self.player.play(sound_files(self._sound.samples[None], self._sound.hertz)[0])
        self._show_state()

    def _start_recording(self) -> None:
        self.player.stop()
        self.recorder.start()
        self._show_state()

    def _is_full(self) -> None:
        self.refused.emit(tr("The recording is full: {n} seconds are kept.", n=MOST_SECONDS))

    def _keep(self, samples: NDArray[np.float32], hertz: int) -> None:
        """A recording becomes a file like any other."""
        if self._folder is None:
            self._folder = QTemporaryDir()
        self._recorded += 1
        path = Path(self._folder.path()) / f"recording {self._recorded}.flac"
        try:
            path.write_bytes(sound_files(samples[None], hertz)[0])
        except OSError:
            self.refused.emit(tr("{path} cannot be written.", path=str(path)))
            return
        self.well.take(str(path))

    def _show_state(self) -> None:
        unheard, unrecorded = self.player.obstacle(), self.recorder.obstacle()
        empty = "" if self._sound is not None else tr("Choose audio first.")
        self.play_button.setText(tr("Stop playing") if self.player.is_playing else tr("Play"))
        self.play_button.setEnabled(not (unheard or empty))
        self.play_button.setToolTip(plain_tip(said(unheard or empty)))
        self.record_button.setEnabled(not unrecorded)
        self.record_button.setToolTip(plain_tip(said(unrecorded)))


def _words() -> tuple[str, ...]:
    return (tr("Classify"), tr("Transcribe"), tr("Events in time"), tr("Write a caption"), tr("Align"))
