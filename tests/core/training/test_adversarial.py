"""Objectives with a discriminator: no gradient crosses, closed forms, a late start, adaptive weights, bitwise resume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.objectives.adversarial import FORMS, Adversarial, Discriminator, discriminator_loss, generator_loss
from core.compiler.module import Experiment
from core.graph import edits
from core.graph.document import Document
from core.graph.recipe import Rule
from core.knobs import configure
from core.training.callbacks.evaluation import Evaluation
from core.training.gradients import cached, plain, weighed
from core.training.trainer import Trainer
from tests.core.training.running import Said, checkpoint, resumed, same, trainer, weights
from tests.documents import Drawing

GENERATOR, GAME = "convolutional", "adversarial"


def gan(*, steps: int = 6, batch_size: int = 16, knobs: dict[str, Any] | None = None, **recipe: Any) -> Document:
    """Emoji of 16 pixels made of noise, against a small discriminator."""
    draw = Drawing("tiny GAN")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.noise", width=8)
    draw.add("generators.convolutional", size=16, width=8)
    draw.add("objectives.adversarial", **{"width": 8, **(knobs or {})})
    for source, target in (
        ("emoji.image", "noise.image"), ("noise.noise", f"{GENERATOR}.noise"), (f"{GENERATOR}.image", f"{GAME}.made"),
        ("emoji.image", f"{GAME}.real"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, "learning_rate": 2e-3, **recipe}
    return edits.set_recipe(draw.document, steps=steps, batch_size=batch_size, **recipe)


def gradients(experiment: Experiment, node: str) -> list[Tensor]:
    return [p.grad.clone() for p in experiment.node(node).parameters() if p.grad is not None]


@pytest.mark.parametrize("form", FORMS)
def test_no_gradient_crosses(form: str) -> None:
    """Both losses in one backward pass give what each gives alone, and neither reaches the other side."""
    run = trainer(gan(knobs={"form": form, "r1": 0.5}))
    run.experiment.double()
    run.batch, run.indices = run.feed.next(0, 0)
    run.batch = {end: value.double() for end, value in run.batch.items()}
    plain(run)
    both = {node: gradients(run.experiment, node) for node in (GENERATOR, GAME)}
    run.experiment.zero_grad()
    values = run.forward(run.batch)
    run.experiment.losses(values)[GAME].backward()
    assert not gradients(run.experiment, GAME)
    for one, other in zip(both[GENERATOR], gradients(run.experiment, GENERATOR), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)
    run.experiment.zero_grad()
    run.experiment.opposing(run.forward(run.batch))[GAME].backward()
    assert not gradients(run.experiment, GENERATOR)
    for one, other in zip(both[GAME], gradients(run.experiment, GAME), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_losses_are_the_papers() -> None:
    made, real = torch.randn(7, dtype=torch.float64), torch.randn(7, dtype=torch.float64)
    ones, zeros = torch.ones_like(made), torch.zeros_like(made)
    bce = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(generator_loss("logistic", made), bce(made, ones))
    torch.testing.assert_close(discriminator_loss("logistic", made, real), bce(made, zeros) + bce(real, ones))
    torch.testing.assert_close(generator_loss("hinge", made), -made.mean())
    hinge = sum(max(0.0, 1 + m) + max(0.0, 1 - r) for m, r in zip(made.tolist(), real.tolist())) / (2 * len(made))
    assert float(discriminator_loss("hinge", made, real)) == pytest.approx(hinge)
    torch.testing.assert_close(generator_loss("least squares", made), F.mse_loss(made, ones))
    torch.testing.assert_close(
        discriminator_loss("least squares", made, real), (F.mse_loss(made, zeros) + F.mse_loss(real, ones)) / 2
    )


def test_r1_is_the_squared_slope_at_real_images() -> None:
    """A discriminator of one linear layer has the slope w everywhere, so the penalty is r1 / 2 times w's squared length."""
    example = Adversarial.example()

    def loss(r1: float) -> Tensor:
        torch.manual_seed(0)
        game = Adversarial(configure(Adversarial.Config, {"width": 4, "r1": r1}), example).double()
        game.discriminator = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(3 * 64, 1), torch.nn.Flatten(0)
        ).double()
        loss.weight = game.discriminator[1].weight  # type: ignore[attr-defined]
        found = game.opposing(**{name: value.double() for name, value in example.items()})
        assert found is not None
        return found

    torch.testing.assert_close(loss(6.0) - loss(0.0), 3.0 * loss.weight.pow(2).sum(), rtol=1e-10, atol=1e-12)  # type: ignore[attr-defined]


def test_the_discriminator_waits_for_its_start() -> None:
    run = trainer(gan(steps=4, knobs={"start": 0.5}))
    before = weights(run)
    for _ in range(2):
        run._step()
    assert same(before, weights(run)), "nothing plays in the first half"
    assert run.groups.optimizer.state == {}
    run._step()
    after = weights(run)
    moved = {name.split(".")[1] for name in after if not torch.equal(before[name], after[name])}
    assert moved == {"n_convolutional", "n_adversarial"}


def with_reconstruction(**knobs: Any) -> tuple[Trainer, dict[Any, Any]]:
    """A second objective on the images: the least-squares game beside a logistic one, for want of another."""
    document = gan(knobs={"adaptive": True, **knobs})
    document, other = edits.add_node(document, "objectives.adversarial", 0, 0, {"width": 8, "form": "least squares"})
    for wire in [wire for wire in document.wires if wire.target.node == GAME]:
        document = edits.connect(document, wire.source, replace(wire.target, node=other))
    run = trainer(document)
    run.experiment.double()
    batch, run.indices = run.feed.next(0, 0)
    run.batch = {end: value.double() for end, value in batch.items()}
    return run, run.forward(run.batch)


def test_an_adaptive_weight_is_the_ratio_at_the_last_layer() -> None:
    run, values = with_reconstruction()
    losses = run.experiment.losses(values)
    other = next(key for key in losses if key != GAME)
    last = run.experiment.node(GENERATOR).last.weight  # type: ignore[union-attr]
    pulls = {key: torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for key, loss in losses.items()}
    found = weighed(run, values, losses)
    expected = pulls[other] / (pulls[GAME] + 1e-4)  # type: ignore[union-attr]
    torch.testing.assert_close(run.weights[GAME], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(found[GAME], expected * losses[GAME], rtol=1e-12, atol=0)
    torch.testing.assert_close(found[other], losses[other])
    after = torch.autograd.grad(found[GAME], last, retain_graph=True)[0].norm()  # type: ignore[union-attr]
    torch.testing.assert_close(after, pulls[other], rtol=1e-2, atol=0)  # it pulls as hard as the other


def test_cached_gradients_are_the_plain_ones() -> None:
    found = []
    for how in (plain, lambda run: cached(run, 5)):
        run = trainer(gan(knobs={"r1": 1.0}))
        run.experiment.double()
        batch, run.indices = run.feed.next(0, 0)
        run.batch = {end: value.double() for end, value in batch.items()}
        how(run)
        found.append([gradient for node in (GENERATOR, GAME) for gradient in gradients(run.experiment, node)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)


def test_the_discriminator_has_its_own_rate_and_betas() -> None:
    document = gan(knobs={"learning_rate": 0.01, "beta_1": 0.25, "beta_2": 0.75})
    run = trainer(document)
    groups = dict(zip((key for key, _ in run.groups._kinds), run.groups.optimizer.param_groups))
    assert groups[GAME]["betas"] == (0.25, 0.75)
    assert groups[GENERATOR]["betas"] == (0.9, 0.98)
    assert run.groups.bases(0) == {GENERATOR: 2e-3, GAME: 0.01}
    ruled = replace(document, recipe=replace(document.recipe, rules={GAME: Rule(learning_rate=0.03)}))
    assert trainer(ruled).groups.bases(0)[GAME] == 0.03  # what a person says of a block is above what it asks for


def test_an_discriminator_is_clipped_by_itself() -> None:
    run = trainer(gan(callbacks={"clipping": {"norm": 1e-3}}))
    run._step()
    said = {name for event in run.listener for name in getattr(event, "values", {}) if name.startswith("clipped/")}  # type: ignore[attr-defined]
    assert said == {"clipped/all", f"clipped/{GAME}"}


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_game_resumes_bitwise(step: int, tmp_path: Path) -> None:
    """Before, at and after the discriminator's start."""
    document = gan(steps=6, knobs={"start": 0.5, "r1": 0.1}, callbacks={"ema": {"decay": 0.9}})
    whole = trainer(document)
    whole.train()
    part = trainer(document)
    part.tell("began")
    while part.position.step < step:
        part._step()
    part.feed.close()
    again = resumed(document, tmp_path, checkpoint(part, tmp_path))
    again.train()
    assert same(weights(whole), weights(again))
    assert isinstance(again.listener, Said)
    assert again.listener.scalars(f"discriminator/{GAME}") == [
        point
        for point in whole.listener.scalars(f"discriminator/{GAME}")
        if point[0] > step  # type: ignore[attr-defined]
    ]


def scores(run: Trainer) -> dict[str, float]:
    """The game's held-out scores."""
    node = run.experiment.node(GAME).eval()
    split = next(name for name in run.feed.splits if name != "train")
    batch, _ = next(run.feed.split(split, 128, 128))
    with torch.no_grad():
        values = run.forward(batch)
        answers = node.answers(**{port: values[end] for port, end in run.plan.inputs[GAME].items()})  # type: ignore[operator]
    return node.held_out_scores(answers)  # type: ignore[operator,no-any-return]


def test_a_planted_constant_generator_is_told_apart() -> None:
    run = trainer(gan(steps=30, batch_size=32, learning_rate=5e-3, rules={GENERATOR: Rule(frozen=True)}))
    generator = run.experiment.node(GENERATOR)
    torch.nn.init.zeros_(generator.last.weight)  # type: ignore[union-attr,arg-type]
    assert run.train() == "finished"
    found = scores(run)
    assert found["discriminator accuracy"] > 0.95
    assert found["chance discriminator accuracy"] == 0.5
    assert found["variety"] < 1e-9


@pytest.mark.long
def test_a_tiny_gan_makes_varied_images_that_deceive() -> None:
    """Against the same discriminator a constant is told apart every time; a generator that learns is not, and varies."""
    run = trainer(gan(steps=400, batch_size=64, learning_rate=1e-3, knobs={"r1": 1.0, "learning_rate": 1e-3}))
    assert run.train() == "finished"
    found = scores(run)
    assert found["discriminator accuracy"] < 0.95
    assert found["variety"] > 0.1


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="Generated images are 3 × 8 × 8 and real ones 3 × 16 × 16"):
        Adversarial(
            configure(Adversarial.Config, {}), {"made": torch.rand(2, 3, 8, 8), "real": torch.rand(2, 3, 16, 16)}
        )


def test_evaluation_says_the_games_scores() -> None:
    run = trainer(gan(steps=2, callbacks={"evaluation": {"every": 2}}))
    assert isinstance(run.callback("evaluation"), Evaluation)
    run.train()
    names = {name for event in run.listener for name in getattr(event, "values", {})}  # type: ignore[attr-defined]
    assert any("discriminator accuracy" in name for name in names)
    assert any("variety" in name for name in names)


def test_a_discriminator_that_sees_variety_tells_a_batch_all_alike() -> None:
    """Also where every single image is one that the data holds: its answers to the two batches differ, without it they do not."""
    torch.manual_seed(0)
    varied = torch.rand(6, 3, 8, 8)
    alike = varied[:1].expand_as(varied)
    for deviation in (True, False):
        seer = Discriminator(3, 8, 4, positions=True, deviation=deviation)
        assert torch.allclose(seer(varied)[0], seer(alike)[0], atol=1e-7) is not deviation
