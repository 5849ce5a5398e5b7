"""A run on a disk that is full: what it learned and could not save is never called finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.problems import refuse
from core.runs.execute import execute
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.training.callbacks import checkpointing
from core.training.callbacks.checkpointing import Checkpointing
from tests.core.runs.running import queued
from tests.documents import tiny_clip


@pytest.mark.parametrize("failures", [3, 1000])
def test_a_disk_that_is_full_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    honest, left = CheckpointFolder.save, [failures]

    def save(folder: CheckpointFolder, *given: object, **named: object) -> Path:
        if left[0]:
            left[0] -= 1
            raise refuse("The disk is full: the checkpoint was not written (0 MiB free).")
        return honest(folder, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(CheckpointFolder, "save", save)
    monkeypatch.setattr(Checkpointing, "patience_seconds", 0.2)
    monkeypatch.setattr(checkpointing, "SECONDS_BETWEEN_TRIES", 0.01)
    with Store.open(tmp_path / "runs.db") as store:
        library, uid = Library(store), queued(store, tiny_clip(steps=4, callbacks={"checkpointing": {"every": 2}}))
        status = execute(store, uid)
        facts, kept = library.facts(uid), [each.step for each in library.reader(uid).checkpoints()]
        if failures == 3:
            assert (status, facts.status, kept) == ("finished", "finished", [4])
            return
        assert (status, facts.status, kept) == ("failed", "failed", [])
        assert "what it learned could not be saved: The disk is full" in facts.reason
        left[0] = 0
        assert execute(store, uid) == "finished"
        assert [each.step for each in library.reader(uid).checkpoints()][-1] == 4
