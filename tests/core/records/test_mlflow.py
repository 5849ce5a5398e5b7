"""MLflow's folder and MLflow's database, as its clients write them."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.records.looking import look
from core.records.readers.mlflow_database import LARGEST, number_of
from tests.core.records.reading import only_run, runs_in, said

UID = "0bcfde1fc21d455a82d5553b17634dad"
SCHEMA = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, start_time BIGINT, end_time BIGINT, lifecycle_stage TEXT,
                   experiment_id INTEGER);
CREATE TABLE metrics (key TEXT, value DOUBLE, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN,
                      PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
"""


def folder(root: Path) -> Path:
    """As MLflow 3.17 leaves it."""
    run = root / "mlruns" / "7621" / UID
    for inside in ("metrics/val", "params/deep", "tags", "artifacts"):
        (run / inside).mkdir(parents=True)
    (root / "mlruns/7621/meta.yaml").write_text("experiment_id: '7621'\nlifecycle_stage: active\nname: exp one\n")
    (run / "meta.yaml").write_text(
        f"experiment_id: '7621'\nlifecycle_stage: active\nrun_id: {UID}\nrun_name: nice\nstart_time: 1796067890999\nstatus: 3\n"
    )
    (run / "metrics/loss").write_text(
        "1796067891014 1.0 0\n1796067891015 0.5 1\n1796067891016 nan 2\n1796067891017 inf 3\n1796067891025 0.25 1\nbroken\n"
    )
    (run / "metrics/val/acc").write_text("1796067891030 0.5 3 data digest\n")
    (run / "params/lr").write_text("0.1")
    (run / "params/deep/x").write_text("words")
    (run / "tags/team").write_text("blue")
    (run / "tags/mlflow.user").write_text("root")
    return root / "mlruns"


def test_a_folder_of_experiments(tmp_path: Path) -> None:
    run = only_run(folder(tmp_path))
    assert (run.title, run.name, run.group, run.identity, run.status) == ("MLflow", "nice", "exp one", UID, "finished")
    assert run.created == 1796067890.999
    assert run.settings == {"deep/x": "words", "lr": 0.1, "tags.team": "blue"}
    assert said(run, "val/acc") == [(3, 0.5)]
    (first, again, bad, infinite) = said(run, "loss")
    assert (first, again, infinite) == ((0, 1.0), (1, 0.25), (3, math.inf))
    assert math.isnan(bad[1])
    assert run.series["loss"].walls.tolist() == [1796067891.014, 1796067891.025, 1796067891.016, 1796067891.017]
    assert "Left out: 1 lines that are not as MLflow writes them." in run.remarks


def test_a_run_is_found_once_and_a_deleted_one_not(tmp_path: Path) -> None:
    runs = folder(tmp_path)
    assert len(look(runs / "7621").runs) == 1
    about = runs / "7621" / UID / "meta.yaml"
    about.write_text(about.read_text().replace("lifecycle_stage: active", "lifecycle_stage: deleted"))
    assert look(runs).runs == ()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        connection.execute("INSERT INTO experiments VALUES (1, 'exp one', 'active')")
        for uid, stage in ((UID, "active"), ("gone", "deleted")):
            connection.execute("INSERT INTO runs VALUES (?, 'nice', 'KILLED', 1796067890999, NULL, ?, 1)", (uid, stage))
        rows = [
            ("loss", 1.0, 14, 0, 0),
            ("loss", 0.0, 15, 1, 1),
            ("loss", LARGEST, 16, 2, 0),
            ("loss", -LARGEST, 17, 3, 0),
        ]
        rows += [("free", 1.0, 20, 0, 0), ("free", 2.0, 21, 0, 0)]
        connection.executemany(f"INSERT INTO metrics VALUES (?, ?, 1796067891000 + ?, '{UID}', ?, ?)", rows)
        connection.execute("INSERT INTO params VALUES ('lr', '1e-3', ?)", (UID,))
        connection.commit()
    return path


def test_a_database_whose_infinity_is_the_largest_float(tmp_path: Path, database: Path) -> None:
    run = only_run(tmp_path)
    assert (run.name, run.group, run.status, run.settings) == ("nice", "exp one", "stopped", {"lr": 0.001})
    values = run.series["loss"].values.tolist()
    assert (values[0], values[2], values[3]) == (1.0, math.inf, -math.inf)
    assert math.isnan(values[1])
    assert said(run, "free") == [(0, 1.0), (1, 2.0)]
    assert run.series["loss"].walls[0] == 1796067891.014
    assert number_of(1e308, False) == 1e308


def test_other_databases_are_passed_over_and_damaged_ones_said(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    data = bytearray(database.read_bytes())
    data[100:3000] = bytes(2900)
    (tmp_path / "broken.db").write_bytes(bytes(data))
    found = look(tmp_path)
    assert [each.name for each in found.runs] == ["nice"]
    (problem,) = found.problems
    assert "broken.db" in problem.what


def test_a_view_in_the_place_of_a_table_is_not_asked(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "trap.db")) as connection:
        connection.executescript(SCHEMA.replace("CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);", ""))
        connection.execute("CREATE VIEW tags AS SELECT key, value, run_uuid FROM params")
        connection.commit()
    assert runs_in(tmp_path) == []


@pytest.mark.parametrize("start", ["soon", "[1]", "1e400", "-5"])
def test_a_broken_start_time_costs_the_time_and_nothing_else(tmp_path: Path, start: str) -> None:
    about = folder(tmp_path) / "7621" / UID / "meta.yaml"
    about.write_text(about.read_text().replace("1796067890999", start))
    run = only_run(tmp_path)
    assert said(run, "val/acc") == [(3, 0.5)]
    assert run.created == about.parent.stat().st_mtime
    assert any("no time at which it can have begun" in remark for remark in run.remarks)


def test_broken_values_of_a_database_are_counted_and_the_run_stays(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        uid = connection.execute("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active'").fetchone()[0]
        whole = repr({name: said(only_run(database.parent), name) for name in only_run(database.parent).series})
        connection.execute("UPDATE runs SET start_time = 'yesterday'")
        connection.execute("INSERT INTO metrics VALUES ('odd', 'much', 'then', ?, 0, 0)", (uid,))
        connection.commit()
    run = only_run(database.parent)
    assert repr({name: said(run, name) for name in run.series}) == whole
    assert "Left out: 1 rows that are not as MLflow writes them." in run.remarks
    assert any("no time at which it can have begun" in remark for remark in run.remarks)
