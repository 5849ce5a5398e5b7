"""W&B's offline file: a LevelDB log of protobuf records, as W&B 0.31 writes it."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records.formats import wire
from core.records.formats.level_logs import logged
from core.records.formats.tf_records import Torn
from core.telemetry.events import Histogram, LogLine
from tests.core.records.level_log import log_of
from tests.core.records.reading import only_run, said


def nested(*keys: str, value: object) -> bytes:
    return b"".join(wire.of_text(2, key) for key in keys) + wire.of_text(16, json.dumps(value))


def about(**config: object) -> bytes:
    items = b"".join(wire.of_block(1, wire.of_text(1, k) + wire.of_text(16, json.dumps(v))) for k, v in config.items())
    start = wire.of_whole(1, 1796067882) + wire.of_whole(2, 500_000_000)
    run = (
        wire.of_text(1, "d7ylfenw")
        + wire.of_text(3, "proj")
        + wire.of_block(4, items)
        + wire.of_text(8, "nice name")
        + wire.of_block(17, start)
    )
    return wire.of_block(17, run)


def history(step: int, *items: bytes) -> bytes:
    own = (nested("_timestamp", value=1796067883.25 + step), nested("_step", value=step))
    return wire.of_block(
        2, b"".join(wire.of_block(1, item) for item in (*items, *own)) + wire.of_block(2, wire.of_whole(1, step))
    )


def write(folder: Path, *records: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run-d7ylfenw.wandb"
    path.write_bytes(log_of(list(records)))
    return path


def test_history_configuration_and_end(tmp_path: Path) -> None:
    write(
        tmp_path / "offline-run",
        about(lr=0.1, model={"width": 3, "layers": [1, 2]}, _wandb={}),
        history(0, nested("loss", value=1.0), nested("a/b", value=2), nested("nested", "x", value=4.0)),
        history(5, nested("loss", value=math.nan), nested("up", value=math.inf), nested("word", value="hello")),
        history(
            20,
            nested("h", "_type", value="histogram"),
            nested("h", "bins", value=[0, 1, 2]),
            nested("h", "values", value=[5, 6]),
        ),
        wire.of_block(3, wire.of_block(1, wire.of_text(1, "best") + wire.of_text(16, "3"))),
        wire.of_block(18, wire.of_whole(2, 4)),
    )
    run = only_run(tmp_path)
    assert (run.title, run.name, run.group, run.status, run.created) == (
        "W&B",
        "nice name",
        "proj",
        "finished",
        1796067882.5,
    )
    assert run.settings == {"lr": 0.1, "model.width": 3, "model.layers": "1, 2", "summary.best": 3}
    assert said(run, "nested.x") == [(0, 4.0)]
    assert said(run, "a/b") == [(0, 2.0)]
    assert said(run, "up") == [(5, math.inf)]
    assert math.isnan(run.series["loss"].values[1])
    assert run.series["loss"].walls.tolist() == [1796067883.25, 1796067888.25]
    word, histogram = (moment.event for moment in run.moments)
    assert isinstance(word, LogLine)
    assert isinstance(histogram, Histogram)
    assert (word.text, histogram.series, histogram.counts.tolist()) == ("word: hello", "h", [5, 6])


def test_a_run_without_its_end_is_interrupted_and_a_torn_file_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, about(), *(history(step, nested("loss", value=step)) for step in range(5)))
    path.write_bytes(path.read_bytes()[:-9])
    run = only_run(tmp_path)
    assert run.status == "interrupted"
    assert [step for step, _ in said(run, "loss")] == [0, 1, 2, 3]
    assert "is not whole" in run.remarks[0]


def test_an_exit_code_is_a_failure(tmp_path: Path) -> None:
    write(tmp_path, about(), wire.of_block(18, wire.of_whole(1, 1)))
    assert only_run(tmp_path).status == "failed"


@settings(max_examples=30)
@given(st.lists(st.integers(0, 70_000), max_size=5))
def test_records_over_blocks_come_back(sizes: list[int]) -> None:
    records = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    data = log_of(records)
    assert [found for _, found in logged(io.BytesIO(data))] == records
    if records:
        with pytest.raises(Torn):
            list(logged(io.BytesIO(data[:-1])))
