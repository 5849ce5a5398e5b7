"""What a monitor with a list of pairs beside its picture is told of a run's dataset."""

from __future__ import annotations

from collections.abc import Mapping

from core.graph.dataset import Specimen
from widgets.monitors.monitor import Monitor
from widgets.monitors.pairs.pair_list import Pair, PairList


class PairMonitor(Monitor):
    """Its value says of which run its pairs are."""

    pairs: PairList

    def set_specimens(self, uid: str, specimens: Mapping[int, Specimen], sentence: str = "") -> None:
        """What samples of a run's dataset look like; a sentence where that is not known."""
        if uid == self._run():
            self.pairs.set_specimens(specimens)
            self.pairs.set_message(sentence)

    def set_marks(self, uid: str, marks: Mapping[Pair, str]) -> None:
        """What was said of pairs of a run's dataset."""
        if uid == self._run():
            self.pairs.set_marks(marks)

    def _run(self) -> str:
        """The run of what is drawn; empty where nothing is."""
        return str(getattr(self.value(), "run", ""))
