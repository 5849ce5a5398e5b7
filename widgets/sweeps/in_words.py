"""A sweep's names in the person's language: those of configurations and axes that the translations know; the rest stays.

A sweep that was begun elsewhere, or in another language, keeps the names it was queued under; only what is shown changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.graph.configurations import BETWEEN
from core.graph.sweep import Axis, Sweep
from core.knobs import Value
from core.runs.growth import Growth
from core.runs.verdict import ConfigurationRow, Table
from widgets.look.language import tr


def configuration_words(name: str) -> str:
    """``pooling mean · τ 0.1``: part by part, a part as a whole or its axis and its value."""
    return BETWEEN.join(map(_part, name.split(BETWEEN)))


def _part(part: str) -> str:
    whole = tr(part) if part else part
    title, space, value = part.rpartition(" ")
    return whole if whole != part or not title else f"{tr(title)}{space}{tr(value)}"


def configuration_names(names: Iterable[str]) -> dict[str, str]:
    """Words by name; names whose words would be the same stay as they are, for they are told apart by them."""
    words = {name: configuration_words(name) for name in names}
    said = list(words.values())
    return {name: word if said.count(word) == 1 else name for name, word in words.items()}


def plan_in_words(plan: Sweep) -> Sweep:
    """Titles of the axes."""
    return replace(plan, axes=tuple(_axis(axis) for axis in plan.axes))


def _axis(axis: Axis) -> Axis:
    return axis if tr(axis.title) == axis.title else replace(axis, name=tr(axis.title))


def table_in_words(table: Table) -> Table:
    """The whole result, so that its parts still fit together."""
    known = configuration_names(row.configuration.name for row in table.rows)

    def of(name: str) -> str:
        return known.get(name) or configuration_words(name)

    verdict = replace(table.verdict, first=of(table.verdict.first), second=of(table.verdict.second))
    return replace(
        table,
        baseline=of(table.baseline),
        rows=tuple(_row(row, of(row.configuration.name)) for row in table.rows),
        bases={of(configuration): of(base) for configuration, base in table.bases.items()},
        comparisons={
            of(configuration): replace(one, configuration=of(one.configuration))
            for configuration, one in table.comparisons.items()
        },
        verdict=verdict,
        growths=tuple(_growth(one) for one in table.growths),
    )


def _growth(growth: Growth) -> Growth:
    powers = {configuration_words(name): power for name, power in growth.powers.items()}
    return replace(growth, axis=tr(growth.axis), powers=powers)


def _row(row: ConfigurationRow, name: str) -> ConfigurationRow:
    at: dict[str, Value] = {
        tr(title): tr(value) if isinstance(value, str) and value else value
        for title, value in row.configuration.at.items()
    }
    return replace(row, configuration=replace(row.configuration, name=name, at=at))
