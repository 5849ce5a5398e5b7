"""Records that no program means but some file says: without an end, beyond every number, shut. All else in the folder is read."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.records import looking
from core.records.gathering import MOST_DEEP, flat
from core.records.keeping import bring
from core.records.logged_values import plain
from core.records.looking import look
from core.store.database import Store
from core.store.library import Library
from tests.core.records import test_trackio
from tests.core.records.reading import only_run, said


def csv_run(folder: Path, table: str = "step,loss\n1,0.5\n2,0.25\n", settings: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.csv").write_text(table)
    if settings:
        (folder / "hparams.yaml").write_text(settings)
    return folder


def mlflow_run(folder: Path, begun: str) -> Path:
    (folder / "metrics").mkdir(parents=True)
    (folder / "meta.yaml").write_text(f"run_id: {folder.name}\nstart_time: {begun}\nstatus: 3\n")
    (folder / "metrics" / "loss").write_text(f"1700000000000 0.5 1\n{'9' * 60} 0.25 2\n")
    return folder


def test_a_cell_that_is_too_long_costs_its_row_and_nothing_else(tmp_path: Path) -> None:
    csv_run(tmp_path / "long", f"step,loss,note\n1,0.5,\n2,0.4,{'x' * 200_000}\n3,0.25,\n")
    before = csv.field_size_limit(131_072)  # Python's own; other readers of tables lift it for the whole process
    try:
        run = only_run(tmp_path)
    finally:
        csv.field_size_limit(before)
    assert said(run, "loss") == [(1, 0.5), (3, 0.25)]
    assert "Left out: 1 rows that are not as CSV is written." in run.remarks


@pytest.mark.parametrize("settings", ["a: &a\n  b: *a\n  c: 1\n", "a: &a\n  b: *a\n  c: *a\n"])
def test_settings_that_hold_themselves_have_an_end(tmp_path: Path, settings: str) -> None:
    run = only_run(csv_run(tmp_path / "loop", settings=settings))
    assert run.settings
    assert max(name.count(".") for name in run.settings) < MOST_DEEP
    assert said(run, "loss") == [(1, 0.5), (2, 0.25)]


@pytest.mark.parametrize("settings", ["[" * 3000, "? [1, 2]\n: 3\n"])
def test_settings_that_cannot_be_read_do_not_hide_the_figures(tmp_path: Path, settings: str) -> None:
    run = only_run(csv_run(tmp_path / "odd", settings=settings))
    assert said(run, "loss") == [(1, 0.5), (2, 0.25)]
    assert run.settings == {}
    assert any("hparams.yaml is no YAML file" in remark for remark in run.remarks)


def test_a_whole_number_beyond_every_float_is_kept_as_text(tmp_path: Path) -> None:
    digits = "9" * 400
    assert plain(digits) == digits
    assert flat({"a": 2**70, "b": int(digits)})["a"] == 2**70
    csv_run(tmp_path / "records" / "large", settings=f"seed: 0x{'f' * 6000}\nlr: 0.5\n")
    store = Store.open(tmp_path / "runs.sqlite")
    found = look(tmp_path / "records")
    came = bring(store, [run.place for run in found.runs], tmp_path / "records")
    params = Library(store).params(came.kept[0].uid)
    assert params["lr"] == 0.5
    assert str(params["seed"]).startswith("0xffff")
    store.close()


@pytest.mark.parametrize("begun", ["1.0e+30", ".nan", ".inf", "-1.0e+15", "99999999999999999"])
def test_a_beginning_that_is_no_time_is_the_time_of_the_file(tmp_path: Path, begun: str) -> None:
    folder = mlflow_run(tmp_path / "records" / "r", begun)
    store = Store.open(tmp_path / "runs.sqlite")
    found = look(tmp_path / "records")
    assert "It says no time at which it can have begun: the time of its file counts." in found.runs[0].remarks
    came = bring(store, [run.place for run in found.runs], tmp_path / "records")
    facts = Library(store).facts(came.kept[0].uid)
    assert facts.created == folder.stat().st_mtime
    assert 0 <= facts.seconds < 1e6
    store.close()


def test_a_histogram_that_promises_more_bins_than_it_has_is_left_out(tmp_path: Path) -> None:
    packed = {"_type": "histogram", "packedBins": {"min": 0, "size": 1, "count": 10**12}, "values": [1]}
    test_trackio.write(tmp_path / "proj.db", [("a", 0, {"loss": 1.0}), ("a", 1, {"h": packed})])
    run = only_run(tmp_path)
    assert said(run, "loss") == [(0, 1.0)]
    assert run.moments == ()


def test_a_folder_that_may_not_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shut = csv_run(tmp_path / "shut")
    csv_run(tmp_path / "open")
    walk = os.walk

    def without_rights(top: Path, *, onerror: Any = None, **rest: Any) -> Iterator[Any]:
        for where, folders, names in walk(top, **rest):
            if Path(where) == shut:
                if onerror is not None:
                    onerror(PermissionError(13, "Permission denied", str(shut)))
                continue
            yield where, folders, names

    monkeypatch.setattr(looking.os, "walk", without_rights)
    found = look(tmp_path)
    assert [run.name for run in found.runs] == ["open"]
    assert any(
        str(shut) in problem.sentence() and "Permission denied" in problem.sentence() for problem in found.problems
    )
