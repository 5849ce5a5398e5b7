"""Modalities and objectives that pull a hundred times harder are brought back; figures, not opinions."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from core.telemetry.diagnostics.diagnostic import group_norm, modality_groups
from core.telemetry.events import LogLine
from core.training.callbacks.grad_norm import GradNorm, gradient_norm, shared_parameters, stepped
from core.training.callbacks.ogm_ge import OGMGE, coefficients, modulate, query_scores
from core.training.trainer import Trainer
from tests.core.training.running import trainer
from tests.core.training.shared import two_objectives
from tests.documents import tiny_clip


def test_coefficients_are_the_papers() -> None:
    found = coefficients({"image": 0.6, "text": 0.2}, alpha=0.3)
    assert found["image"] == pytest.approx(1 - math.tanh(0.3 * 3))
    assert found["text"] == 1.0
    assert coefficients({"image": 0.4, "text": 0.4}, 0.3) == {"image": 1.0, "text": 1.0}
    assert coefficients({"image": 0.4}, 0.3) == {"image": 1.0}


class Toy:
    """Late fusion by a sum: two linear towers, one of which sees inputs that are ``scale`` times as large."""

    def __init__(self, scale: float) -> None:
        generator = torch.Generator().manual_seed(0)
        self.a, self.b = (torch.randn(256, 8, generator=generator) for _ in range(2))
        self.y = self.a.sum(1) + self.b.sum(1)
        self.towers = {"image": nn.Linear(8, 1, bias=False), "text": nn.Linear(8, 1, bias=False)}
        for tower in self.towers.values():
            nn.init.zeros_(tower.weight)
        self.a = self.a * scale
        self.recipe, self.position = SimpleNamespace(steps=1000), SimpleNamespace(step=0)
        self.groups = SimpleNamespace(trained=lambda: {name: list(t.parameters()) for name, t in self.towers.items()})
        self.plan = SimpleNamespace(modality=lambda node: node, modality_of_weights=lambda node: node)
        self.experiment = SimpleNamespace(draws=0)
        self.said: list[Any] = []

    def at(self) -> None:
        return None

    def say(self, event: Any) -> None:
        self.said.append(event)

    def gradients(self) -> dict[str, float]:
        loss = (self.towers["image"](self.a) + self.towers["text"](self.b) - self.y[:, None]).pow(2).mean()
        for tower in self.towers.values():
            tower.zero_grad()
        loss.backward()
        return self.norms()

    def norms(self) -> dict[str, float]:
        return {name: float(group_norm(list(tower.parameters()))) for name, tower in self.towers.items()}


def test_a_scaled_tower_is_slowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of 10 : 1 become about 2.3 : 1 by 1 - tanh(0.1 * 10.)."""
    monkeypatch.setattr("core.training.callbacks.ogm_ge.Scalars", lambda at, values: values)
    toy = Toy(scale=10)
    before = toy.gradients()
    callback = OGMGE(OGMGE.Config(alpha=0.1, by="gradient", noise=False))
    callback.gradient_ready(toy)  # type: ignore[arg-type]
    after = toy.norms()
    ratio = before["image"] / before["text"]
    assert ratio > 7
    assert after["text"] == before["text"]
    assert after["image"] / after["text"] == pytest.approx(ratio * (1 - math.tanh(0.1 * ratio)), rel=1e-5)
    assert after["image"] / after["text"] < 3.2
    assert toy.said[0]["balance/image/factor"] == pytest.approx(1 - math.tanh(0.1 * ratio), rel=1e-5)


def test_noise_has_the_gradients_own_deviation() -> None:
    layer = nn.Linear(400, 300)
    layer.weight.grad, layer.bias.grad = torch.randn(300, 400) * 0.7, torch.randn(300)
    kept = layer.weight.grad.clone()
    torch.manual_seed(0)
    modulate(list(layer.parameters()), 0.25, noise=True)
    rest = layer.weight.grad - 0.25 * kept
    assert float(rest.std()) == pytest.approx(0.7, rel=0.02)
    assert float(rest.mean().abs()) < 0.01
    assert layer.bias.grad is not None


def test_scores_are_the_diagonal_probabilities_of_each_direction() -> None:
    run = trainer(tiny_clip(steps=1, batch_size=16))
    run.train()
    left, right = run.sides["info_nce"]
    module: Any = run.experiment.node("info_nce")
    logits = module.logits(left, right).detach()
    found = query_scores(run)
    assert found["image"] == pytest.approx(float(logits.softmax(1).diagonal().mean()))
    assert found["text"] == pytest.approx(float(logits.T.softmax(1).diagonal().mean()))


@pytest.mark.parametrize("by", ["score", "gradient"])
def test_a_run_says_its_factors_and_stops_when_asked(by: str) -> None:
    run = trainer(tiny_clip(steps=6, callbacks={"ogm_ge": {"by": by, "until": 0.5}}))
    assert run.train() == "finished"
    factors = run.listener.scalars("balance/image/factor")  # type: ignore[attr-defined]
    assert [step for step, _ in factors] == [0, 1, 2]
    both = [run.listener.scalars(f"balance/{name}/factor") for name in ("image", "text")]  # type: ignore[attr-defined]
    assert all(min(a[1], b[1]) < 1 == max(a[1], b[1]) for a, b in zip(*both))  # one of two runs ahead


def balanced(scale: float, **recipe: Any) -> Trainer:
    """The tiny drawing with a second objective of another weight on the same two ends."""
    return trainer(two_objectives(tiny_clip(steps=120, batch_size=16, dropout=0.0, **recipe), scale))


def test_grad_norm_makes_a_scaled_objective_pull_as_hard_as_the_other() -> None:
    run = balanced(30.0, callbacks={"grad_norm": {"alpha": 0.0, "rate": 0.1}})
    run._enter_stage()
    run.batch, run.indices = run.feed.next(0, 0)
    losses = run.experiment.losses(run.forward(run.batch))
    shared = shared_parameters(run)
    names = {id(p): name for name, p in run.experiment.named_parameters()}
    assert not any("logit" in names[id(p)] for p in shared)  # temperatures belong to one objective each
    plain = {key: gradient_norm(loss, shared) for key, loss in losses.items()}
    run.feed.close()
    assert max(plain.values()) / min(plain.values()) > 5
    run = balanced(30.0, callbacks={"grad_norm": {"alpha": 0.0, "rate": 0.1}})
    run.train()
    said = [run.listener.scalars(f"balance/{key}/gradient") for key in run.plan.objectives]  # type: ignore[attr-defined]
    last = [sum(value for _, value in row[-20:]) / 20 for row in said]
    assert max(last) / min(last) < 1.25
    weights = [run.listener.scalars(f"balance/{key}/weight")[-1][1] for key in run.plan.objectives]  # type: ignore[attr-defined]
    assert sum(weights) == pytest.approx(2.0)


def test_an_objective_that_learns_slowly_may_pull_harder() -> None:
    weights = {"fast": 1.0, "slow": 1.0}
    for _ in range(400):
        weights = stepped(weights, {"fast": 2.0, "slow": 1.0}, {"fast": 0.25, "slow": 1.0}, alpha=0.5, rate=0.05)
    assert weights["slow"] * 1.0 / (weights["fast"] * 2.0) == pytest.approx(4**0.5, rel=0.05)
    even = {"fast": 1.0, "slow": 1.0}
    for _ in range(400):
        even = stepped(even, {"fast": 2.0, "slow": 1.0}, {"fast": 0.25, "slow": 1.0}, alpha=0.0, rate=0.05)
    assert even["slow"] == pytest.approx(2 * even["fast"], rel=0.02)


def test_grad_norm_says_where_it_cannot_help() -> None:
    one = trainer(tiny_clip(steps=1, callbacks={"grad_norm": {}}))
    one.train()
    both = balanced(1.0, callbacks={"grad_norm": {}, "gradient_cache": {"chunk": 8}})
    for callback in both.callbacks:
        callback.began(both)
    both.feed.close()
    for run, words in ((one, "only one objective"), (both, "without gradient caching")):
        assert any(words in line.text for line in run.listener.of(LogLine))  # type: ignore[attr-defined]


def test_grad_norm_goes_on_where_it_stopped() -> None:
    callback = GradNorm(GradNorm.Config())
    callback.weights, callback.first = {"a": 0.4, "b": 1.6}, {"a": 2.0, "b": 3.0}
    other = GradNorm(GradNorm.Config())
    other.load_state(callback.state())
    assert (other.weights, other.first) == (callback.weights, callback.first)


def test_clipping_by_modality_holds_each_modality_to_the_norm() -> None:
    run = trainer(tiny_clip(steps=1, callbacks={"clipping": {"norm": 0.01, "per": "modality"}}))
    norms: dict[str, float] = {}
    step = run.groups.optimizer.step

    def look(*args: Any, **more: Any) -> Any:
        norms.update(
            {name: float(group_norm(group)) for name, group in modality_groups(run, run.groups.trained()).items()}
        )
        return step(*args, **more)

    run.groups.optimizer.step = look  # type: ignore[method-assign]
    run.train()
    assert {"image", "text"} <= set(norms)
    assert all(norm <= 0.01 * 1.0001 for norm in norms.values())
