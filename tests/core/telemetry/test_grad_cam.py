"""Grad-CAM equals its formula, lights the cells that count, and is said by a run of a tower without attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from core.compiler.answers.grad_cam import grad_cam, weighted_map
from core.graph import edits
from core.telemetry.events import AttentionMap, Exhibit
from tests.core.training.running import trainer, weights
from tests.documents import tiny_clip


def convolutional(**recipe: object):  # type: ignore[no-untyped-def]
    document = tiny_clip(steps=2, diagnostics={"grad_cam": {"every": 1, "samples": 3}}, **recipe)
    return edits.change_node(document, "vit", block="encoders.resnet", knobs={"width": 8, "stages": 2})


def test_the_map_is_the_papers_formula() -> None:
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]]])
    gradient = torch.tensor([[[3.0, 0.0], [0.0, -3.0], [0.0, 0.0]]])  # channels count 1 and -1 on average
    torch.testing.assert_close(weighted_map(x, gradient), torch.tensor([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(weighted_map(x, -gradient), torch.tensor([[0.0, 1.0, 0.0]]))
    torch.testing.assert_close(weighted_map(x, 0 * gradient), torch.full((1, 3), 1 / 3))


def test_a_towers_map_is_that_of_the_gradient_of_its_cosine() -> None:
    run = trainer(convolutional())
    batch = run.feed.fixed_examples(3)
    before = weights(run)
    (found,) = grad_cam(run.experiment, batch)
    assert found.node == "vit"
    assert found.patches.sizes == (4, 4)
    torch.testing.assert_close(found.share_BP.sum(1), torch.ones(3))
    run.experiment.eval()
    ends = run.plan.sides("info_nce")
    assert ends is not None
    values = run.experiment.run(batch, [end.node for end in ends])
    tokens = next(value for end, value in values.items() if end.node == "vit")
    for row in range(3):  # one sample at a time, by hand
        cosine = F.cosine_similarity(values[ends[0]][row], values[ends[1]][row], dim=0)
        (slope,) = torch.autograd.grad(cosine, tokens.x_BND, retain_graph=True)
        map_P = F.relu((tokens.x_BND[row] * slope[row].mean(0)).sum(-1))
        torch.testing.assert_close(found.share_BP[row], map_P / map_P.sum(), atol=1e-6, rtol=1e-4)
    assert all(torch.equal(value, weights(run)[name]) for name, value in before.items())
    assert all(parameter.grad is None for parameter in run.experiment.parameters())


def test_a_run_says_it_with_its_pictures_and_trains_the_same() -> None:
    run = trainer(convolutional())
    assert run.train() == "finished"
    maps = run.listener.of(AttentionMap)
    assert [event.at.step for event in maps] == [1, 2]
    assert maps[0].weights.shape == (3, 1, 1, 16)
    assert maps[0].queries["measure"] == "evidence"
    assert maps[0].exhibit in {event.name for event in run.listener.of(Exhibit)}
    plain = trainer(edits.set_recipe(convolutional(), diagnostics={}))
    assert plain.train() == "finished"
    for name, value in weights(plain).items():
        assert torch.equal(value, weights(run)[name]), name


def test_a_tower_with_attention_shows_that_instead() -> None:
    run = trainer(tiny_clip(steps=1))
    assert grad_cam(run.experiment, run.feed.fixed_examples(2)) == []
