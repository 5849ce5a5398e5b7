"""Draws every monitor at a step of a stored run and gives the pixels; run as a program it does so in a fresh process."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

from core.store.database import Store
from core.store.library import Library
from studio.watching.pump import Pump
from widgets.look.theme import apply_theme
from widgets.monitors.catalog import monitors


class Wall:
    """A window with every monitor, kept by a pump."""

    def __init__(self, library: Library, uid: str, step: int | None) -> None:
        self.window = QWidget()
        self.window.resize(1440, 900)
        grid = QGridLayout(self.window)
        self.monitors = {key: cls() for key, cls in monitors.items()}
        self.pump = Pump(library.reader)
        for place, monitor in enumerate(self.monitors.values()):
            grid.addWidget(monitor, place // 3, place % 3)
            self.pump.add(monitor)
        self.window.show()
        self.pump.set_runs(uid, step=step)

    def settle(self, step: int, seconds: float = 20.0) -> None:
        """Until every monitor shows that step and nothing waits."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            shown = all(m.value() is not None for m in self.monitors.values())
            if shown and self.pump.cursor.step == step and self.pump.head.step >= step and self.pump.is_idle():
                for _ in range(5):
                    QCoreApplication.processEvents()
                return
        waiting = [key for key, m in self.monitors.items() if m.value() is None]
        raise TimeoutError(f"still waiting for {waiting} at step {self.pump.cursor.step}")

    def pixels(self) -> dict[str, bytes]:
        """What every monitor shows."""
        return {key: pixels_of(monitor) for key, monitor in self.monitors.items()}

    def close(self) -> None:
        self.pump.close()
        self.window.close()
        self.window.deleteLater()
        QCoreApplication.processEvents()


def pixels_of(widget: QWidget) -> bytes:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return bytes(image.constBits())


def main(path: str, uid: str, step: str, folder: str) -> None:
    application = QApplication([])
    apply_theme(application, "dark")
    store = Store.open(path)
    wall = Wall(Library(store), uid, int(step))
    wall.settle(int(step))
    for key, pixels in wall.pixels().items():
        Path(folder, f"{key}.raw").write_bytes(pixels)
    wall.close()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
