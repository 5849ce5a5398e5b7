"""Records that the packages themselves have written, read here and by their own readers: every value, step and time.

Each needs its package, which the studio does not bring; ``pip install mlflow==3.17.2 wandb==0.31.0 trackio==0.43.0 lightning-fabric==2.6.6`` where they are
wanted.
"""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import textwrap
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.telemetry.events import Pictures, Sounds
from tests.core.records.reading import only_run, said

pytestmark = pytest.mark.long
ALONE = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB__DISABLE_STATS": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


def written(package: str, folder: Path, program: str) -> str:
    """What a program in a process of its own prints; skipped where the package is not installed."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    environment = {**os.environ, **ALONE, "WANDB_DIR": str(folder), "TRACKIO_DIR": str(folder), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


MLFLOW = """
    import json, mlflow
    mlflow.set_tracking_uri({uri!r})
    mlflow.set_experiment("exp one")
    with mlflow.start_run(run_name="nice") as run:
        mlflow.log_params({{"lr": 0.1, "deep/x": "words"}})
        for step, value in enumerate([1.0, 0.5, float("nan"), float("inf"), float("-inf"), 1e-300]):
            mlflow.log_metric("loss", value, step=3 * step)
        mlflow.log_metric("val/acc", 0.3, step=-2)
    client = mlflow.MlflowClient()
    history = [client.get_metric_history(run.info.run_id, key) for key in ("loss", "val/acc")]
    print(json.dumps([[[each.step, each.value, each.timestamp] for each in one] for one in history]))
"""


@pytest.mark.parametrize("uri", ["file:mlruns", "sqlite:///mlflow.db"])
def test_mlflow(tmp_path: Path, uri: str) -> None:

    printed = written(
        "mlflow", tmp_path, MLFLOW.format(uri=uri if uri.startswith("sqlite") else (tmp_path / "mlruns").as_uri())
    )
    theirs, run = json.loads(printed), only_run(tmp_path)
    assert (run.name, run.group, run.status, run.settings) == (
        "nice",
        "exp one",
        "finished",
        {"lr": 0.1, "deep/x": "words"},
    )
    for name, history in zip(("loss", "val/acc"), theirs):
        history = sorted(history)
        points = run.series[name]
        assert points.steps.tolist() == [step for step, _, _ in history]
        assert points.walls.tolist() == [milliseconds / 1000 for _, _, milliseconds in history]
        largest = [math.copysign(math.inf, value) if abs(value) > 1e308 else value for _, value, _ in history]
        assert points.values.tolist() == pytest.approx(largest, rel=0, nan_ok=True)


def test_wandb(tmp_path: Path) -> None:
    program = """
        import wandb
        run = wandb.init(project="proj", name="nice", config={"lr": 0.1, "model": {"width": 3}})
        for step in range(5):
            run.log({"loss": 1 / (step + 1), "nested": {"x": step}})
        run.log({"loss": float("nan"), "up": float("inf")})
        run.log({"loss": 7.0}, step=20)
        run.log({"loss": 8.0, "acc": 1}, step=20)
        run.log({"h": wandb.Histogram([1, 2, 2, 3.5])}, step=30)
        run.finish()
        print("written")
    """
    assert written("wandb", tmp_path, program)
    run = only_run(tmp_path)
    assert (run.title, run.name, run.group, run.status) == ("W&B", "nice", "proj", "finished")
    assert run.settings == {"lr": 0.1, "model.width": 3}
    assert said(run, "loss")[:5] == [(step, 1 / (step + 1)) for step in range(5)]
    assert said(run, "loss")[6:] == [(20, 8.0)]
    assert said(run, "nested.x") == [(step, float(step)) for step in range(5)]
    assert said(run, "up") == [(5, math.inf)]
    assert int(run.moments[0].event.counts.sum()) == 4  # type: ignore[union-attr]


def test_trackio(tmp_path: Path) -> None:

    program = """
        import json, trackio
        from trackio.sqlite_storage import SQLiteStorage
        trackio.init(project="proj", name="nice", config={"lr": 0.1})
        for step in range(5):
            trackio.log({"loss": 1 / (step + 1), "other": step})
        trackio.log({"loss": float("nan"), "up": float("inf")})
        trackio.log({"loss": 7.0}, step=20)
        trackio.finish()
        rows = SQLiteStorage.get_logs("proj", "nice")
        print(json.dumps([[row["step"], row["timestamp"], row.get("loss")] for row in rows]))
    """

    theirs, run = json.loads(written("trackio", tmp_path, program)), only_run(tmp_path)
    assert (run.name, run.group, run.settings) == ("nice", "proj", {"lr": 0.1})
    points = run.series["loss"]
    assert points.steps.tolist() == [step for step, _, _ in theirs]
    assert points.walls.tolist() == [datetime.fromisoformat(at).timestamp() for _, at, _ in theirs]
    assert points.values.tolist() == pytest.approx([float(value) for _, _, value in theirs], rel=0, nan_ok=True)
    assert said(run, "up") == [(5, math.inf)]


def test_lightning(tmp_path: Path) -> None:
    program = """
        from lightning_fabric.loggers import CSVLogger
        logger = CSVLogger(".", name="logs", flush_logs_every_n_steps=2)
        for step in range(4):
            logger.log_metrics({"loss": 1 / (step + 1)}, step=step)
        logger.log_metrics({"val": float("nan"), "up": float("inf")}, step=3)
        logger.log_metrics({"loss": 0.1}, step=2)
        logger.finalize("success")
        print("written")
    """
    assert written("lightning_fabric", tmp_path, program)
    run = only_run(tmp_path)
    assert (run.title, run.name, run.group) == ("Lightning CSV", "version_0", "logs")
    assert said(run, "loss") == [(0, 1.0), (1, 0.5), (2, 0.1), (3, 0.25)]
    assert said(run, "up") == [(3, math.inf)]


MEDIA = """
    import numpy as np
    import {package} as tracker
    tracker.init(project="proj", name="nice")
    tracker.log({{"dream": tracker.Image(np.arange(126, dtype=np.uint8).reshape(6, 7, 3))}})
    tracker.log({{"voice": tracker.Audio(np.sin(np.arange(800) / 10).astype(np.float32) / 2, sample_rate=8000)}})
    tracker.finish()
    print("written")
"""


@pytest.mark.parametrize("package", ["wandb", "trackio"])
def test_images_and_audio_beside_the_record(tmp_path: Path, package: str) -> None:
    assert written(package, tmp_path, MEDIA.format(package=package))
    dream, voice = (moment.event for moment in only_run(tmp_path).moments)
    assert isinstance(dream, Pictures)
    assert isinstance(voice, Sounds)
    pixels = np.asarray(Image.open(io.BytesIO(dream.pictures[0])).convert("RGB"))
    np.testing.assert_array_equal(pixels, np.arange(126, dtype=np.uint8).reshape(6, 7, 3))
    assert (dream.series, voice.series, voice.hertz, np.shape(voice.sounds)) == (
        "made/dream",
        "made/voice",
        8000,
        (1, 800),
    )
