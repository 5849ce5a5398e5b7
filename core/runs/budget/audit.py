"""A run beside its prediction: what was foretold is said when it begins, what it took when it has finished, and the ratio is learned.

Where nothing was measured of its drawing on this machine, or it begins from a checkpoint, nothing is foretold and nothing said.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from core.graph.budget.learning import DISK, MEASURED, MEMORY, PREDICTED, PROCESSOR, SECONDS, corrected, told
from core.graph.budget.predicting import MEBIBYTE, predict
from core.graph.document import Document
from core.runs.budget.kept import keep_ratios, kept_for, ratios
from core.telemetry.peak import begin_peak, held_mebibytes, peak_mebibytes

AS_FRESH = (
    1.25  # a process that holds more than so many times the base has done other things: its memory is not the run's
)


class Audit:
    """From the beginning of a run to its end."""

    def __init__(self, document: Document) -> None:
        self._began, self._worked = time.monotonic(), time.process_time()
        found = kept_for(document) if document.recipe.processes == 1 else None
        self._budget = None if found is None else predict(found, document.recipe)
        self._is_alone = False
        self._foretold: Mapping[str, float] = {}
        self.taken: Mapping[str, float] = {}
        if self._budget is not None:
            self._held = held_mebibytes()
            self._is_alone = self._held < AS_FRESH * self._budget.base_mebibytes
            begin_peak()

    def predicted(self) -> Mapping[str, float]:
        """As series of the run; none where nothing is foretold."""
        if self._budget is None:
            return {}
        self._foretold = corrected(self._budget, ratios())
        return {f"{PREDICTED}/{kind}": value for kind, value in self._foretold.items()}

    def measured(self, checkpoints: Path, *, was_paused: bool) -> Mapping[str, float]:
        """The same of what it took; the next prediction learns from it. A run that was paused tells nothing about time."""
        if self._budget is None:
            return {}
        size = sum(file.stat().st_size for file in checkpoints.rglob("*") if file.is_file())
        found = {DISK: size / MEBIBYTE}
        if not was_paused:
            found[SECONDS] = time.monotonic() - self._began
        if self._is_alone:
            grown = max(peak_mebibytes() - self._held, 0.0)
            found |= {MEMORY: self._budget.base_mebibytes + grown, PROCESSOR: time.process_time() - self._worked}
        keep_ratios(ratios().learned(told(self._budget), found))
        self.taken = found
        return {f"{MEASURED}/{kind}": value for kind, value in found.items()}

    def sentences(self) -> list[str]:
        """Predicted beside taken, for the log."""
        told = []
        if SECONDS in self.taken:
            told.append(f"Time: predicted {self._foretold[SECONDS]:,.0f} s, took {self.taken[SECONDS]:,.0f} s.")
        if MEMORY in self.taken:
            told.append(
                f"Peak memory: predicted {self._foretold[MEMORY]:,.0f} MiB, took {self.taken[MEMORY]:,.0f} MiB."
            )
        return told
