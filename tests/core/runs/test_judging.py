"""A trained run is judged later: the very scores that it would have said itself, and by any judge."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from core.problems import Refused
from core.runs.execute import checkpoint_folder
from core.runs.judging import judged
from core.store.database import Store
from core.store.library import Library
from studio.cli import main
from studio.commands.judge import table_of
from tests.core.compiler.answers.test_making_by_diffusion import drawer
from tests.core.runs.running import started
from tests.documents import tiny_clip

SETTINGS = {"most": 12, "steps": 1}


@pytest.mark.long
def test_a_run_is_judged_later_as_it_would_have_been_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callbacks = {"evaluation": {"every": 4, "train": False}, "ema": {"decay": 0.5}, "checkpointing": {"every": 4}}
    with Store.open(tmp_path / "runs.sqlite") as store:
        judge = started(store, tiny_clip(steps=2, callbacks={"checkpointing": {"every": 2}}))
        judge.join(60)
        settings = {**SETTINGS, "judge": str(checkpoint_folder(store, judge.uid))}
        run = started(store, drawer(callbacks={**callbacks, "made_scores": settings}))
        run.join(60)
        last = Library(store).find(run.uid).last
        own = ["--store", str(tmp_path / "runs.sqlite")]
        assert main(["judge", run.uid, "--by", run.uid, *own]) == 2
        assert "cannot judge itself" in capsys.readouterr().err
        assert main(["judge", run.uid, "--by", judge.uid, "--most", "12", "--steps", "1", "--json", *own]) == 0
    later = json.loads(capsys.readouterr().out)
    said = {name: value for name, value in last.items() if name.startswith("score/") and "/unet/" in name}
    assert len(said) > 40
    assert later["scores"] == said
    assert any("features: the image tower of tiny clip" in line for line in later["said"])


def test_a_table_shows_what_was_made_beside_real_images_the_lookup_and_chance() -> None:
    scores = {"R@1": 0.05, "R@10": 0.25, "R@10, 95 % from": 0.2, "R@10, 95 % to": 0.31, "lookup R@1": 0.2, "chance R@10": 0.049,
              "training KID": -0.0001}  # fmt: skip
    out = StringIO()
    Console(file=out, width=120).print(table_of("test, unet, N 204", scores))
    title, head, trained, lookup, made, chance = [line.strip() for line in out.getvalue().splitlines()]
    assert title == "test, unet, N 204"
    assert head.split("  ")[0] == "shown"
    assert lookup.split() == ["training", "image", "of", "the", "nearest", "caption", "20.0", "%"]
    assert trained.split() == ["as", "many", "training", "images", "-0.0001"]
    assert made.split() == ["made", "5.0", "%", "25.0", "%", "(20.0", "to", "31.0)"]
    assert chance.split() == ["chance", "4.9", "%"]


def test_a_run_that_makes_nothing_cannot_be_judged(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        run = started(store, tiny_clip(steps=2, callbacks={"checkpointing": {"every": 2}}))
        run.join(60)
        with pytest.raises(Refused, match="makes no images"):
            judged(checkpoint_folder(store, run.uid), SETTINGS)
