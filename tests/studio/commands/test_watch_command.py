"""``python -m studio watch``: a run that another process trains is followed to its end and left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import At, Mark, Scalars, StatusChange
from studio.cli import main
from studio.commands import watch
from tests.core.runs.running import queued
from tests.documents import tiny_clip


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def begun(kept: Path, status: str = "running") -> str:
    with Store.open(kept) as store:
        uid = queued(store, tiny_clip(steps=40))
        recorder = Library(store).recorder(uid)
        recorder.say(StatusChange(at=At(step=0, seconds=0.0), status="running"))
        for step in range(1, 21):
            now = At(step=step, seconds=step / 10)
            recorder.say(
                Scalars(at=now, values={"loss": 4.0 - step / 10, "loss/info_nce": 4.0 - step / 10, "gradient/vit": 1.0})
            )
        recorder.say(Mark(at=now, kind="best", text="best R@10 on validation: 12.5 %"))
        if status != "running":
            recorder.say(StatusChange(at=now, status=status, reason="why not" if status == "failed" else ""))
        recorder.close()
    return uid


def test_how_a_run_is_now(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uid = begun(kept)
    assert main(["watch", uid[:8], "--store", str(kept), "--once"]) == 0
    told = capsys.readouterr().out
    assert "step 20 of 40" in told
    assert "loss/info_nce" in told
    assert "gradient" not in told
    assert "best R@10 on validation: 12.5 %" in told
    assert "█" in told
    assert "▁" in told


def test_an_ended_run_ends_the_watch_with_its_report_and_code(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = begun(kept, "finished"), begun(kept, "failed")
    assert main(["watch", good, "--store", str(kept)]) == 0
    assert f"run {good}" in capsys.readouterr().out
    assert main(["watch", bad, "--store", str(kept)]) == 1
    assert "why not" in capsys.readouterr().out


def test_lines_come_as_long_as_the_run_goes_on(
    kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = begun(kept)
    looks = iter(range(3))

    def another_look(_: float) -> None:
        """Between two looks the run goes on, and in the end it finishes."""
        look = next(looks)
        with Store.open(kept) as store:
            recorder = Library(store).recorder(uid)
            now = At(step=21 + look, seconds=3.0 + look)
            recorder.say(Scalars(at=now, values={"loss": 1.0 - look / 10}))
            if look == 2:
                recorder.say(StatusChange(at=now, status="finished"))
            recorder.close()

    monkeypatch.setattr(watch.time, "sleep", another_look)
    assert main(["watch", uid, "--store", str(kept), "--json", "--figure", "loss"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == [20, 21, 22, 23]
    assert [line["status"] for line in lines] == ["running"] * 3 + ["finished"]
    assert [round(line["figures"]["loss"], 2) for line in lines] == [2.0, 1.0, 0.9, 0.8]


def test_a_figure_that_was_never_said_is_a_sentence(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uid = begun(kept, "finished")
    assert main(["watch", uid, "--store", str(kept), "--figure", "accuracy"]) == 2
    assert "no figure called accuracy" in capsys.readouterr().err
    assert main(["watch", "nobody", "--store", str(kept)]) == 2


def test_control_c_leaves_the_run_alone(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = begun(kept)

    def pressed(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", pressed)
    assert main(["watch", uid, "--store", str(kept)]) == 0
    with Store.open(kept) as store:
        assert Library(store).facts(uid).status == "running"


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([0, 1], "▁█"),
        ([1, 1, 1], "▁▁▁"),
        ([0, float("nan"), 8], "▁ █"),
        ([float("nan")], ""),
        (list(range(8)), "▁▂▃▄▅▆▇█"),
    ],
)
def test_a_course_is_drawn_from_the_least_to_the_largest(values: list[float], drawn: str) -> None:
    assert watch.course(values) == drawn


def test_a_long_course_is_the_mean_of_equal_parts() -> None:
    assert watch.course([0, 2] * 50 + [10, 12] * 50, columns=2) == "▁█"
