"""trackio's database, as trackio 0.43 lays it out."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.records.gathering import NO_SETTINGS
from core.store.encoding import png_of
from core.telemetry.events import Histogram, LogLine, Pictures
from tests.core.records.reading import only_run, runs_in, said

SCHEMA = """
CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
                      step INTEGER NOT NULL, metrics TEXT NOT NULL);
CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL, config TEXT NOT NULL,
                      created_at TEXT NOT NULL, UNIQUE(run_id));
CREATE TABLE system_metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT, timestamp TEXT, run_name TEXT, metrics TEXT);
CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT, timestamp TEXT, run_name TEXT, title TEXT, text TEXT,
                     level TEXT, step INTEGER);
"""
AT = "2026-11-30T19:44:44.500000+00:00"


def write(path: Path, rows: list[tuple[str, int, object]], schema: str = SCHEMA) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema)
        for run, step, values in rows:
            text = values if isinstance(values, bytes) else json.dumps(values).encode()
            if "run_id" in schema:
                connection.execute(
                    "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, 'run one', ?, ?)",
                    (run, AT, step, text),
                )
            else:
                connection.execute(
                    "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)",
                    (AT, run, step, text),
                )
        connection.commit()


def test_values_words_and_nested_names(tmp_path: Path) -> None:
    rows = [
        ("a", 0, {"loss": 1.0, "nested": {"x": 3}}), ("a", 5, {"loss": "NaN", "up": "Infinity", "down": "-Infinity"}),
        ("a", 20, {"loss": 7.0}), ("a", 20, {"loss": 8.0, "flag": True}), ("a", 6, b"not json"), ("b", 0, {"loss": 2.0}),
    ]  # fmt: skip
    write(tmp_path / "proj.db", rows)
    with closing(sqlite3.connect(tmp_path / "proj.db")) as connection:
        config = {"lr": 0.1, "model": {"width": 3}, "_Created": "2026-11-30T19:44:40+00:00", "_Group": None}
        connection.execute("INSERT INTO configs VALUES (1, 'a', 'run one', ?, ?)", (json.dumps(config), AT))
        connection.execute("INSERT INTO system_metrics VALUES (1, 'a', ?, 'run one', '{}')", (AT,))
        connection.execute("INSERT INTO alerts VALUES (1, 'a', ?, 'run one', 'hot', 'too warm', 'warn', 5)", (AT,))
        connection.commit()
    run, other = runs_in(tmp_path)
    assert (run.title, run.name, run.group, run.settings) == (
        "trackio",
        "run one",
        "proj",
        {"lr": 0.1, "model.width": 3},
    )
    assert run.created == 1796067880.0
    assert said(run, "nested.x") == [(0, 3.0)]
    assert said(run, "up") == [(5, math.inf)]
    assert said(run, "down") == [(5, -math.inf)]
    assert said(run, "flag") == [(20, 1.0)]
    assert [step for step, _ in said(run, "loss")] == [0, 5, 20]
    assert run.series["loss"].values[-1] == 8.0
    assert run.series["loss"].walls[0] == 1796067884.5
    assert [moment.event.text for moment in run.moments if isinstance(moment.event, LogLine)] == [
        "alert: hot: too warm"
    ]
    assert "Left out: 1 rows that are not as trackio writes them." in run.remarks
    assert "Left out: 1 readings of the machine, which have no steps." in run.remarks
    assert said(other, "loss") == [(0, 2.0)]


def test_before_runs_had_ids_names_told_them_apart(tmp_path: Path) -> None:
    old = "CREATE TABLE metrics (id INTEGER PRIMARY KEY, timestamp TEXT, run_name TEXT, step INTEGER, metrics TEXT);"
    write(tmp_path / "proj.db", [("one", 0, {"loss": 1.0}), ("two", 0, {"loss": 2.0})], old)
    assert [run.name for run in runs_in(tmp_path)] == ["one", "two"]


def test_histograms_and_images_whose_files_lie_beside_it(tmp_path: Path) -> None:
    picture = png_of(np.zeros((4, 5, 3), dtype=np.uint8))
    (tmp_path / "media/proj/one/0").mkdir(parents=True)
    (tmp_path / "media/proj/one/0/a.png").write_bytes(picture)
    (tmp_path / "secret.png").write_bytes(picture)
    rows = [
        ("a", 0, {"h": {"_type": "trackio.histogram", "bins": [0, 1, 2], "values": [3, 4]}}),
        ("a", 1, {"dream": {"_type": "trackio.image", "file_path": "proj/one/0/a.png"}}),
        ("a", 2, {"dream": {"_type": "trackio.image", "file_path": "../secret.png"}}),
        ("a", 3, {"dream": {"_type": "trackio.image", "file_path": str(tmp_path / "secret.png")}}),
    ]  # fmt: skip
    write(tmp_path / "proj.db", rows)
    run = only_run(tmp_path)
    histogram, dream = (moment.event for moment in run.moments)
    assert isinstance(histogram, Histogram)
    assert (histogram.series, histogram.low, histogram.high, histogram.counts.tolist()) == ("h", 0.0, 2.0, [3, 4])
    assert isinstance(dream, Pictures)
    assert (dream.series, dream.pictures) == ("made/dream", (picture,))
    assert run.remarks == ("Left out: 2 images and audio whose files are not beside the record.",)


@pytest.mark.parametrize("config", ["{broken", "[1, 2]", "7"])
def test_a_broken_configuration_costs_the_settings_and_nothing_else(tmp_path: Path, config: str) -> None:
    write(tmp_path / "proj.db", [("a", 0, {"loss": 1.0}), ("a", 5, {"loss": 0.5})])
    with closing(sqlite3.connect(tmp_path / "proj.db")) as connection:
        connection.execute("INSERT INTO configs VALUES (1, 'a', 'run one', ?, ?)", (config, AT))
        connection.execute("INSERT INTO alerts VALUES (1, 'a', ?, 'run one', 'hot', 'too warm', 'warn', 'x')", (AT,))
        connection.commit()
    run = only_run(tmp_path)
    assert said(run, "loss") == [(0, 1.0), (5, 0.5)]
    assert run.settings == {}
    assert NO_SETTINGS in run.remarks
    assert "Left out: 1 rows that are not as trackio writes them." in run.remarks
