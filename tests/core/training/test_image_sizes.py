"""A curriculum of image sizes draws what it is asked for and resumes bit for bit; a model is asked at other sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.encoders.vit import ViT
from core.graph.resolution import LINEAR, PHASES, drawn_size, shares_at, table_in
from core.problems import Refused
from core.telemetry.events import Scalars
from core.training.callbacks.evaluation import embed
from core.training.image_sizes import scaled
from tests.core.training.running import checkpoint, resumed, trainer, weights
from tests.documents import tiny_clip

CURRICULUM = {"sizes": "8, 16", "shares": "3, 1; 0, 1", "path": LINEAR}


def test_shares_run_along_their_path() -> None:
    rows = table_in("3, 1; 1, 1; 0, 2", (32, 64))
    assert rows == ((0.75, 0.25), (0.5, 0.5), (0.0, 1.0))
    assert [shares_at(rows, PHASES, step, 9) for step in (0, 2, 3, 5, 6, 8)] == [rows[0]] * 2 + [rows[1]] * 2 + [
        rows[2]
    ] * 2
    assert shares_at(rows, LINEAR, 0, 101) == rows[0]
    assert shares_at(rows, LINEAR, 25, 101) == pytest.approx((0.625, 0.375))
    assert shares_at(rows, LINEAR, 50, 101) == pytest.approx(rows[1])
    assert shares_at(rows, LINEAR, 100, 101) == pytest.approx(rows[2])
    assert shares_at(rows[:1], LINEAR, 7, 10) == rows[0]


def test_what_is_drawn_has_the_shares_of_each_phase() -> None:
    rows, steps = table_in("2, 1, 1; 0, 1, 3", (32, 48, 64)), 4000
    for phase in (0, 1):
        drawn = [
            drawn_size((32, 48, 64), shares_at(rows, PHASES, step, steps), 7, step)
            for step in range(phase * steps // 2, (phase + 1) * steps // 2)
        ]
        expected = torch.tensor(rows[phase]) * len(drawn)
        counted = torch.tensor([float(drawn.count(size)) for size in (32, 48, 64)])
        there = expected > 0
        assert not counted[~there].any()
        chi_squared = ((counted - expected)[there] ** 2 / expected[there]).sum()
        assert float(chi_squared) < 13.8  # one in a thousand at two degrees of freedom


@pytest.mark.parametrize(
    ("sizes", "shares", "said"),
    [
        ("8, x", "1, 1", "“x” is no number"),
        ("8, 8", "1, 1", "each once"),
        ("8, 16", "1", "2 image sizes, but 1 shares"),
        ("8, 16", "1, 0; 0, 0", "No image size has a share"),
        ("8, 16", "1, -1", "from 0 up"),
        ("6, 16", "1, 1", "Images of 6 pixels do not fit: Patch size 4 does not divide"),
    ],
)
def test_what_cannot_be_is_said_before_the_first_step(sizes: str, shares: str, said: str) -> None:
    run = trainer(tiny_clip(callbacks={"image_curriculum": {"sizes": sizes, "shares": shares}}))
    with pytest.raises(Refused, match=said):
        run.train()
    assert run.position.step == 0


def test_blocks_of_one_size_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ViT, "any_size", False)
    with pytest.raises(Refused, match="one size only") as refused:
        trainer(tiny_clip(callbacks={"image_curriculum": CURRICULUM})).train()
    assert refused.value.problems[0].node == "vit"


def test_kept_features_are_of_one_size() -> None:
    with pytest.raises(Refused, match="one image size"):
        trainer(tiny_clip(callbacks={"frozen_cache": {}, "image_sizes": {"sizes": "8, 16"}})).train()


def run_of(steps: int = 8) -> Any:
    return trainer(tiny_clip(steps=steps, callbacks={"image_curriculum": CURRICULUM}))


def test_a_run_says_the_share_asked_for_beside_the_share_drawn() -> None:
    run = run_of()
    grids = []
    run.experiment.node("vit").register_forward_pre_hook(
        lambda module, _, given: grids.append(given["image"].shape[-1]), with_kwargs=True
    )
    assert run.train() == "finished"
    drawn = [
        drawn_size((8, 16), shares_at(table_in(CURRICULUM["shares"], (8, 16)), LINEAR, step, 8), 0, step)
        for step in range(8)
    ]
    assert grids[-8:] == drawn
    assert set(drawn) == {8, 16}
    assert run.listener.scalars("resolution/drawn/8 px")[-1] == (8, pytest.approx(drawn.count(8) / 8))
    assert run.listener.scalars("resolution/asked/8 px")[-1] == (8, pytest.approx(0.375))


def test_a_resumed_curriculum_is_the_one_that_never_stopped(tmp_path: Path) -> None:
    whole = run_of()
    assert whole.train() == "finished"
    first = run_of()
    while first.position.step < 5:
        first._step() if first.position.step or not first.tell("began") else None
    state = checkpoint(first, tmp_path / "at 5")
    document = tiny_clip(steps=8, callbacks={"image_curriculum": CURRICULUM})
    again = resumed(document, tmp_path / "at 5", state)
    assert again.train() == "finished"
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(again)[name]), name
    assert again.listener.scalars("resolution/drawn/8 px")[-1] == whole.listener.scalars("resolution/drawn/8 px")[-1]


def test_a_model_is_asked_at_other_sizes_and_its_own_size_gives_the_known_score() -> None:
    asked = {
        "evaluation": {"every": 100, "most": 120, "train": False},
        "image_sizes": {"sizes": "8, 16, 24", "most": 120},
    }
    run = trainer(tiny_clip(steps=2, callbacks=asked))
    assert run.train() == "finished"
    said = {name: value for event in run.listener.of(Scalars) for name, value in event.values.items()}
    for split in ("validation", "test"):
        both = [said[f"retrieval/{split}/{way}/R@10"] for way in ("image_to_text", "text_to_image")]
        assert said[f"score/{split}/16 px/R@10"] == pytest.approx(sum(both) / 2)
        assert {f"score/{split}/{size} px/R@1" for size in (8, 16, 24)} <= said.keys()
    assert not run.feed.after  # what was put between is gone
    left, _, _ = embed(run, "info_nce", "test", 4)
    assert len(left) == 4


def test_scaling_down_is_antialiased_and_keeps_the_shape() -> None:
    stripes = torch.zeros(1, 3, 32, 16)
    stripes[..., ::2] = 1.0
    made = scaled(stripes, 16)
    assert made.shape == (1, 3, 16, 8)
    torch.testing.assert_close(made[..., 1:-1], torch.full((1, 3, 16, 6), 0.5), atol=0.02, rtol=0)
    assert scaled(stripes, 32) is stripes
