"""The learning rates of a run that trains, read from its record: what a new one is chosen from, wherever it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.compiler.compile import compile
from core.graph.file import loads
from core.knobs import configure
from core.store.reader import RunReader
from core.training.optimization import bases, schedules


@dataclass(frozen=True, kw_only=True)
class RunRates:
    """Rates before the schedule, and what the schedule multiplies them by."""

    by_node: Mapping[str, float]  # nodes that learn now
    titles: Mapping[str, str]  # of the nodes that were given one
    now: float  # factor at the step about to be taken
    end: float  # factor at the last step
    schedule: str  # its title
    step: int
    steps: int

    @property
    def highest(self) -> float:
        """Where nodes differ, the rate that most is learned with."""
        return max(self.by_node.values(), default=0.0)


def rates_of(reader: RunReader) -> RunRates:
    """The rates of a run at its head. Raises Refused where its document cannot be read."""
    head, plan = reader.head(), compile(loads(reader.document_text()))
    recipe = plan.document.recipe
    overrides: dict[str, float] = {}
    for mark in reader.marks():
        if mark.kind == "note" and "rate" in mark.data:
            if not mark.data.get("node"):
                overrides.clear()
            overrides[str(mark.data.get("node", ""))] = float(mark.data["rate"])
    edges = recipe.stage_starts()
    stage = max(number for number, edge in enumerate(edges[:-1]) if edge <= min(head.step, recipe.steps - 1))
    kind = schedules[recipe.schedule.key]
    schedule = kind(configure(kind.Config, recipe.schedule.knobs, "recipe"))
    learning = [key for key in plan.owners if reader.value_at(f"rate/{key}", head.step) is not None]
    nodes = plan.document.nodes
    return RunRates(
        by_node=bases(recipe, overrides, learning, stage, plan.own_rates), titles={key: nodes[key].title for key in learning},
        now=schedule.factor(head.step, recipe.steps),
        end=schedule.factor(max(recipe.steps - 1, head.step), recipe.steps), schedule=kind.title, step=head.step,
        steps=recipe.steps,
    )  # fmt: skip
