"""Recording a sound while a person holds a button, where this machine can: Qt's multimedia module is a package of its own.

What is recorded lies in one plain buffer of a bounded length, and only there, until the button is let go.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from widgets.look.language import tr
from widgets.look.playing import MODULE

HERTZ = 16_000
MOST_SECONDS = 60
BYTES = 2  # of a sample


class Recorder(QObject):
    """Records from the default microphone; :meth:`obstacle` says why it cannot."""

    recorded = Signal(object, int)  # samples float32 [S], hertz
    full = Signal()  # the buffer is; nothing more is taken

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._qt: Any = None  # Qt's module, once it was asked for
        self._source: Any = None
        self._heard: Any = None  # what the microphone writes into
        self._taken = bytearray()

    @property
    def is_recording(self) -> bool:
        """Whether the microphone is open."""
        return self._source is not None

    def obstacle(self) -> str:
        """Why nothing can be recorded here, as a sentence; empty where something can."""
        if self._qt is None:
            try:
                self._qt = importlib.import_module(MODULE)
            except ImportError:
                return tr("Recording needs Qt Multimedia: pip install PySide6-Addons. A file can be dropped instead.")
        if self._qt.QMediaDevices.defaultAudioInput().isNull():
            return tr("This machine has no microphone. A file can be dropped instead.")
        return ""

    def start(self) -> None:
        """Open the microphone; what was recorded before is forgotten."""
        if self.is_recording or self.obstacle():
            return
        form = self._qt.QAudioFormat()
        form.setSampleRate(HERTZ)
        form.setChannelCount(1)
        form.setSampleFormat(self._qt.QAudioFormat.SampleFormat.Int16)
        self._taken.clear()
        self._source = self._qt.QAudioSource(self._qt.QMediaDevices.defaultAudioInput(), form, self)
        self._heard = self._source.start()
        self._heard.readyRead.connect(self._take)

    def stop(self) -> None:
        """Close the microphone and give what was recorded, if there is anything."""
        if not self.is_recording:
            return
        self._take()
        self._source.stop()
        self._source.deleteLater()
        self._source = self._heard = None
        whole = bytes(self._taken[: len(self._taken) // BYTES * BYTES])
        self._taken.clear()
        if whole:
            self.recorded.emit(samples_of(whole), HERTZ)

    def _take(self) -> None:
        room = MOST_SECONDS * HERTZ * BYTES - len(self._taken)
        self._taken += bytes(self._heard.readAll())[:room]
        if len(self._taken) >= MOST_SECONDS * HERTZ * BYTES and room > 0:
            self.full.emit()


def samples_of(data: bytes) -> NDArray[np.float32]:
    """16-bit samples as numbers of which 1 is full scale."""
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)
