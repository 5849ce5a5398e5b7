"""The linear probe: the minimum is the minimum, planted classes are told, runs are not disturbed; views are not ranked against themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from core.compiler.answers.views import coincide
from core.compiler.compile import compile
from core.graph import edits
from core.graph.document import End
from core.problems import Refused
from core.telemetry.events import LogLine, Scalars
from core.training.callbacks.linear_probe import LinearProbe, features_of, fitted, probed
from tests.core.compiler.test_shared_weights import apart
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.documents import siamese, tiny_clip


def points(count: int = 120, width: int = 5, classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target_N = torch.randint(0, classes, (count,), generator=generator)
    x_ND = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return x_ND + 0.8 * F.one_hot(target_N, width).double(), target_N


@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_the_gradient_is_zero_at_what_is_found(penalty: float) -> None:
    x_ND, target_N = points()
    weight_KD, bias_K = (part.requires_grad_() for part in fitted(x_ND, target_N, 3, penalty))
    loss = F.cross_entropy(x_ND @ weight_KD.T + bias_K, target_N) + penalty / 2 * weight_KD.square().sum()
    gradients = torch.autograd.grad(loss, [weight_KD, bias_K])
    assert max(float(gradient.abs().max()) for gradient in gradients) < 1e-5


def test_it_is_the_logistic_regression_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x_ND, target_N = points()
    penalty = 1e-2
    weight_KD, _ = fitted(x_ND, target_N, 3, penalty)
    model = linear.LogisticRegression(C=1 / (penalty * len(x_ND)), tol=1e-10, max_iter=10_000)
    model.fit(x_ND.numpy(), target_N.numpy())
    torch.testing.assert_close(weight_KD, torch.from_numpy(model.coef_), atol=1e-4, rtol=1e-3)


def test_planted_classes_are_told_and_shuffled_ones_are_not() -> None:
    generator = torch.Generator().manual_seed(1)
    names = [("a", "b", "c")[n] for n in torch.randint(0, 3, (300,), generator=generator).tolist()]
    x_ND = torch.randn(300, 4, generator=generator, dtype=torch.float64) * 0.1
    x_ND[:, 0] += torch.tensor([{"a": 0.0, "b": 1.0, "c": 2.0}[name] for name in names], dtype=torch.float64)
    features = {"train": (x_ND[:200], names[:200]), "test": (x_ND[200:], names[200:])}
    assert probed(features)["test"]["accuracy"] > 0.95
    shuffled = [names[place] for place in torch.randperm(300, generator=generator).tolist()]
    blind = probed({"train": (x_ND[:200], shuffled[:200]), "test": (x_ND[200:], shuffled[200:])})["test"]
    assert blind["accuracy"] < 0.55  # a third, within five deviations of a hundred draws
    frequent = max(set(names[:200]), key=names[:200].count)
    assert probed(features)["test"]["chance accuracy"] == names[200:].count(frequent) / 100


def test_a_class_that_training_does_not_have_is_never_right() -> None:
    x_ND, target_N = points()
    names = [str(n) for n in target_N.tolist()]
    assert probed({"train": (x_ND, names), "test": (x_ND, ["new"] * len(names))})["test"]["accuracy"] == 0.0


CALLBACKS = {"evaluation": {"every": 2, "most": 60}, "linear_probe": {"most": 80}}


def test_a_run_says_it_beside_untrained_features_and_chance(tmp_path: Path) -> None:
    run = trainer(siamese(steps=4, callbacks=CALLBACKS))
    run.train()
    said = run.listener
    for name in ("linear probe/accuracy", "untrained features/accuracy", "linear probe/chance accuracy"):
        found = said.scalars(f"score/test/{name}")  # type: ignore[attr-defined]
        assert [step for step, _ in found] == [2, 4]
        assert all(0 < value < 1 for _, value in found)
    untrained = [value for _, value in said.scalars("score/test/untrained features/accuracy")]  # type: ignore[attr-defined]
    assert untrained[0] == untrained[1]
    plain = trainer(siamese(steps=4))
    plain.train()
    assert same(weights(plain), weights(run))
    state = checkpoint(run, tmp_path)
    again = resumed(siamese(steps=4, callbacks=CALLBACKS), tmp_path, state)
    assert again.callback("linear_probe").state() == run.callback("linear_probe").state() != {"untrained": {}}


def test_features_are_taken_before_the_heads() -> None:
    assert features_of(compile(siamese()), "") == End(node="pool", port="embedding")
    assert features_of(compile(tiny_clip()), "") == End(node="pool", port="embedding")
    assert features_of(compile(siamese()), "mlp_projection_2") == End(node="mlp_projection_2", port="embedding")
    for block in ("vit", "augment", "gone"):
        with pytest.raises(Refused, match="gives no embedding"):
            features_of(compile(siamese()), block)


def test_without_evaluation_it_says_that_it_is_off() -> None:
    run = trainer(siamese(steps=1, callbacks={"linear_probe": {}}))
    run.train()
    assert "needs the training option Evaluation" in " ".join(e.text for e in run.listener.of(LogLine))  # type: ignore[attr-defined]
    assert LinearProbe(LinearProbe.Config()).end is None


def test_views_that_are_the_same_unless_augmented_are_not_ranked() -> None:
    plans = {name: compile(document) for name, document in (("shared", siamese()), ("apart", apart(siamese())))}
    assert coincide(plans["shared"], "nt_xent")
    assert not coincide(plans["apart"], "nt_xent")
    assert not coincide(compile(tiny_clip()), "info_nce")
    other = edits.own_weights(siamese(), "mlp_projection_2")
    assert not coincide(compile(other), "nt_xent")
    for document, ranks in ((siamese(), False), (apart(siamese()), True)):
        run = trainer(edits.set_recipe(document, steps=1, callbacks={"evaluation": {"every": 1, "most": 40}}))
        run.train()
        said = run.listener
        named = {name for event in said.of(Scalars) for name in event.values}  # type: ignore[attr-defined]
        assert any(name.startswith("retrieval/") for name in named) == ranks
        logged = " ".join(event.text for event in said.of(LogLine))  # type: ignore[attr-defined]
        assert ("same unless augmented" in logged) != ranks
