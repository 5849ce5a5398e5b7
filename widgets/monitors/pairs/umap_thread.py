"""UMAP planes beside the reader: the first one compiles for up to a minute, later ones take seconds, and no other monitor waits.

Whoever asks has an answer at once: the plane where it is known, else that it is on its way. Only what was asked for last is made next.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from widgets.monitors.pairs.plane import by_umap

Points = NDArray[np.float64]
MOST_KEPT = 256  # planes, by content


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A plane, or why there is none, or neither while it is being made."""

    plane: Points | None = None
    failure: str = ""

    @property
    def waits(self) -> bool:
        """It is being made."""
        return self.plane is None and not self.failure


class UmapThread:
    """Makes one plane at a time in a thread of its own, which ends when nothing is asked for."""

    def __init__(self, make: Callable[[Points, Points], Points] = by_umap) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._next: tuple[str, Points, Points] | None = None
        self._worker: threading.Thread | None = None

    def ask(self, x_PD: Points, onto_P2: Points) -> Answer:
        """The plane of these points from these places on."""
        key = hashlib.sha256(x_PD.tobytes() + onto_P2.tobytes()).hexdigest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            self._next = (key, x_PD, onto_P2)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="umap", daemon=True)
                self._worker.start()
        return Answer()

    def join(self) -> None:
        """Until nothing is being made."""
        worker = self._worker
        if worker is not None:
            worker.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                wanted, self._next = self._next, None
                if wanted is None:
                    self._worker = None
                    return
            key, x_PD, onto_P2 = wanted
            try:
                answer = Answer(plane=self._make(x_PD, onto_P2))
            except Exception as error:
                answer = Answer(failure=str(error) or type(error).__name__)
            with self._lock:
                self._kept[key] = answer
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)


UMAP_THREAD = UmapThread()
