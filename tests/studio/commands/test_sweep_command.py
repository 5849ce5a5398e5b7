"""``python -m studio sweep`` and ``sweeps``: progress, the table, JSON, going on, exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.graph.file import write
from core.graph.sweep import Axis, Change, Sweep
from studio.cli import main
from tests.documents import tiny_clip


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    drawn = tiny_clip(steps=3, callbacks={"evaluation": {"every": 3, "most": 32, "train": False}})
    axis = Axis(path="info_nce.temperature", name="τ", values=(0.05, 0.5))
    path = tmp_path / "plan.cms.json"
    write(
        replace(drawn, sweep=Sweep(axes=(axis,), seeds=1, metric="loss", direction="lower", costs=("throughput",))),
        path,
    )
    return path


def run(capsys: Any, *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(word) for word in words])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_a_sweep_ends_with_its_table_and_is_not_run_again(capsys: Any, plan: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    code, out, _ = run(capsys, "sweep", plan, "--store", store, "--seeds", 2)
    assert code == 0
    for words in ("τ 0.05", "τ 0.5", "95 % CI", "throughput", "2 seeds", "is finished: 4 finished"):
        assert words in out
    code, again, _ = run(capsys, "sweep", plan, "--store", store, "--seeds", 2, "--table", tmp_path / "table.tex")
    assert (code, again) == (0, out)
    latex = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert all(word in latex for word in (r"\toprule", r"\bottomrule", "0.05", r"95 \% CI"))
    assert run(capsys, "sweep", plan, "--store", store, "--seeds", 2, "--table", tmp_path / "table.csv")[0] == 0
    assert (tmp_path / "table.csv").read_text(encoding="utf-8").startswith("configuration,")
    code, lines, _ = run(capsys, "sweep", plan, "--store", store, "--seeds", 1, "--json")
    said = [json.loads(line) for line in lines.splitlines()]
    assert code == 0
    assert {line["state"] for line in said[:-1]} <= {"running", "finished"}
    assert [configuration["configuration"] for configuration in said[-1]["configurations"]] == ["τ 0.05", "τ 0.5"]
    assert said[-1]["verdict"] == "few"
    assert said[-1]["trials"] == {"finished": 2}
    code, listed, _ = run(capsys, "sweeps", "--store", store, "--json")
    assert [(one["state"], one["done"], one["trials"]) for one in json.loads(listed)] == [
        ("finished", 4, 4),
        ("finished", 2, 2),
    ]
    code, shown, _ = run(capsys, "sweeps", "--store", store)
    assert shown.count("tiny clip") == 2
    code, found, _ = run(capsys, "sweep", said[-1]["sweep"], "--store", store)
    assert code == 0
    assert "τ 0.5" in found


def test_a_failed_trial_is_said_and_tried_again(capsys: Any, plan: Path, tmp_path: Path) -> None:
    configurations = Axis(
        name="configurations", changes=(Change(name="broken", muted=("info_nce",)), Change(name="whole"))
    )
    write(
        replace(tiny_clip(steps=2), sweep=Sweep(axes=(configurations,), seeds=1, metric="loss", direction="lower")),
        plan,
    )
    code, out, error = run(capsys, "sweep", plan, "--store", tmp_path / "runs.db", "--stop-on-error")
    assert code == 1
    assert "1 failed, 1 queued" in out
    assert "Nothing can be trained" in error
    code, out, _ = run(capsys, "sweep", plan, "--store", tmp_path / "runs.db")
    assert code == 0
    assert "1 failed, 1 finished" in out
    code, out, _ = run(capsys, "sweep", plan, "--store", tmp_path / "runs.db", "--retry")
    assert "1 failed, 1" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("mini_clip",), "has no sweep"),
        (("nowhere",), "no file and no example"),
        (("temperature_sweep", "--seeds", "0"), "must lie between 1 and 10,000"),
        (("temperature_sweep", "--table", "table.xls"), "No table is written as 'table.xls'."),
    ],
)
def test_what_cannot_be_is_a_sentence(capsys: Any, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    code, _, error = run(capsys, "sweep", *words, "--store", tmp_path / "runs.db")
    assert code == 2
    assert sentence in error


def test_an_empty_store_says_how_to_begin(capsys: Any, tmp_path: Path) -> None:
    assert "studio sweep temperature_sweep" in run(capsys, "sweeps", "--store", tmp_path / "runs.db")[1]
