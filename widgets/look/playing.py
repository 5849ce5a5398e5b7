"""Playing a sound, where this machine can: Qt's multimedia module is a package of its own, and a machine may have no output."""

from __future__ import annotations

import importlib
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QUrl, Signal

from widgets.look.language import tr

MODULE = "PySide6.QtMultimedia"  # in PySide6-Addons, which the studio does without


class Player(QObject):
    """Plays one file at a time; :meth:`obstacle` says why it cannot."""

    stopped = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._qt: Any = None  # Qt's module, once it was asked for
        self._player: Any = None
        self._output: Any = None
        self._buffer: QBuffer | None = None
        self.is_playing = False

    def obstacle(self) -> str:
        """Why nothing can be heard here, as a sentence; empty where something can."""
        if self._qt is None:
            try:
                self._qt = importlib.import_module(MODULE)
            except ImportError:
                return tr("Playing needs Qt Multimedia: pip install PySide6-Addons.")
        if self._qt.QMediaDevices.defaultAudioOutput().isNull():
            return tr("This machine has no audio output.")
        return ""

    def play(self, data: bytes) -> None:
        """From its start; what was played before stops."""
        self.stop()
        if self.obstacle():
            return
        if self._player is None:
            self._player, self._output = self._qt.QMediaPlayer(self), self._qt.QAudioOutput(self)
            self._player.setAudioOutput(self._output)
            self._player.playbackStateChanged.connect(self._changed)
        self._buffer = QBuffer(self)
        self._buffer.setData(QByteArray(data))
        self._buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        self._player.setSourceDevice(self._buffer, QUrl("sound.flac"))
        self._player.play()
        self.is_playing = True

    def seconds(self) -> float:
        """How much of it was heard."""
        return self._player.position() / 1000 if self._player is not None else 0.0

    def stop(self) -> None:
        """Silence."""
        self.is_playing = False
        if self._player is not None:
            self._player.stop()
        if self._buffer is not None:
            self._buffer.close()
            self._buffer = None

    def _changed(self, state: Any) -> None:
        if state == self._qt.QMediaPlayer.PlaybackState.StoppedState:
            self.is_playing = False
            self.stopped.emit()
