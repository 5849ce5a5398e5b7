"""A look at a dataset, behind the window: first what its tables and folders tell, then every sample, as far as a person waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.graph.document import Document
from studio.asking.engine import Engine


class DataLook(QObject):
    """One look at a time: a newer one stops the one before, whose answers are dropped."""

    began = Signal(object)  # DatasetFacts before every sample is read
    went = Signal(int, int)  # samples read, of how many
    _told = Signal(object, str, object)  # which look, what it tells, the value

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._stopped = threading.Event()
        self._told.connect(self._pass_on)

    def start(self, document: Document, source: str, answered: Callable[[Any, str], None]) -> None:
        """Look at a source; ``answered`` gets the facts, or why there are none."""
        self._stopped.set()
        stopped = self._stopped = threading.Event()

        def take(value: Any, sentence: str) -> None:
            if stopped is self._stopped:
                answered(value, sentence)

        def look() -> Any:
            from core.compiler.survey import survey  # torch
            from core.data.base import Watch

            watch = Watch(
                progress=lambda done, of: self._told.emit(stopped, "went", (done, of)),
                is_cancelled=lambda: stopped.is_set() or self._engine.is_closed,
            )
            return survey(document, source, first=lambda facts: self._told.emit(stopped, "began", facts), watch=watch)

        self._engine.ask(look, take)

    def stop(self) -> None:
        """Nobody waits for the rest; what is known so far is the answer."""
        self._stopped.set()

    def _pass_on(self, which: object, what: str, value: Any) -> None:
        if which is not self._stopped or self._stopped.is_set():
            return
        if what == "began":
            self.began.emit(value)
        else:
            self.went.emit(*value)
