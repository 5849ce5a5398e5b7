"""A linear probe: how well classes can be told by a linear map alone from a block's features (arXiv:1610.01644).

The block and all before it stay as they are. Multinomial logistic regression on the training split's features, standardised
by their own mean and deviation; its penalty is the best of a few on a fifth of the training samples, so the held-out splits
are only reported. The same is done once with the weights as they were before training, and beside both stands how often the
most frequent training class is right. Series: ``score/<split>/linear probe/accuracy``, ``score/<split>/untrained
features/accuracy``. Axes: N samples, D width, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.compiler.answers.asking import class_of, level_knob
from core.compiler.feed import Batch
from core.compiler.module import Experiment
from core.compiler.plan import Plan
from core.graph.document import End
from core.graph.selection import EXAMPLES
from core.knobs import knob
from core.problems import refuse
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.callbacks.evaluation import BATCH, as_evaluated
from core.training.control import Stopping
from core.training.running import Running

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # times half the squared weights, beside the mean cross entropy
UNSAID = -2  # no class, and not that of a name which training has not
FIFTH = 5  # every fifth training sample chooses among them
MOST_STEPS = 200  # of L-BFGS
TRAINED, UNTRAINED = "linear probe", "untrained features"
Features = Mapping[str, tuple[Tensor, list[str]]]  # split -> features [N, D], each sample's class


@callbacks.register("linear_probe")
class LinearProbe(Callback):
    """Tells held-out samples' classes from a block's features by a linear map, beside untrained features and chance."""

    title = "Linear probe"
    order = 76

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which features, and which classes."""

        block: str = knob(
            "",
            "Name of the block that gives the features; empty: where the first objective's left side first is one vector.",
            title="Features of",
        )
        level: int = level_knob(1)
        most: int = knob(
            10_000, "Samples of a split at most.", low=10, high=10_000_000, unit="samples", title="Max examples"
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.end: End | None = None
        self._untrained: dict[str, float] = {}

    def began(self, run: Running) -> None:
        """Find the features and the classes, or say why there is nothing to tell. Raises Refused for a block that gives none."""
        self.end = features_of(run.plan, self.config.block)
        names = {self._class(run, index) for index in run.feed.splits["train"]} - {""}
        if len(names) < 2:
            self.end = None
            run.warn("The linear probe is off: the data does not say which classes its samples belong to.")
        elif run.callback("evaluation") is None:
            run.warn("The linear probe is off: it needs the training option Evaluation.")

    def evaluated(self, run: Running) -> None:
        """Fit and score; before that, once, for the weights before training."""
        if self.end is None:
            return
        try:
            with as_evaluated(run):
                if not self._untrained:
                    first = Experiment(run.plan, run.recipe.seed).to(run.device).eval()
                    self._untrained = self._scores(run, first, UNTRAINED)
                found = self._scores(run, run.experiment, TRAINED)
        except Stopping:
            return
        run.say(Scalars(at=run.at(), values={**found, **self._untrained}))

    def _scores(self, run: Running, experiment: Experiment, name: str) -> dict[str, float]:
        features = self._features(run, experiment)
        found = probed(features)
        return {f"score/{split}/{name}/{word}": value for split, row in found.items() for word, value in row.items()}

    def _features(self, run: Running, experiment: Experiment) -> Features:
        assert self.end is not None
        made: dict[str, tuple[Tensor, list[str]]] = {}
        for split, indices in run.feed.splits.items():
            if not len(indices):
                continue
            end = self.end

            def features(batch: Batch, chosen: list[int], end: End = end) -> tuple[Tensor, list[str]]:
                with run.precision:
                    rows = experiment.run(batch, [end.node])[end].double().cpu()
                return rows, [self._class(run, index) for index in chosen]

            found = run.collected(split, BATCH, self.config.most, features)
            rows, names = [part for part, _ in found], [name for _, part in found for name in part]
            named = [row for row, name in enumerate(names) if name]
            if named:
                made[split] = torch.cat(rows)[named], [names[row] for row in named]
        return made

    def _class(self, run: Running, index: int) -> str:
        return class_of(run.feed.source, index, self.config.level)

    def state(self) -> dict[str, Any]:
        """What untrained features scored."""
        return {"untrained": self._untrained}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self._untrained = dict(state["untrained"])


def features_of(plan: Plan, block: str) -> End:
    """The end whose features are probed. Raises Refused where there is none."""
    if block:
        spec = plan.specs.get(block) if block in plan.batch_nodes else None
        port = next((port for port in spec.gives if port.kind == "embedding"), None) if spec is not None else None
        if port is None:
            raise refuse(
                f"The linear probe names the block {block!r}, which gives no embedding in this run.",
                hint="Name a block that gives one vector per example, such as the pooling before a projection head.",
            )
        return End(node=block, port=port.name)
    sides = next((pair for key in plan.objectives if (pair := plan.sides(key))), None)
    if sides is None:
        raise refuse(
            "The linear probe finds no embedding: no objective compares two of them.",
            hint="Name a block in its settings.",
        )
    return first_vector(plan, sides[0])


def first_vector(plan: Plan, end: End) -> End:
    """The first end on the way to one that is a vector rather than tokens: before the heads."""
    for source in plan.inputs[end.node].values():
        port = plan.specs[source.node].output(source.port)
        if port is not None and port.kind == "embedding" and source.node in plan.batch_nodes:
            return first_vector(plan, source)
    return end


def probed(features: Features) -> dict[str, dict[str, float]]:
    """Accuracy and chance on every split but the one that is trained on; features that are not finite say nothing."""
    x_ND, names = features["train"]
    classes = sorted(set(names))
    number = {name: place for place, name in enumerate(classes)}
    target_N = torch.tensor([number[name] for name in names])
    frequent = int(target_N.bincount().argmax())
    says = classifier(x_ND, target_N, len(classes))
    found = {}
    for split, (other_ND, own) in features.items():
        if split != "train":
            right_N = torch.tensor([number.get(name, -1) for name in own])
            said_N = torch.where(other_ND.isfinite().all(1), says(other_ND), UNSAID)
            found[split] = {"accuracy": _share(said_N == right_N), "chance accuracy": _share(right_N == frequent)}
            found[split][EXAMPLES] = float(len(own))
    return found


def classifier(x_ND: Tensor, target_N: Tensor, classes: int) -> Callable[[Tensor], Tensor]:
    """A linear map fitted on the rows that are finite: rows [M, D] to classes [M]. Without such rows it says nothing."""
    is_finite_N = x_ND.isfinite().all(1)
    if not is_finite_N.any():
        return lambda x_MD: torch.full((len(x_MD),), UNSAID)
    x_ND, target_N = x_ND[is_finite_N], target_N[is_finite_N]
    mean_D, deviation_D = x_ND.mean(0), x_ND.std(0, correction=min(1, len(x_ND) - 1)).clamp_min(1e-6)
    x_ND = (x_ND - mean_D) / deviation_D
    weight_KD, bias_K = fitted(x_ND, target_N, classes, _best_penalty(x_ND, target_N, classes))
    return lambda x_MD: (((x_MD - mean_D) / deviation_D) @ weight_KD.T + bias_K).argmax(1)


def _share(hit_N: Tensor) -> float:
    return float(hit_N.double().mean())


def _best_penalty(x_ND: Tensor, target_N: Tensor, classes: int) -> float:
    """By accuracy on every fifth training sample; of equals the stronger."""
    asked_N = torch.arange(len(x_ND)) % FIFTH == 0
    if asked_N.all() or len(x_ND) < 2 * FIFTH:
        return PENALTIES[-1]
    scores = []
    for penalty in PENALTIES:
        weight_KD, bias_K = fitted(x_ND[~asked_N], target_N[~asked_N], classes, penalty)
        said_N = (x_ND[asked_N] @ weight_KD.T + bias_K).argmax(1)
        scores.append((_share(said_N == target_N[asked_N]), penalty))
    return max(scores)[1]


@torch.enable_grad()
def fitted(x_ND: Tensor, target_N: Tensor, classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights [K, D] and biases [K] at the minimum of mean cross entropy + penalty / 2 times the squared weights; in float64."""
    x_ND = x_ND.detach()
    weight_KD = torch.zeros(classes, x_ND.shape[1], dtype=torch.float64, requires_grad=True)
    bias_K = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [weight_KD, bias_K], max_iter=MOST_STEPS, tolerance_grad=1e-7, tolerance_change=1e-12, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        search.zero_grad()
        loss = F.cross_entropy(x_ND @ weight_KD.T + bias_K, target_N) + penalty / 2 * weight_KD.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    search.step(closure)  # type: ignore[arg-type]
    return weight_KD.detach(), bias_K.detach()
