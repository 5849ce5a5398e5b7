"""Another commit beside this one: figures by name, medians of the rounds, ratios, promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.problems import Refused
from studio.benches import against
from studio.benches.against import compared, laid_out
from studio.cli import main

HOMES = (Path("overlaid"), Path("plain"))


def entry(error: str = "", **values: float) -> dict[str, Any]:
    figures = [{"name": n, "unit": "s", "value": v, "share": 0.5 if n == "fast" else None} for n, v in values.items()]
    return {"title": "A bench", "figures": [] if error else figures, "error": error}


def answering(monkeypatch: pytest.MonkeyPatch, answers: dict[Path, list[dict[str, Any]]]) -> None:
    monkeypatch.setattr(against, "in_a_process", lambda name, home=against.ROOT: answers[home].pop(0))


def test_ratios_are_of_medians_and_promises_of_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [entry(fast=2.0, new=1.0), entry(fast=9.0, new=1.0), entry(fast=3.0, new=1.0)]
    theirs = [entry(fast=8.0, old=1.0), entry(fast=5.0, old=1.0), entry(fast=5.0, old=1.0)]
    answering(monkeypatch, {against.ROOT: ours, HOMES[0]: theirs})
    _, figures, note = compared("some", HOMES, rounds=3)
    assert note == ""
    fast, new = figures
    assert (fast.ours, fast.theirs, fast.ratio, fast.is_kept) == (3.0, 5.0, 0.6, False)
    assert (new.theirs, new.ratio, new.is_kept) == (None, None, True)


def test_an_old_build_that_cannot_run_our_bench_runs_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {
        against.ROOT: [entry(fast=1.0)] * 2, HOMES[0]: [entry("ImportError: no such name")], HOMES[1]: [entry(fast=4.0)] * 2,
    })  # fmt: skip
    _, figures, note = compared("some", HOMES, rounds=2)
    assert "no such name" in note
    assert figures[0].ratio == 0.25
    assert figures[0].is_kept


def test_what_is_no_commit_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match=r"no commit 'nowhere-at-all'|no git checkout"), laid_out("nowhere-at-all"):
        pass
    assert main(["bench", "experts", "--against", "nowhere-at-all"]) != 0
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert "nowhere-at-all" in said or "git" in said
