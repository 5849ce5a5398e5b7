"""The next configuration of a Bayesian search: the tree-structured Parzen estimator of Optuna (arXiv:1907.10902).

There is no second store: Optuna's study is made anew in memory from the trials that the store keeps, every time.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from core.graph.configurations import NARROW, Configuration, configuration_of, grid_points, identity
from core.graph.sweep import Axis, Change, Sweep
from core.knobs import Value

STARTUP_CONFIGURATIONS = 8  # drawn at random before the estimator has a say


def propose(sweep: Sweep, told: Sequence[tuple[Configuration, float | None]], seed: int) -> Configuration:
    """The next configuration, given what came of those before (the mean over seeds; None: it failed)."""
    optuna = _optuna()
    spaces = {axis.title: _space(optuna, axis) for axis in sweep.axes}
    sampler = optuna.samplers.TPESampler(seed=(seed + len(told)) % 2**31, n_startup_trials=STARTUP_CONFIGURATIONS)
    direction = "maximize" if sweep.direction == "higher" else "minimize"
    study = optuna.create_study(sampler=sampler, direction=direction)
    for configuration, value in told:
        value = None if value is None or not math.isfinite(value) else value  # NaN is no result
        if (found := _coordinates(sweep, configuration)) is not None:
            state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
            study.add_trial(optuna.create_trial(params=found, distributions=spaces, value=value, state=state))
    asked = study.ask(spaces).params
    return configuration_of(sweep.axes, [_point(axis, asked[axis.title]) for axis in sweep.axes])


def _optuna() -> ModuleType:
    """Imported where it is first needed: it takes a third of a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own and its dependencies' deprecations are not a person's business
        import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _space(optuna: ModuleType, axis: Axis) -> Any:
    if not axis.is_range:
        return optuna.distributions.CategoricalDistribution(list(range(len(grid_points(axis)))))
    low, high = float(axis.low or 0.0), float(axis.high or 0.0)
    if axis.integer:
        return optuna.distributions.IntDistribution(round(low), round(high), log=axis.logarithmic)
    return optuna.distributions.FloatDistribution(low, high, log=axis.logarithmic)


def _point(axis: Axis, found: Any) -> Value | Change:
    if not axis.is_range:
        return grid_points(axis)[int(found)]
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
        names = [identity(point.name if isinstance(point, Change) else point) for point in grid_points(axis)]
        if identity(value) not in names:
            return None
        found[axis.title] = names.index(identity(value))
    return found
