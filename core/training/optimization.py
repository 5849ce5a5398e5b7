"""Parameter groups by node, each with its own rate, decay and freezing; optimisers and schedules as catalogues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.catalog import Catalog
from core.compiler.module import Experiment
from core.compiler.sharding import kept_like
from core.graph.recipe import Recipe
from core.knobs import configure, knob

NO_RATES: Mapping[str, float] = MappingProxyType({})


class Optimizers:
    """One kind of optimiser."""

    key: ClassVar[str]
    title: ClassVar[str] = ""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No knobs."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """The optimiser over parameter groups."""
        raise NotImplementedError


class Schedule:
    """A factor on every learning rate, from the share of the run alone: nothing to save, nothing to restore."""

    key: ClassVar[str]
    title: ClassVar[str] = ""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Warm-up."""

        warm_up: float = knob(0.05, "Share of the run in which the rate rises from zero.", low=0, high=1)

    def __init__(self, config: Any) -> None:
        self.config = config

    def factor(self, step: int, steps: int) -> float:
        """The factor for the step about to be taken (0-based)."""
        rising = round(self.config.warm_up * steps)
        if step < rising:
            return (step + 1) / rising
        return self.after_warm_up((step - rising) / max(steps - rising, 1))

    def after_warm_up(self, share: float) -> float:
        """The factor at a share of the way down."""
        raise NotImplementedError


optimizers: Catalog[Optimizers] = Catalog("core.training.optimizers", "optimiser")
schedules: Catalog[Schedule] = Catalog("core.training.schedules", "schedule")


class Groups:
    """The optimiser, its groups by (node that owns weights, decayed or not), and the rates of each step."""

    def __init__(self, experiment: Experiment, recipe: Recipe) -> None:
        self._experiment, self._recipe = experiment, recipe
        self._own_rates = experiment.plan.own_rates
        self._kinds: list[tuple[str, bool]] = []
        groups = []
        for key in experiment.plan.owners:
            for decayed, parameters in _split(experiment.node(key)):
                self._kinds.append((key, decayed))
                groups.append({"params": parameters, "lr": 0.0, "weight_decay": 0.0})
        chosen = optimizers[recipe.optimizer.key]
        self.optimizer = chosen(configure(chosen.Config, recipe.optimizer.knobs, "recipe")).build(groups)
        for group, (key, _) in zip(self.optimizer.param_groups, self._kinds):
            if "betas" in group and (betas := getattr(experiment.node(key), "betas", None)) is not None:
                group["betas"] = betas
        schedule = schedules[recipe.schedule.key]
        self._schedule = schedule(configure(schedule.Config, recipe.schedule.knobs, "recipe"))
        self._own = {id(p) for p in experiment.parameters() if p.requires_grad}  # a fixed temperature stays fixed
        self.overrides: dict[str, float] = {}  # node (or "" for all) -> rate a person asked for

    def enter_stage(self, stage: int) -> None:
        """Freeze and thaw as the stage says; frozen nodes are in eval mode and get no gradient."""
        for key in self._experiment.plan.owners:
            module, frozen = self._experiment.node(key), bool(self._recipe.rule(key, stage).frozen)
            module.train(not frozen)
            for parameter in module.parameters():
                parameter.requires_grad_(not frozen and id(parameter) in self._own)
                parameter.grad = None

    def factors(self, step: int) -> tuple[float, float]:
        """What the schedule multiplies every rate by at the step about to be taken, and at the last one."""
        steps = self._recipe.steps
        return self._schedule.factor(step, steps), self._schedule.factor(max(steps - 1, step), steps)

    def bases(self, stage: int) -> dict[str, float]:
        """The rates before the schedule of the nodes that learn in a stage."""
        keys = list(dict.fromkeys(key for key, _ in self._kinds))
        return bases(self._recipe, self.overrides, keys, stage, self._own_rates)

    def override(self, node: str, rate: float, stage: int) -> dict[str, tuple[float, float]]:
        """Another rate for a node, or for all (empty), whatever was asked for before; gives old and new by node."""
        before, node = self.bases(stage), self._experiment.plan.owner(node)
        if not node:
            self.overrides.clear()
        self.overrides[node] = rate
        after = self.bases(stage)
        return {key: (before[key], after[key]) for key in after if node in ("", key)}

    def set_rates(self, step: int, stage: int) -> dict[str, float]:
        """Write the rates for the step about to be taken; gives them by node."""
        factor, _ = self.factors(step)
        rates = {}
        for group, (key, decayed) in zip(self.optimizer.param_groups, self._kinds):
            rule = self._recipe.rule(key, stage)
            group["lr"] = rates[key] = base_of(self._recipe, self.overrides, key, stage, self._own_rates) * factor
            group["weight_decay"] = (rule.weight_decay or 0.0) if decayed else 0.0
            if rule.frozen:
                rates.pop(key)
        return rates

    def trained(self) -> dict[str, list[nn.Parameter]]:
        """Parameters that learn now, by node."""
        found: dict[str, list[nn.Parameter]] = {}
        for group, (key, _) in zip(self.optimizer.param_groups, self._kinds):
            found.setdefault(key, []).extend(p for p in group["params"] if p.requires_grad)
        return {key: parameters for key, parameters in found.items() if parameters}

    def tensors(self) -> dict[str, Tensor]:
        """The optimiser's state by parameter name: ``nodes.n_vit.cut.weight/exp_avg``."""
        names = {id(p): name for name, p in self._experiment.named_parameters()}
        return {
            f"{names[id(p)]}/{part}": value if isinstance(value, Tensor) else torch.tensor(float(value))
            for p, state in self.optimizer.state.items()
            for part, value in state.items()
            if value is not None
        }

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of :meth:`tensors`."""
        parameters = dict(self._experiment.named_parameters())
        self.optimizer.state.clear()
        for name, value in tensors.items():
            owner, part = name.rsplit("/", 1)
            parameter = parameters[owner]
            # Adam counts its steps in a CPU tensor unless it is fused on a GPU; moments live beside the parameter.
            beside = part != "step" or parameter.device.type == "cuda"
            placed = value.to(parameter.device if beside else "cpu").clone()
            self.optimizer.state[parameter][part] = kept_like(parameter, placed) if beside and value.ndim else placed


def base_of(
    recipe: Recipe, overrides: Mapping[str, float], key: str, stage: int, own: Mapping[str, float] = NO_RATES
) -> float:
    """A node's rate before the schedule: what a person asked for while it trained, else its rule, else its own, else the recipe's."""
    rule = recipe.rule(key, stage, own.get(key))
    return overrides.get(key, overrides.get("", rule.learning_rate or 0.0))


def bases(
    recipe: Recipe, overrides: Mapping[str, float], keys: Sequence[str], stage: int, own: Mapping[str, float] = NO_RATES
) -> dict[str, float]:
    """The rates before the schedule of those nodes that a stage does not freeze."""
    return {key: base_of(recipe, overrides, key, stage, own) for key in keys if not recipe.rule(key, stage).frozen}


_MATRICES: Mapping[type[nn.Module], tuple[str, ...]] = {
    **dict.fromkeys(
        (
            nn.Linear, nn.Bilinear, nn.Conv1d, nn.Conv2d, nn.Conv3d,
            nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
        ), ("weight",),
    ),
    nn.MultiheadAttention: ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"),
}  # fmt: skip
"""What decays: the parameters that multiply. A module of ours with other such parameters names them in ``decayed``.

All else is left out, whatever its shape: biases, norms, temperatures, gates, embeddings, positions, types, and learned
tokens such as CLS, queries, latents, slots and masks (as in nanoGPT and timm).
"""


def decaying(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a module that weight decay applies to, by name."""
    found = {}
    for place, part in module.named_modules():
        names = next((names for kind, names in _MATRICES.items() if isinstance(part, kind)), ())
        if isinstance(part, nn.RNNBase):  # as many as it has layers
            names = tuple(name for name in part._parameters if name.startswith("weight"))
        for name in getattr(part, "decayed", names):
            parameter = part._parameters.get(name)
            if parameter is not None:
                found[f"{place}.{name}".lstrip(".")] = parameter
    return found


def _split(module: nn.Module) -> list[tuple[bool, list[nn.Parameter]]]:
    """Weights that decay and those that do not, each parameter once."""
    yes = {id(parameter): parameter for parameter in decaying(module).values()}
    no = [parameter for parameter in module.parameters() if id(parameter) not in yes]
    return [(decayed, group) for decayed, group in ((True, list(yes.values())), (False, no)) if group]
