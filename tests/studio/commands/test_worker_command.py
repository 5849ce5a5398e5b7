"""``sweep --place worker`` only queues; ``worker`` does it, says what it does, and ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from core.graph.document import Document
from core.graph.file import write
from core.graph.sweep import Axis, Sweep
from core.store.database import Store
from core.store.sweeps import Sweeps
from studio.cli import main
from tests.documents import tiny_clip


def plan() -> Document:
    sweep = Sweep(
        axes=(Axis(path="info_nce.temperature", name="τ", values=(0.05, 0.5)),),
        seeds=1,
        metric="loss",
        direction="lower",
    )
    return dataclasses.replace(tiny_clip(steps=2), sweep=sweep)


def test_what_is_queued_for_workers_is_done_by_one(slow_where: str, tmp_path: Path, capsys: Any) -> None:
    drawn = tmp_path / "plan.cms.json"
    write(plan(), drawn)
    assert main(["sweep", str(drawn), "--place", "worker", "--store", slow_where]) == 0
    assert "is queued. Train it: python -m studio worker --store" in capsys.readouterr().out
    with Store.open(slow_where) as store:
        (waiting,) = Sweeps(store).all()
        assert (waiting.state, waiting.counts) == ("queued", {"queued": 2})
        assert main(["worker", "--store", slow_where]) == 0
        said = capsys.readouterr().out
        assert "takes trials from" in said
        assert "tiny clip: begins trial 0." in said
        assert "tiny clip: trial 1 finished, loss " in said
        assert said.endswith("Nothing is left to do; 2 trials were finished here.\n")
        assert Sweeps(store).all()[0].state == "finished"


def test_a_store_that_is_away_is_a_sentence(capsys: Any) -> None:
    pytest.importorskip("psycopg")
    for command in ("worker", "runs", "sweeps"):
        assert main([command, "--store", "postgresql://ada:geheim@127.0.0.1:1/runs"]) == 2
        told = capsys.readouterr()
        assert "127.0.0.1:1 cannot be reached" in told.err
        assert "geheim" not in told.err + told.out


def test_a_store_by_url_is_not_repaired_here(capsys: Any) -> None:
    assert main(["repair", "postgresql://ada:geheim@db/runs"]) == 2
    assert capsys.readouterr().err.startswith("A store by URL is mended where it is kept.")
