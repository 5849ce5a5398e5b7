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
from core.graph.recipe import Rule
from tests.core.training.running import trainer
from tests.documents import tiny_clip

ROOT = Path(__file__).parents[3]


def test_the_script_trains_the_same_model(tmp_path: Path) -> None:
    document = tiny_clip(steps=4, habits={"clipping": {"norm": 0.5}}, rules={"vit": Rule(learning_rate=1e-4)})
    document = edits.change_node(document, "projection", repeat=2)
    path = tmp_path / "experiment.py"
    path.write_text(script(compile(document), path.name))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    losses = [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("step ")]
    run = trainer(document)
    run.train()
    ours = [value for _, value in run.listener.scalars("loss")]  # type: ignore[attr-defined]
    assert losses == pytest.approx(ours, abs=2e-5)
