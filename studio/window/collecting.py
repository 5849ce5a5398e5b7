"""Python's cycle collector on the window's thread only, at quiet moments.

Left to itself it runs on whichever thread allocates: a training thread would then take widgets apart, which ends the
process, and a collection of everything torch has loaded would hold up pictures.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

MILLISECONDS = 200


class Collector(QObject):
    """Collects young objects often and old ones rarely, never while a mouse button is down."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self, interval=MILLISECONDS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Collect the oldest generation that is due."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return
        due = [age for age, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold())) if count > most]
        if due:
            gc.collect(due[-1])

    def spare(self) -> None:
        """What is in memory now stays for good and is not looked through again: call it when start-up is over."""
        gc.freeze()

    def close(self) -> None:
        """Give collecting back to Python."""
        self._timer.stop()
        gc.collect()
        gc.enable()
