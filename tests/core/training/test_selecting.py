"""What a run is chosen by: the validation split, one figure, and never a score that is not a number."""

from __future__ import annotations

import math
from types import MappingProxyType

import pytest
import torch

from core.graph.selection import (
    Figure,
    best_of,
    figure_of,
    is_lower_better,
    is_test,
    metric_of,
    reported_split,
    selecting_series,
    selecting_split,
)
from core.telemetry.events import LogLine, Mark, Samples
from core.training.trainer import Trainer
from tests.core.training.running import Said, trainer
from tests.documents import tiny_clip, tokenizer

EVERY_STEP = {"evaluation": {"every": 1, "most": 40, "train": False}, "checkpointing": {"every": 1000}}


def said(run: Trainer) -> Said:
    assert isinstance(run.listener, Said)
    return run.listener


def marks(run: Trainer) -> list[Mark]:
    return [mark for mark in said(run).of(Mark) if mark.kind == "best"]


def test_validation_selects_and_test_is_only_reported() -> None:
    both = {"train": range(9), "validation": range(5), "test": range(7), "style": range(3)}
    assert (selecting_split(both), reported_split(both)) == ("validation", "test")
    assert selecting_split({"train": range(9), "validation": range(1), "test": range(7)}) == "test"
    assert selecting_split({"train": range(9), "style": range(7)}) == ""
    assert selecting_series(["selection/test/R@10", "selection/validation/R@10"]) == "selection/validation/R@10"
    assert is_test("retrieval/test/image_to_text/R@1")
    assert not is_test("selection/validation/R@10")


def test_the_figure_is_the_mean_of_both_directions_and_must_be_finite() -> None:
    scores = {"retrieval/validation/a_to_b/R@10": 0.2, "retrieval/validation/b_to_a/R@10": 0.4, "x/R@1": 0.9}
    assert figure_of("validation", scores) == Figure(split="validation", value=pytest.approx(0.3))
    assert figure_of("validation", {**scores, "x/R@10": math.nan}) is None
    assert figure_of("validation", {}) is None
    assert best_of([math.nan, 0.2, None, math.inf]) == 0.2
    assert best_of([math.nan, None], higher=False) is None


def test_the_best_checkpoint_and_early_stopping_read_the_validation_split() -> None:
    run = trainer(tiny_clip(steps=2, callbacks={**EVERY_STEP, "early_stopping": {"patience": 9}}))
    run.train()
    there, back = (said(run).scalars(f"retrieval/validation/{way}/R@10") for way in ("image_to_text", "text_to_image"))
    own = [(a + b) / 2 for (_, a), (_, b) in zip(there, back, strict=True)]
    assert [value for _, value in said(run).scalars("selection/validation/R@10")] == pytest.approx(own)
    assert [mark.data["value"] for mark in marks(run)] == pytest.approx(sorted({own[0], max(own)}))
    assert marks(run)[0].text.startswith("best R@10 on validation (mean of both directions): ")
    assert run.callback("early_stopping").best.value == pytest.approx(max(own), abs=0.002)  # type: ignore[union-attr]
    assert said(run).scalars("retrieval/test/image_to_text/R@10")
    assert not said(run).scalars("selection/test/R@10")
    assert not [line for line in said(run).of(LogLine) if "test split" in line.text]


def test_where_the_test_split_must_select_that_is_said() -> None:
    run = trainer(tiny_clip(steps=1, callbacks=EVERY_STEP))
    splits = dict(run.feed.splits)
    run.feed.splits = MappingProxyType({name: [] if name == "validation" else rows for name, rows in splits.items()})
    run.train()
    assert said(run).scalars("selection/test/R@10")
    assert "best R@10 on test" in marks(run)[0].text
    assert any("There is no validation split" in line.text for line in said(run).of(LogLine))


def broken_from(run: Trainer, step: int) -> None:
    """From a step on every score is NaN."""
    module = run.experiment.node("info_nce")
    plain = module.score_tables

    def tables(left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = plain(left, right)  # type: ignore[operator]
        return tuple(table * math.nan for table in found) if run.position.step >= step else found  # type: ignore[return-value]

    module.score_tables = tables  # type: ignore[assignment]


@pytest.mark.parametrize("step", [1, 2])
def test_a_model_whose_scores_are_nan_is_never_the_best(step: int) -> None:
    callbacks = {**EVERY_STEP, "early_stopping": {"patience": 2}}
    run = trainer(tiny_clip(steps=9, callbacks=callbacks, diagnostics={"samples": {}}))
    broken_from(run, step)
    assert run.train() == "finished"
    assert [mark.at.step for mark in marks(run)] == list(range(1, step))
    assert run.callback("checkpointing").score is None or step == 2  # type: ignore[union-attr]
    assert [value for _, value in said(run).scalars("retrieval/validation/image_to_text/R@10")][step - 1 :] == [0.0] * 2
    assert run.position.step == step + 1, "two evaluations without a finite score use up the patience"
    assert len([line for line in said(run).of(LogLine) if "are not finite; they rank last" in line.text]) == 2
    assert {event.at.step for event in said(run).of(Samples)} == set(range(1, step)), "NaN names no answer"
    assert ("R@10 on validation was not finite" if step == 1 else "has not improved on") in run.reason


def test_a_best_score_of_another_split_is_not_carried_over() -> None:
    run = trainer(tiny_clip(steps=1, callbacks={**EVERY_STEP, "early_stopping": {}}))
    keeper, patience = run.callback("checkpointing"), run.callback("early_stopping")
    assert keeper is not None
    assert patience is not None
    keeper.load_state({"score": 0.9})  # as it was kept before the split was said
    patience.load_state({"best": 0.9, "waited": 3})
    assert keeper.score is None  # type: ignore[attr-defined]
    assert (patience.best, patience.waited) == (None, 0)  # type: ignore[attr-defined]
    keeper.load_state({"score": 0.4, "split": "validation"})
    assert keeper.score == 0.4  # type: ignore[attr-defined]


def test_a_run_is_chosen_by_the_score_that_it_names() -> None:
    evaluation = {"every": 1, "train": False, "chosen_by": "reconstruction/PSNR"}
    run = trainer(tokenizer(steps=3, callbacks={**EVERY_STEP, "evaluation": evaluation, "early_stopping": {}}))
    run.train()
    own = [value for _, value in said(run).scalars("score/validation/reconstruction/PSNR")]
    assert len(own) == 3
    series = "selection/validation/reconstruction/PSNR"
    assert [value for _, value in said(run).scalars(series)] == own
    assert selecting_series([series, "score/validation/reconstruction/PSNR"]) == series
    assert metric_of(series) == "reconstruction/PSNR"
    best = [max(own[: step + 1]) for step in range(3) if own[step] == max(own[: step + 1])]
    assert [mark.data["value"] for mark in marks(run)] == best
    assert marks(run)[-1].text == f"best PSNR on validation (reconstruction): {best[-1]:.4g}"
    assert run.callback("early_stopping").best.metric == "reconstruction/PSNR"  # type: ignore[union-attr]


def test_of_distances_and_errors_the_lowest_is_best_and_patience_counts_those_that_do_not_fall() -> None:
    fid, psnr = (Figure(split="validation", value=3.0, metric=name) for name in ("unet/FID", "reconstruction/PSNR"))
    assert fid.is_better_than(3.5)
    assert not fid.is_better_than(3.1, by=0.2)
    assert not psnr.is_better_than(3.5)
    assert is_lower_better("score/validation/unet/KID")
    assert not is_lower_better("score/validation/reconstruction/SSIM")
    evaluation = {"every": 1, "train": False, "chosen_by": "next_word/perplexity"}
    run = trainer(tokenizer(steps=3, callbacks={**EVERY_STEP, "evaluation": evaluation, "early_stopping": {}}))
    patience = run.callback("early_stopping")
    assert patience is not None
    for value in (5.0, 4.0, 6.0, 4.5):
        run.selects, run.figure = "validation", Figure(split="validation", value=value, metric="next_word/perplexity")
        patience.evaluated(run)
    assert (patience.best.value, patience.waited) == (4.0, 2)  # type: ignore[attr-defined]
    again = type(patience)(patience.config)
    again.load_state(patience.state())
    assert (again.best, again.waited) == (patience.best, 2)  # type: ignore[attr-defined]


def test_a_score_that_nothing_gives_is_said() -> None:
    evaluation = {"every": 1, "train": False, "chosen_by": "reconstruction/sharpness"}
    run = trainer(tokenizer(steps=1, callbacks={**EVERY_STEP, "evaluation": evaluation, "early_stopping": {}}))
    run.train()
    assert not marks(run)
    assert run.callback("early_stopping").waited == 0  # type: ignore[union-attr]
    assert any("No held-out score is called" in line.text for line in said(run).of(LogLine))
