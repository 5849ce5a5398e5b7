"""The experts diagnostic: what it says adds up, and an idle expert is said once; experts train by themselves and with caching."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.blocks.experts.grouped import Routed
from core.compiler.compile import compile
from core.graph import edits
from core.graph.document import Document
from core.telemetry.diagnostics.experts import ExpertUse
from core.telemetry.events import Histogram
from core.training.gradients import cached, plain
from tests.core.training.running import Said, trainer
from tests.core.training.test_gradients import gradients
from tests.documents import Drawing


def routed_clip(**recipe: Any) -> Document:
    """Patches and words through one mixture."""
    draw = Drawing("mixture")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.resnet", width=8, stages=2)
    draw.add("encoders.text_transformer", width=16, depth=0, heads=2, dropout=0.0)
    draw.add("experts.mixture", experts=4)
    for _ in range(2):
        draw.add("connectors.pool")
    for _ in range(2):
        draw.add("connectors.projection", width=16)
    draw.add("objectives.info_nce")
    draw.add("objectives.extra_loss", weight=0.05)
    for chain in (
        "emoji.image resnet.image", "emoji.sentence tokenizer.sentence", "tokenizer.text text_transformer.text",
        "resnet.tokens mixture.tokens", "text_transformer.tokens mixture.more", "mixture.tokens pool.tokens",
        "mixture.more pool_2.tokens", "pool.embedding projection.embedding", "pool_2.embedding projection_2.embedding",
        "projection.embedding info_nce.left", "projection_2.embedding info_nce.right", "mixture.balance extra_loss.loss",
    ):  # fmt: skip
        draw.wire(*chain.split())
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(draw.document, **{"steps": 6, "batch_size": 16, **recipe})


def test_counts_add_up_and_figures_are_said() -> None:
    run = trainer(routed_clip(diagnostics={"experts": {"every": 2}}))
    assert run.train() == "finished"
    said: Any = run.listener
    histograms = [event for event in said.of(Histogram) if event.series.startswith("experts/")]
    assert {event.series for event in histograms} == {"experts/mixture/image", "experts/mixture/text"}
    assert [event.at.step for event in histograms[::2]] == [1, 2, 4, 6]
    pictures = next(event for event in histograms if event.series.endswith("image"))
    assert int(pictures.counts.sum()) == 16 * 16 * 2  # 16 samples, 4 by 4 cells, 2 experts each
    for name, low, high in (("dropped", 0, 1), ("entropy", 0, 1), ("purity", 0.5, 1), ("quietest", 0, 1)):
        assert all(low <= value <= high for _, value in said.scalars(f"experts/mixture/{name}"))


def test_sides_keep_their_modality_through_the_mixture() -> None:
    plan = compile(routed_clip())
    assert [plan.modality(node) for node in ("projection", "projection_2", "mixture")] == ["image", "text", "shared"]
    run = trainer(routed_clip(steps=2, callbacks={"evaluation": {"every": 2}}))
    run.train()
    assert run.listener.scalars("retrieval/test/image_to_text/R@10")  # type: ignore[attr-defined]


def test_the_total_is_the_contrast_and_the_weighed_balance() -> None:
    run = trainer(routed_clip(steps=1))
    run.train()
    said: Any = run.listener
    parts = [said.scalars(f"loss/{name}")[0][1] for name in ("info_nce", "extra_loss")]
    assert said.scalars("loss")[0][1] == pytest.approx(sum(parts))
    assert 0.05 < parts[1] < 0.2  # 0.05 times a balance between k = 2 and N = 4


def test_gradient_caching_stays_exact() -> None:
    document = routed_clip(batch_size=32)
    whole = gradients(trainer(document), plain)
    parts = gradients(trainer(document), partial(cached, chunk=8))
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-5, rtol=1e-3)


class Node:
    """A block that sends everything to one expert."""

    def __init__(self, share: float) -> None:
        quiet = round(400 * share / 4)
        choice = torch.tensor([0] * (400 - 3 * quiet) + [1, 2, 3] * quiet)[:, None]
        self.routed = Routed(
            choice_TK=choice, kept_TK=torch.ones_like(choice, dtype=torch.bool), entropy_T=torch.zeros(400),
            modality_T=torch.zeros(400, dtype=torch.int64), modalities=("image",), experts=4,
        )  # fmt: skip

    def modules(self) -> list[Node]:
        return [self]


@pytest.mark.parametrize(("share", "warnings"), [(0.04, 3), (0.2, 0)])
def test_an_idle_expert_is_said_once(share: float, warnings: int) -> None:
    said, warned = Said(), []
    run = SimpleNamespace(
        plan=SimpleNamespace(batch_nodes=("moe",)), experiment=SimpleNamespace(routers=lambda key: [Node(share).routed]),
        position=SimpleNamespace(step=5), at=lambda: None, say=said.say, warn=warned.append,
    )  # fmt: skip
    diagnostic = ExpertUse(ExpertUse.Config())
    diagnostic.began(run)  # type: ignore[arg-type]
    for _ in range(6):
        diagnostic.step_ended(run)  # type: ignore[arg-type]
    assert len(warned) == warnings
    assert all("lies idle" in text for text in warned)


def test_purity_is_one_apart_and_one_over_m_mixed() -> None:
    def purity(first: list[int], second: list[int]) -> float:
        choice = torch.tensor(np.repeat(range(3), first).tolist() + np.repeat(range(3), second).tolist())[:, None]
        kinds = torch.tensor([0] * sum(first) + [1] * sum(second))
        return Routed(
            choice_TK=choice, kept_TK=torch.ones_like(choice, dtype=torch.bool), entropy_T=torch.zeros(len(kinds)),
            modality_T=kinds, modalities=("image", "text"), experts=3,
        ).purity()  # fmt: skip

    assert purity([5, 5, 0], [0, 0, 70]) == pytest.approx(1.0)
    assert purity([4, 4, 4], [20, 20, 20]) == pytest.approx(0.5)
    assert purity([9, 1, 0], [10, 0, 90]) == pytest.approx(0.95)
