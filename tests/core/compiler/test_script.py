"""The exported script, run in a process of its own, has the trainer's losses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.compiler.compile import compile
from core.compiler.script import script
from core.graph import edits
from core.graph.document import Document
from core.graph.recipe import Choice, Rule
from tests.core.training.running import trainer
from tests.core.training.test_batching import scenes
from tests.core.training.test_momentum import with_negatives
from tests.documents import tiny_clip

ROOT = Path(__file__).parents[3]


def told(document: Document, folder: Path) -> list[float]:
    """The losses the script prints."""
    path = folder / "experiment.py"
    path.write_text(script(compile(document), path.name))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("step ")]


def losses(document: Document) -> list[float]:
    """The trainer's own."""
    run = trainer(document)
    run.train()
    return [value for _, value in run.listener.scalars("loss")]  # type: ignore[attr-defined]


def test_the_script_trains_the_same_model(tmp_path: Path) -> None:
    document = tiny_clip(steps=4, callbacks={"clipping": {"norm": 0.5}}, rules={"vit": Rule(learning_rate=1e-4)})
    document = edits.change_node(document, "projection", repeat=2)
    assert told(document, tmp_path) == pytest.approx(losses(document), abs=2e-5)


@pytest.mark.long
def test_the_script_packs_as_the_recipe_says(tmp_path: Path) -> None:
    document = scenes()
    assert told(document, tmp_path) == pytest.approx(losses(document), abs=2e-5)


@pytest.mark.long
def test_what_changes_along_the_run_changes_in_the_script(tmp_path: Path) -> None:
    """A queue of earlier keys, a curriculum of negatives, unmasked tuning at the end, and LAMB."""
    document = tiny_clip(steps=6, optimizer=Choice(key="lamb", knobs={"beta_2": 0.95}))
    chain = (("negatives.queue", {"size": 40, "momentum": 0.0}), ("negatives.mix", {"schedule": "thirds", "count": 8}))
    document = with_negatives(document, *chain)
    document = edits.set_knob(document, "vit", "unmasked", 0.4)
    ours = losses(document)
    assert told(document, tmp_path) == pytest.approx(ours, abs=2e-5)
    assert losses(edits.set_knob(document, "vit", "unmasked", 0.0))[4:] != pytest.approx(ours[4:], abs=1e-3)


def test_what_the_script_does_otherwise_stands_in_its_head() -> None:
    document = tiny_clip(callbacks={"clipping": {"per": "modality"}, "ema": {}})
    text = script(compile(with_negatives(document, ("negatives.queue", {"size": 40}))))
    head = text.split("import math")[0]
    for words in ("Left out: ema.", "not by block or modality", "The queue queue stays empty"):
        assert words in head
