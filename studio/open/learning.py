"""Where learned suggestions are kept: one JSON file in the person's data folder, never sent anywhere, forgotten on a wish."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from platformdirs import user_data_dir
from PySide6.QtCore import QObject, QTimer

from core.graph.document import Document
from core.graph.learned import Learned

PAUSE = 1500  # milliseconds


class Learning(QObject):
    """Learns from a session's edits; counts of sessions before have faded."""

    def __init__(self, place: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.place = place or Path(user_data_dir("crossmodal-studio")) / "suggestions.json"
        self.learned = self._read().faded()
        self._timer = QTimer(self, singleShot=True, interval=PAUSE)
        self._timer.timeout.connect(self.write)

    def _read(self) -> Learned:
        try:
            return Learned.from_data(json.loads(self.place.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError):
            return Learned()

    def saw(self, before: Document, after: Document) -> None:
        """An edit was made."""
        if self.learned.saw(before, after) and not self._timer.isActive():
            self._timer.start()

    def write(self) -> None:
        """Keep the counts; a disk that is full is no reason to stop drawing."""
        self._timer.stop()
        with contextlib.suppress(OSError):
            self.place.parent.mkdir(parents=True, exist_ok=True)
            part = self.place.with_suffix(".part")
            part.write_text(json.dumps(self.learned.to_data(), indent=1), encoding="utf-8")
            part.replace(self.place)

    def forget(self) -> None:
        """Nothing is known of this person any more."""
        self._timer.stop()
        self.learned.counts.clear()
        with contextlib.suppress(OSError):
            self.place.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep what was learned last."""
        if self._timer.isActive():
            self.write()
