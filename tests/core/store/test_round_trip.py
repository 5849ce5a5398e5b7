"""What a run says comes back as it was said, now and in a fresh reader."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.compiler.feed import padded
from core.store import strips
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.telemetry.events import (
    AttentionMap,
    DeviceLoad,
    Exhibit,
    Histogram,
    LogLine,
    Mark,
    Samples,
    Scalars,
    StatusChange,
)
from tests.core.store.said import at, scalars


def said(library: Library, *events: object) -> RunReader:
    uid = library.create_run("a run", "{}").uid
    recorder = library.recorder(uid)
    for event in events:
        recorder.say(event)  # type: ignore[arg-type]
    assert recorder.close()
    assert recorder.problems == []
    return library.reader(uid)


def test_scalars_keep_nan_infinity_and_huge_steps(library: Library) -> None:
    values = {0: 1.5, 1: math.nan, 2: math.inf, 3: -math.inf, 2**53: 1e308, 2**61: -0.0}
    reader = said(library, *(scalars(step, loss=value) for step, value in values.items()))
    steps, read = reader.points("loss")
    assert steps.tolist() == list(values)
    np.testing.assert_array_equal(read, np.array(list(values.values())))
    curve = reader.curve("loss")
    assert curve.count == 6
    assert curve.nonfinite.tolist() == [0, 1, 1, 1, 0, 0]
    np.testing.assert_array_equal(curve.last, read)
    assert reader.value_at("loss", 2) == (2, math.inf)
    assert reader.value_at("loss", -1) is None
    assert math.isnan(reader.value_at("loss", 1)[1])  # type: ignore[index]


@pytest.mark.parametrize("count", [1, 31, 1023, 1024, 1025, 3000])
def test_every_length_around_a_chunk(library: Library, count: int) -> None:
    reader = said(library, *(scalars(step * 3, loss=math.sin(step)) for step in range(count)))
    steps, values = reader.points("loss")
    assert steps.tolist() == [step * 3 for step in range(count)]
    np.testing.assert_array_equal(values, [math.sin(step) for step in range(count)])
    half = reader.points("loss", upto=3 * (count // 2))[0]
    assert len(half) == count // 2 + (1 if count // 2 < count else 0)
    info = reader.series("scalar")[0]
    assert (info.count, info.first_step, info.last_step) == (count, 0, 3 * (count - 1))


def test_nan_in_sealed_chunks_survives(library: Library) -> None:
    reader = said(library, *(scalars(step, loss=math.nan if step % 7 == 0 else 1.0) for step in range(2100)))
    values = reader.points("loss")[1]
    assert np.isnan(values).tolist() == [step % 7 == 0 for step in range(2100)]
    assert int(reader.curve("loss", points=10).nonfinite.sum()) == 300
    all_bad = said(library, *(scalars(step, loss=math.nan) for step in range(1100))).curve("loss", points=3)
    assert np.isnan(all_bad.low).all()
    assert int(all_bad.nonfinite.sum()) == 1100


def test_histograms_at_the_cursor_and_over_time(library: Library) -> None:
    counts = [np.eye(30, dtype=np.uint32)[i % 30] * (i + 1) for i in range(90)]
    events = [Histogram(at=at(10 * i), series="similarity/x/positive", low=-1, high=1, counts=c)
              for i, c in enumerate(counts)]  # fmt: skip
    reader = said(library, *events)
    found = reader.histogram_at("similarity/x/positive", 455)
    assert found is not None
    assert found.step == 450
    np.testing.assert_array_equal(found.counts, counts[45])
    assert reader.histogram_at("similarity/x/positive", -1) is None
    strip = reader.histogram_strip("similarity/x/positive", columns=50, upto=800)
    assert strip is not None
    assert len(strip.steps) == 41
    assert strip.steps[-1] == 800
    np.testing.assert_allclose(strip.density.sum(axis=1), 1, rtol=1e-6)
    assert (strip.density.sum(axis=0) > 0).all()  # every histogram is in some column
    assert reader.histogram_strip("similarity/y/positive") is None


def test_of_very_many_histograms_both_sides_are_still_drawn(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "MOST_HISTOGRAMS", 10)
    counts = np.ones(4, dtype=np.uint32)
    events = [Histogram(at=at(i), series=f"h/{side}", low=-1, high=1, counts=counts)
              for i in range(40) for side in ("positive", "negative")]  # fmt: skip
    reader = said(library, *events)
    for side in ("positive", "negative"):
        strip = reader.histogram_strip(f"h/{side}")
        assert strip is not None
        assert strip.steps.tolist() == list(range(0, 40, 4))


def test_histograms_of_other_ranges_share_edges(library: Library) -> None:
    one = Histogram(at=at(1), series="h", low=0, high=1, counts=np.array([4, 0], dtype=np.uint32))
    two = Histogram(at=at(2), series="h", low=-1, high=1, counts=np.array([0, 0, 0, 8], dtype=np.uint32))
    strip = said(library, one, two).histogram_strip("h")
    assert strip is not None
    assert (strip.low, strip.high) == (-1, 1)
    np.testing.assert_allclose(strip.density, [[0, 0, 1, 0], [0, 0, 0, 1]])


def test_attention_is_close_and_rows_sum_to_one(library: Library) -> None:
    logits = np.random.default_rng(0).normal(size=(3, 4, 9, 9)) * 3
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    queries = {"kind": "patches", "height": 3, "width": 3, "extra": 0}
    event = AttentionMap(at=at(5), series="attention/vit/0", weights=weights.astype(np.float16), queries=queries,
                         keys={"kind": "words"}, exhibit="probe")  # fmt: skip
    found = said(library, event).attention_at("attention/vit/0", 99)
    assert found is not None
    assert (found.step, found.queries, found.keys, found.exhibit) == (5, queries, {"kind": "words"}, "probe")
    largest = weights.max(axis=(2, 3), keepdims=True)
    assert (np.abs(found.weights - weights.astype(np.float16)) <= largest / 510 + 1e-4).all()
    np.testing.assert_allclose(found.weights.sum(-1), 1, atol=0.02)


def test_attention_that_is_not_finite_is_kept(library: Library) -> None:
    weights = np.full((1, 1, 2, 2), np.nan, dtype=np.float16)
    event = AttentionMap(at=at(1), series="a", weights=weights, queries={}, keys={})
    found = said(library, event).attention_at("a", 1)
    assert found is not None
    assert np.isnan(found.weights).all()


def test_pictures_of_several_sizes_come_back_at_their_own(library: Library) -> None:
    own = [np.full((h, w, 3), h * w, np.uint8) for h, w in ((4, 2), (1, 5))]
    every, sizes = padded(own)
    assert every.shape == (2, 4, 5, 3)
    reader = said(library, Exhibit(at=at(0), name="probe", pictures=every, sizes=sizes, sentences=("a", "b")))
    exhibit = reader.exhibit("probe")
    assert exhibit is not None
    assert len(exhibit.pictures) == 2
    for given, found in zip(own, exhibit.pictures):
        np.testing.assert_array_equal(given, found)


def test_samples_exhibits_marks_logs_and_devices(library: Library) -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (2, 5, 4, 3)).astype(np.uint8)
    nearest = np.array([[1, 0], [0, 1]], dtype=np.int32)
    reader = said(
        library,
        Exhibit(at=at(0), name="probe", pictures=pictures, sentences=("ein Hund", "一只猫"), words=(("ein",), ("猫",))),
        Samples(at=at(4), series="samples/image_to_text", truth=np.array([1, 0], dtype=np.int32), nearest=nearest,
                scores=np.array([[0.5, 0.25], [1, 0]], dtype=np.float32), exhibit="probe"),
        Mark(at=at(2), kind="stage", text="joint", data={"stage": 1}),
        LogLine(at=at(3), text="half a pair: \ud800, a NUL: \0", level="warning"),
        *(DeviceLoad(at=at(i), device="gpu0", values={"power_watts": float(i)}) for i in range(3000)),
        DeviceLoad(at=at(7), device="cpu", values={"utilisation_percent": 50.0}),
        StatusChange(at=at(9), status="diverged", reason="the loss is NaN"),
    )  # fmt: skip
    exhibit = reader.exhibit("probe")
    assert exhibit is not None
    np.testing.assert_array_equal(exhibit.pictures, pictures)
    assert (exhibit.sentences, exhibit.words) == (("ein Hund", "一只猫"), (("ein",), ("猫",)))
    samples = reader.samples_at("samples/image_to_text", 4)
    assert samples is not None
    np.testing.assert_array_equal(samples.nearest, nearest)
    np.testing.assert_array_equal(samples.truth, [1, 0])
    assert samples.scores[0, 1] == 0.25
    assert [(m.step, m.kind, m.text, dict(m.data)) for m in reader.marks()] == [(2, "stage", "joint", {"stage": 1})]
    assert [(line.level, line.text) for line in reader.log()] == [("warning", "half a pair: ?, a NUL: \0")]
    assert reader.log(upto=2) == []
    assert reader.marks(upto=1) == []
    assert reader.devices() == ["cpu", "gpu0"]
    curves = reader.device_curves("gpu0", points=100)
    assert len(curves.seconds) <= 100
    assert (curves.values["power_watts"].min(), curves.values["power_watts"].max()) == (0, 2999)
    assert len(reader.device_curves("gpu0", window=10.0, points=100).seconds) == 21
    facts = reader.facts()
    assert (facts.status, facts.reason) == ("diverged", "the loss is NaN")
    assert reader.head().step == 9


def test_a_step_has_a_place_on_every_axis(library: Library) -> None:
    reader = said(library, *(scalars(step) for step in range(0, 3000, 10)))
    assert (reader.place(100, "seconds"), reader.place(100, "epoch"), reader.place(100, "samples")) == (50, 10, 800)
    assert reader.place(105, "seconds") == 50
    assert (reader.step_at(50, "seconds"), reader.step_at(52, "seconds"), reader.step_at(-1, "seconds")) == (
        100,
        100,
        0,
    )
    curve = reader.curve("loss", axis="samples", low=800, high=1600)
    assert curve.steps.tolist() == list(range(100, 210, 10))
    assert curve.x.tolist() == [8.0 * step for step in curve.steps]
    assert reader.curve("loss", axis="seconds", low=50.1, high=55).steps.tolist() == [110]


def test_the_last_word_on_a_step_wins(library: Library, store: Store) -> None:
    uid = library.create_run("resumed", "{}").uid
    first = library.recorder(uid)
    for step in range(2500):
        first.say(scalars(step, loss=1.0))
    assert first.close()
    second = library.recorder(uid)
    for step in range(900, 1600):
        second.say(scalars(step, loss=2.0))
    second.say(scalars(1500, loss=3.0))
    assert second.close()
    steps, values = library.reader(uid).points("loss")
    assert steps.tolist() == list(range(2500))
    expected = np.ones(2500)
    expected[900:1600], expected[1500] = 2.0, 3.0
    np.testing.assert_array_equal(values, expected)
    assert library.facts(uid).last["loss"] == 1.0
    assert store.check() == []


def test_cut_back_to_a_checkpoint_nothing_later_is_left(library: Library) -> None:
    uid = library.create_run("cut", "{}").uid
    recorder = library.recorder(uid)
    for step in range(3000):
        recorder.say(scalars(step, loss=5.0 - step / 1000))
        recorder.say(DeviceLoad(at=at(step), device="cpu", values={"utilisation_percent": step % 100}))
        if step % 500 == 0:
            recorder.say(Mark(at=at(step), kind="checkpoint", text="saved", data={"path": f"step-{step}"}))
            recorder.say(Histogram(at=at(step), series="h", low=0, high=1, counts=np.ones(3, dtype=np.uint32)))
            recorder.say(LogLine(at=at(step), text=f"at {step}"))
        (library.store.files / f"step-{step}").mkdir(exist_ok=True)
    assert recorder.truncate_after(1700)
    reader = library.reader(uid)
    assert reader.points("loss")[0].tolist() == list(range(1701))
    assert (reader.head().step, reader.head().seconds, reader.head().samples) == (1700, 850.0, 13600)
    assert reader.snapshot_steps("h") == [0, 500, 1000, 1500]
    assert [mark.step for mark in reader.marks()] == [0, 500, 1000, 1500]
    assert [line.text for line in reader.log()] == ["at 0", "at 500", "at 1000", "at 1500"]
    assert [one.step for one in reader.checkpoints() if one.kept] == [0, 500, 1000, 1500]
    assert reader.device_curves("cpu", points=10_000).seconds.max() == 850.0
    assert library.facts(uid).best["loss"] == pytest.approx(3.3)
    recorder.say(scalars(1701, loss=9.0))
    assert recorder.close()
    assert reader.points("loss")[0].tolist() == list(range(1702))


def test_the_same_moment_live_and_replayed_is_the_same_picture(library: Library) -> None:
    uid = library.create_run("live", "{}").uid
    recorder, reader = library.recorder(uid), library.reader(uid)
    random = np.random.default_rng(3)
    kept = {}
    for step in range(5000):
        recorder.say(Scalars(at=at(step), values={"loss": float(random.normal())}))
        if step % 613 == 0:
            assert recorder.flush()
            kept[step] = (reader.curve("loss", points=300, axis="seconds"), reader.value_at("loss", step))
    assert recorder.close()
    for step, (live, value) in kept.items():
        replay = library.reader(uid).curve("loss", points=300, axis="seconds", upto=step)
        for name in ("x", "steps", "low", "high", "last", "nonfinite"):
            np.testing.assert_array_equal(getattr(live, name), getattr(replay, name))
        assert live.count == replay.count
        assert library.reader(uid).value_at("loss", step) == value
