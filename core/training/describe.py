"""The recipe's options as plain values for forms: optimisers, schedules, ways of batching, callbacks, diagnostics."""

from __future__ import annotations

from typing import Any

from core.compiler.specs import summary_and_papers
from core.data.order import batchings
from core.graph.vocabulary import OptionFamily, OptionSpec
from core.knobs import knobs_of
from core.telemetry.diagnostics.diagnostic import diagnostics
from core.training.callback import callbacks
from core.training.optimization import optimizers, schedules


def options() -> tuple[OptionSpec, ...]:
    """Everything that can be chosen or switched on in a recipe."""
    families: list[tuple[OptionFamily, Any]] = [
        ("optimizer", optimizers), ("schedule", schedules), ("batching", batchings), ("callback", callbacks),
        ("diagnostic", diagnostics),
    ]  # fmt: skip
    return tuple(_option(family, key, cls) for family, catalog in families for key, cls in catalog.items())


def _option(family: OptionFamily, key: str, cls: Any) -> OptionSpec:
    summary, papers = summary_and_papers(cls)
    return OptionSpec(
        key=key, title=cls.title or key, summary=summary, knobs=knobs_of(cls.Config), family=family, papers=papers
    )
