"""Event files as runs: every value, step and time as TensorBoard's own reader gives them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from core.records.foreign import ForeignRun
from core.records.looking import look, places_in, read
from core.records.media import equal_bins
from core.telemetry.events import Histogram, LogLine, Pictures, Sounds
from tests.core.records.events import double_tensor, event, scalar, value, write

accumulators = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
)
ALL = dict.fromkeys(("scalars", "histograms", "images", "audio", "tensors"), 0)


def theirs(folder: Path) -> object:
    found = accumulators.EventAccumulator(str(folder), size_guidance=ALL)
    found.Reload()
    return found


def ours(folder: Path) -> ForeignRun:
    places, problems = places_in(folder)
    assert (len(places), problems) == (1, [])
    return read(places[0], lambda bytes_: None)


def test_scalars_are_those_of_the_event_accumulator(tmp_path: Path) -> None:
    values = [1.0, -0.1, math.nan, math.inf, -math.inf, 3e-41]
    write(tmp_path, [event(1_700_000_000 + i / 7, 3 * i, summary=scalar("a/b", v)) for i, v in enumerate(values)])
    kept, run = theirs(tmp_path).Scalars("a/b"), ours(tmp_path)  # type: ignore[attr-defined]
    points = run.series["a/b"]
    assert points.steps.tolist() == [each.step for each in kept]
    assert points.walls.tolist() == [each.wall_time for each in kept]
    np.testing.assert_array_equal(points.values, [each.value for each in kept])
    assert run.created == 1_700_000_000.0
    assert run.remarks == ("3 values are not finite (NaN or infinite); they are kept as they are.",)


def test_doubles_in_tensors_lose_nothing(tmp_path: Path) -> None:
    write(tmp_path, [event(1_700_000_001.0, 2, summary=double_tensor("loss", 1 / 3))])
    assert ours(tmp_path).series["loss"].values.tolist() == [1 / 3]


def test_a_writer_that_begins_again_drops_what_tensorboard_drops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, [event(1_700_000_001.0 + s, s, summary=scalar("loss", s)) for s in range(10)])
    later = [event(1_700_000_100.0, 6, start=True), event(1_700_000_101.0, 6, summary=scalar("loss", -6.0))]
    write(tmp_path, later, "events.out.tfevents.1700000100.host.1.1")
    run = ours(tmp_path)
    assert run.series["loss"].steps.tolist() == [each.step for each in theirs(tmp_path).Scalars("loss")]  # type: ignore[attr-defined]
    assert run.series["loss"].values.tolist() == [0, 1, 2, 3, 4, 5, -6]
    assert run.remarks == ("4 values were dropped, for a restarted writer began again before them.",)
    assert "Removing 4 scalars" in caplog.text
    caplog.clear()


def test_of_two_writers_the_later_file_counts_and_it_is_said(tmp_path: Path) -> None:
    write(tmp_path, [event(1_700_000_001.0 + s, s, summary=scalar("loss", s)) for s in range(5)])
    again = [event(1_700_000_050.0 + s, s, summary=scalar("loss", 10 + s)) for s in (3, 4, 5)]
    write(tmp_path, again, "events.out.tfevents.1700000050.host.2.0")
    points = ours(tmp_path).series["loss"]
    assert len(theirs(tmp_path).Scalars("loss")) == 8  # type: ignore[attr-defined]
    assert dict(zip(points.steps.tolist(), points.values.tolist())) == {
        each.step: each.value for each in theirs(tmp_path).Scalars("loss")  # type: ignore[attr-defined]
    }  # fmt: skip
    assert ours(tmp_path).remarks == ("2 values were said again at the same step; the last one counts.",)


def test_what_was_said_without_steps_is_numbered(tmp_path: Path) -> None:
    write(tmp_path, [event(1_700_000_001.0 + i, 0, summary=scalar("loss", i)) for i in range(3)])
    assert ours(tmp_path).series["loss"].steps.tolist() == [0, 1, 2]


def test_the_end_of_a_killed_writer_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, [event(1_700_000_001.0 + s, s, summary=scalar("loss", s)) for s in range(5)])
    file.write_bytes(file.read_bytes()[:-3])
    run = ours(tmp_path)
    assert run.series["loss"].steps.tolist() == [0, 1, 2, 3]
    assert "is not whole" in run.remarks[0]


@pytest.mark.long
def test_media_settings_and_texts(tmp_path: Path) -> None:
    writers = pytest.importorskip("torch.utils.tensorboard")
    rng = np.random.default_rng(0)
    with writers.SummaryWriter(str(tmp_path / "run")) as writer:
        writer.add_histogram("weights", rng.normal(size=500), 3)
        writer.add_image("dream", rng.random((3, 8, 9)).astype(np.float32), 4)
        writer.add_audio("voice", np.sin(np.arange(4000) / 10)[None].astype(np.float32), 5, sample_rate=8000)
        writer.add_text("note", "hello", 6)
        writer.add_hparams({"lr": 0.1, "optimizer": "adam", "nesterov": True}, {"score": 0.5}, run_name="hp")
    run = ours_below(tmp_path, "run")
    by_kind = {type(moment.event): moment for moment in run.moments}
    histogram = by_kind[Histogram].event
    assert isinstance(histogram, Histogram)
    kept = theirs(tmp_path / "run").Histograms("weights")[0].histogram_value  # type: ignore[attr-defined]
    assert (histogram.low, histogram.high, int(histogram.counts.sum())) == (kept.min, kept.max, 500)
    picture, sound, line = (by_kind[kind].event for kind in (Pictures, Sounds, LogLine))
    assert picture.pictures[0] == theirs(tmp_path / "run").Images("dream")[0].encoded_image_string  # type: ignore[attr-defined, union-attr]
    assert isinstance(sound, Sounds)
    assert (sound.series, sound.hertz, np.shape(sound.sounds)) == ("made/voice", 8000, (1, 4000))
    assert isinstance(line, LogLine)
    assert line.text == "note/text_summary: hello"
    assert [by_kind[kind].step for kind in (Histogram, Pictures, Sounds, LogLine)] == [3, 4, 5, 6]
    assert ours_below(tmp_path, "run/hp").settings == {"lr": 0.1, "optimizer": "adam", "nesterov": True}


def ours_below(root: Path, name: str) -> ForeignRun:
    return next(read(place, lambda bytes_: None) for place in places_in(root)[0] if place.path == root / name)


def test_bins_of_one_width_stay_and_others_keep_their_total() -> None:
    edges = np.array([0.0, 0.5, 1.0, 1.5])
    laid = equal_bins(edges[:-1], edges[1:], np.array([3.0, 0.0, 5.0]))
    assert laid is not None
    assert (laid[0], laid[1], laid[2].tolist()) == (0.0, 1.5, [3, 0, 5])
    uneven = equal_bins(np.array([0.0, 1.0, 10.0]), np.array([1.0, 10.0, 1000.0]), np.array([7.0, 11.0, 13.0]))
    assert uneven is not None
    assert (uneven[0], uneven[1], int(uneven[2].sum())) == (0.0, 1000.0, 31)
    assert int(uneven[2][0]) == 18  # the first bin of 15.6 holds what lies below 10, and a little of the last


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside", [event(1.0, 1, summary=scalar("loss", 1.0))])
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/run").symlink_to(tmp_path / "outside", target_is_directory=True)
    found = look(tmp_path / "logs")
    assert found.runs == ()
    assert "1 links" in found.problems[0].what


def test_events_that_make_no_sense_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    broken = event(1_700_000_001.0, 1, summary=value("x", b"\xff\xff"))
    write(tmp_path, [broken, event(1_700_000_002.0, 2, summary=scalar("loss", 1.0))])
    run = ours(tmp_path)
    assert run.series["loss"].steps.tolist() == [2]
    assert run.remarks == ("Left out: 1 events that are not as TensorBoard writes them.",)
