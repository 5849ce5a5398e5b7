"""Groups of runs as lines across their settings: the sweeps' plot, filled from the library; what is brushed is what is shown."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.exploring.fields import Field, Value
from core.exploring.groups import Group
from core.graph.configurations import Configuration
from core.graph.selection import is_lower_better
from core.graph.sweep import Axis
from core.runs.verdict import ConfigurationRow, Table
from widgets.library.groups import EACH_RUN, GroupsView
from widgets.library.setting_names import short_title
from widgets.sweeps.parallel import ParallelPlot


class ParallelRuns(QObject):
    """An axis a setting that is gathered by, the last one the first figure that is told."""

    def __init__(self, groups: GroupsView) -> None:
        super().__init__(groups)
        self._groups, self.plot = groups, ParallelPlot()
        groups.set_parallel(self.plot)
        groups.filled.connect(self._fill)
        self.plot.brushed.connect(groups.keep)

    def _fill(self) -> None:
        scores = self._groups.score_fields()
        if not scores:
            return
        by = [(place, field) for place, field in enumerate(self._groups.by_fields()) if field != EACH_RUN]
        titles = {place: short_title(field, self._groups.titles()) for place, field in by}
        found = [group for group in self._groups.groups() if all(group.values[place] is not None for place in titles)]
        axes = [
            Axis(name=title, values=tuple(dict.fromkeys(_plain(group.values[place]) for group in found)))
            for place, title in titles.items()
        ]  # fmt: skip
        rows = tuple(_row(group, titles, scores[0]) for group in found)
        direction = "lower" if is_lower_better(scores[0].name) else "higher"
        self.plot.set_table(Table(metric=scores[0].name, direction=direction, baseline="", rows=rows), axes)


def _row(group: Group, titles: dict[int, str], score: Field) -> ConfigurationRow:
    at = {title: _plain(group.values[place]) for place, title in titles.items()}
    told = group.scores[score.key]
    return ConfigurationRow(
        configuration=Configuration(name=group.key, at=at), values=told.values, estimate=told.estimate
    )  # fmt: skip


def _plain(value: Value) -> str | float | bool:
    """A value as an axis places it."""
    return value if isinstance(value, str | float | bool) else ", ".join(value or ())
