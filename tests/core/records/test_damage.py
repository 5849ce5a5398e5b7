"""Records that are cut off or damaged anywhere: what can be read is read, the rest is a sentence, and nothing else ever happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.records.looking import look
from tests.core.records import events, test_lightning, test_mlflow, test_trackio, test_wandb
from tests.core.records.test_mlflow import database  # noqa: F401 - a fixture

TIMES = 25


def tensorboard(folder: Path) -> Path:
    many = [events.event(1.7e9 + s, s, summary=events.scalar("loss", s)) for s in range(20)]
    return events.write(folder, [*many, events.event(1.7e9, 3, summary=events.double_tensor("new", 1.0))])


def wandb(folder: Path) -> Path:
    many = [test_wandb.history(s, test_wandb.nested("loss", value=s / 3)) for s in range(20)]
    return test_wandb.write(folder, test_wandb.about(lr=0.1), *many)


def trackio(folder: Path) -> Path:
    test_trackio.write(folder / "proj.db", [("a", s, {"loss": s / 3}) for s in range(200)])
    return folder / "proj.db"


def lightning(folder: Path) -> Path:
    (folder / "metrics.csv").write_text(test_lightning.TABLE)
    return folder / "metrics.csv"


def mlflow(folder: Path) -> Path:
    return test_mlflow.folder(folder) / "7621" / test_mlflow.UID / "meta.yaml"


SUMMED = (tensorboard, wandb)  # each record has a checksum: what is damaged is not taken for a value


@pytest.mark.parametrize("make", [tensorboard, wandb, trackio, lightning, mlflow])
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_whatever_is_damaged_is_said(tmp_path: Path, make: Callable[[Path], Path], how: str) -> None:
    file = make(tmp_path)
    whole, random = file.read_bytes(), np.random.default_rng(0)
    figures = sum(run.figures for run in look(tmp_path).runs)
    assert figures
    for _ in range(TIMES):
        data = bytearray(whole)
        if how == "cut":
            del data[int(random.integers(len(data))) :]
        else:
            for place in random.integers(len(data), size=3):
                data[place] ^= int(random.integers(1, 256))
        file.write_bytes(bytes(data))
        found = look(tmp_path)
        assert all(problem.what and problem.what.endswith(".") for problem in found.problems)
        if make in SUMMED:
            assert sum(run.figures for run in found.runs) < figures


def test_a_damaged_mlflow_database_is_said(tmp_path: Path, database: Path) -> None:  # noqa: F811
    whole, random = database.read_bytes(), np.random.default_rng(1)
    for _ in range(TIMES):
        data = bytearray(whole)
        data[int(random.integers(16, len(data))) :][:40] = random.bytes(40)
        database.write_bytes(bytes(data[: len(whole)]))
        look(tmp_path)
