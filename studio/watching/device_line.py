"""The machine at a glance, in the top bar: a reading a second, from the same places as a run's own."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from core.telemetry.device import Gpus, Machine
from widgets.look.language import tr
from widgets.top_bar import TopBar

MILLISECONDS = 1500


class DeviceLine(QObject):
    """Reads the devices and writes one short line."""

    def __init__(self, top: TopBar) -> None:
        super().__init__(top)
        self._top, self._machine, self._gpus = top, Machine(), Gpus()
        self._timer = QTimer(self, interval=MILLISECONDS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Read and show."""
        gpus, computer = self._gpus.read(), self._machine.read()
        processor = f"CPU {computer.get('utilisation_percent', 0):.0f} %"
        if not gpus:
            self._top.set_device(processor, tr("No GPU was found; runs train on the CPU."))
            return
        parts = [
            f"GPU {number} {values.get('utilisation_percent', 0):.0f} %" for number, values in enumerate(gpus.values())
        ]
        self._top.set_device(" · ".join([*parts, processor]))

    def close(self) -> None:
        """Let NVML go."""
        self._timer.stop()
        self._gpus.close()
