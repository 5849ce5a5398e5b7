"""``studio budget`` tells what a run takes; of a run that was measured, what was foretold stands beside what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.graph.budget.learning import MEMORY, PROCESSOR, SECONDS, Ratios, audit
from core.graph.budget.measured import budget_key
from core.graph.file import write
from core.runs.budget import kept
from core.store.database import Store
from core.store.library import Library
from studio.cli import main
from studio.commands.budget import beside
from tests.budgets import MEASURED
from tests.documents import tiny_clip

ROOT = Path(__file__).resolve().parents[3]
DRAWN = tiny_clip(steps=1000, callbacks={"evaluation": {"every": 100}}, diagnostics={"attention": {"every": 50}})


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A drawing that was measured before."""
    write(DRAWN, tmp_path / "tiny.cms.json")
    kept.keep(replace(MEASURED, key=budget_key(DRAWN)))
    kept.keep_ratios(Ratios(by_kind={MEMORY: (1.1, 1.1, 1.1)}))
    return str(tmp_path / "tiny.cms.json")


def test_the_budget_is_told_with_its_parts_and_its_correction(file: str, capsys: Any) -> None:
    assert main(["budget", file, "--kept"]) == 0
    told = capsys.readouterr().out
    assert "peak memory: 770 MiB (corrected by 1.10 from 3 runs)" in told
    assert "evaluation" in told
    assert "Not in these numbers: Breakpoints." in told
    assert main(["budget", file, "--kept", "--forget", "--json", "--steps", "2000"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["predicted"][MEMORY] == 700.0
    assert found["budget"]["steps"] == 2000
    assert found["learned"] == {}


def test_predicted_stands_beside_taken() -> None:
    assert beside({SECONDS: (200.0, 250.0), MEMORY: (800.0, 2048.0)}) == [
        "time: predicted 3 min 20 s, took 4 min 10 s (× 1.25)", "peak memory: predicted 800 MiB, took 2.0 GiB (× 2.56)",
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("name", "steps"), [("mini_clip", 60), ("vq_vae", 60), ("frozen_text", 100)])
def test_predictions_of_the_gallery_hold(name: str, steps: int, tmp_path: Path) -> None:
    """Before anything was learned on this machine, whatever else it does meanwhile: processor time is compared, not the clock."""
    words = ["run", name, "--steps", str(steps), "--set", "recipe.threads=1", "--budget", "--place", "process"]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "studio", *words, "--store", str(tmp_path / "runs.db")]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    with Store.open(tmp_path / "runs.db") as store:
        (facts,) = Library(store).runs()
    for kind in (PROCESSOR, MEMORY):
        predicted, taken = audit(facts.last)[kind]
        assert 0.65 < taken / predicted < 1.5
