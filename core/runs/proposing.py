"""The next configuration of a Bayesian search: the tree-structured Parzen estimator of Optuna (arXiv:1907.10902).

There is no second store: Optuna's study is made anew in memory from the trials that the store keeps, every time.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from core.graph.configurations import (
    NARROW,
    Configuration,
    configuration_of,
    grid_points,
    identity,
    random_configurations,
)  # fmt: skip
from core.graph.sweep import Axis, Change, Sweep
from core.knobs import Value

STARTUP_CONFIGURATIONS = 5  # drawn at random before the estimator has a say
MOST_ASKS = 10  # for one that was not tried yet, before one is drawn at random
Told = tuple[Configuration, tuple[float, ...] | None]


def propose(sweep: Sweep, told: Sequence[Told], seed: int) -> Configuration:
    """The next configuration, given what came of those before (the mean over seeds; None: it failed).

    One that was tried is proposed again only where no other is left. Where a cost is weighed, what came of one is the metric and the cost, and what is looked for are configurations that no other
    beats in both (multi-objective TPE, Ozaki et al., doi:10.1145/3377930.3389817). Settings are modelled together (BOHB,
    arXiv:1807.01774), and listed numbers by their order.
    """
    optuna = _optuna()
    spaces = {axis.title: _space(optuna, axis) for axis in sweep.axes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=(seed + len(told)) % 2**31, n_startup_trials=STARTUP_CONFIGURATIONS, multivariate=True
        )
    first = "maximize" if sweep.direction == "higher" else "minimize"
    study = optuna.create_study(sampler=sampler, directions=[first, "minimize"] if sweep.against else [first])
    for told_of, values in told:
        known = values if values is not None and all(map(math.isfinite, values)) else None  # NaN is no result
        if (place := _coordinates(sweep, told_of)) is not None:
            state = optuna.trial.TrialState.FAIL if known is None else optuna.trial.TrialState.COMPLETE
            study.add_trial(optuna.create_trial(params=place, distributions=spaces, values=known, state=state))
    seen = {configuration.as_json() for configuration, _ in told}
    for _ in range(MOST_ASKS):  # the estimator likes to say again what was good
        asked = study.ask(spaces).params
        found = configuration_of(sweep.axes, [_point(axis, asked[axis.title]) for axis in sweep.axes])
        if found.as_json() not in seen:
            return found
    drawn = random_configurations(replace(sweep, trials=len(seen) + 1), seed + len(told))
    return next((one for one in drawn if one.as_json() not in seen), found)


def _optuna() -> ModuleType:
    """Imported where it is first needed: it takes a third of a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own and its dependencies' deprecations are not a person's business
        import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _space(optuna: ModuleType, axis: Axis) -> Any:
    if not axis.is_range:
        count = len(grid_points(axis))
        if _in_order(axis) is not None:
            return optuna.distributions.IntDistribution(0, count - 1)
        return optuna.distributions.CategoricalDistribution(list(range(count)))
    low, high = float(axis.low or 0.0), float(axis.high or 0.0)
    if axis.integer:
        return optuna.distributions.IntDistribution(round(low), round(high), log=axis.logarithmic)
    return optuna.distributions.FloatDistribution(low, high, log=axis.logarithmic)


def _in_order(axis: Axis) -> list[Value] | None:
    """Listed numbers from low to high, for neighbours are alike; None where they are no numbers."""
    points = [] if axis.changes else [point for point in grid_points(axis) if not isinstance(point, Change)]
    numbers = [point for point in points if isinstance(point, (int, float)) and not isinstance(point, bool)]
    ordered: list[Value] = [*sorted(numbers)]
    return ordered if numbers and len(numbers) == len(points) else None


def _listed(axis: Axis) -> list[Value] | list[Change]:
    return _in_order(axis) or grid_points(axis)


def _point(axis: Axis, found: Any) -> Value | Change:
    if not axis.is_range:
        return _listed(axis)[int(found)]
    if axis.integer:
        return int(found)
    low, high = float(axis.low or 0.0), float(axis.high or 0.0)
    narrow = abs(high - low) <= NARROW * max(abs(high), abs(low))
    return float(found) if narrow else min(max(float(f"{float(found):.6g}"), low), high)


def _coordinates(sweep: Sweep, configuration: Configuration) -> dict[str, Any] | None:
    """Where a configuration lies in the space; None where the plan was changed since and it lies in it no more."""
    found: dict[str, Any] = {}
    for axis in sweep.axes:
        value = configuration.at.get(axis.title)
        if axis.is_range:
            low, high = float(axis.low or 0.0), float(axis.high or 0.0)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                return None
            found[axis.title] = value
            continue
        names = [identity(point.name if isinstance(point, Change) else point) for point in _listed(axis)]
        if identity(value) not in names:
            return None
        found[axis.title] = names.index(identity(value))
    return found
