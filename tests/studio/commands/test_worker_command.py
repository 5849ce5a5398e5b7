"""``sweep --place worker`` only queues; ``worker`` does it, says what it does, and ends."""

from __future__ import annotations

import dataclasses
import shlex
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


def test_what_is_queued_for_workers_is_done_by_one(
    slow_where: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = tmp_path / "plan.cms.json"
    write(plan(), drawn)
    files = ["--files", "shared files"] if slow_where.startswith("postgresql") else []
    assert main(["sweep", str(drawn), "--place", "worker", "--store", slow_where, *files]) == 0
    told = capsys.readouterr().out
    assert "is queued. Train it: python -m studio worker --store" in told
    with Store.open(slow_where, files=files[-1] if files else None) as store:
        (waiting,) = Sweeps(store).all()
        assert (waiting.state, waiting.counts) == ("queued", {"queued": 2})
        command = shlex.split(told.partition("Train it: ")[2].strip())
        where = [str(tmp_path / name) if name == "shared files" else name for name in files]
        assert command == ["python", "-m", "studio", "worker", "--store", store.url, *where]
        assert main(command[3:]) == 0
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
