"""A run as an event file, read back by TensorBoard's own reader and by ours: nothing is lost but what 32 bits cannot hold."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.problems import Refused
from core.records.foreign import ForeignRun
from core.records.looking import places_in, read
from core.records.reader import Stopped
from core.records.writers.tensorboard import export_tensorboard
from core.store.database import Store
from core.store.encoding import picture_files, samples_of, sound_files
from core.store.library import Library
from core.telemetry.events import At, Histogram, Pictures, Scalars, Sounds, StatusChange
from tests.core.records.reading import only_run

STEPS = 40
LOSS = [1 / 3, math.nan, math.inf, *np.linspace(1, 0, STEPS - 3)]


def at(step: int) -> At:
    return At(step=step, seconds=step / 4)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    store = Store.open(tmp_path / "runs.db")
    library = Library(store)
    uid = library.create_run("a run", "{}", params={"vit.width": 16, "optimizer": "AdamW", "flip": True}).uid
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 6, 7, 3)).astype(np.uint8)
    sounds = (rng.random((1, 800)) - 0.5).astype(np.float32)
    recorder = library.recorder(uid)
    for step, value in enumerate(LOSS):
        recorder.say(Scalars(at=at(10 * step), values={"loss": value, "a/b": -step}))
    recorder.say(
        Histogram(at=at(20), series="similarity/x", low=-1.0, high=1.0, counts=np.array([3, 0, 5, 1], dtype=np.uint32))
    )
    recorder.say(Pictures(at=at(30), series="made/gan/image", pictures=pictures, seeds=(0, 1), originals=pictures))
    recorder.say(Sounds(at=at(40), series="made/codec/audio", sounds=sounds, hertz=8000, seeds=(0,)))
    recorder.say(StatusChange(at=at(10 * STEPS), status="finished"))
    assert recorder.close()
    assert recorder.problems == []
    yield library  # type: ignore[misc]
    store.close()


def test_our_reader_reads_all_of_it(tmp_path: Path, library: Library) -> None:
    (facts,) = library.runs()
    written = export_tensorboard(library, facts.uid, tmp_path / "tb")
    assert (written.values, written.others) == (2 * STEPS, 4)
    run = only_run(tmp_path / "tb")
    loss = run.series["loss"]
    assert loss.steps.tolist() == [10 * step for step in range(STEPS)]
    np.testing.assert_array_equal(loss.values, np.float32(LOSS).astype(np.float64))
    np.testing.assert_allclose(loss.walls, facts.created + 2.5 * np.arange(STEPS), rtol=0, atol=1e-6)
    assert run.settings == {"vit.width": 16.0, "optimizer": "AdamW", "flip": True}
    assert (run.created, run.status) == (facts.created, "finished")
    check_media(library, facts.uid, run)


def check_media(library: Library, uid: str, run: ForeignRun) -> None:
    reader, kept = library.reader(uid), {getattr(m.event, "series", ""): m for m in run.moments}
    histogram = kept["similarity/x"].event
    assert isinstance(histogram, Histogram)
    assert (histogram.low, histogram.high, histogram.counts.tolist()) == (-1.0, 1.0, [3, 0, 5, 1])
    pictures, originals, sounds = (kept[f"made/{name}"] for name in ("gan/image", "gan/image/originals", "codec/audio"))
    found = reader.pictures_at("made/gan/image", 400)
    assert found is not None
    assert [reader.file(name) for name in found.made] == list(picture_files(pictures.event.pictures))  # type: ignore[union-attr]
    assert (pictures.step, originals.step, sounds.step) == (30, 30, 40)
    heard = reader.sounds_at("made/codec/audio", 400)
    assert heard is not None
    (flac,) = sound_files(sounds.event.sounds, sounds.event.hertz)  # type: ignore[union-attr]
    np.testing.assert_array_equal(samples_of(flac)[0], samples_of(reader.file(heard.made[0]))[0])


def test_the_event_accumulator_reads_all_of_it(tmp_path: Path, library: Library) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.util import tensor_util

    (facts,) = library.runs()
    export_tensorboard(library, facts.uid, tmp_path / "tb")
    everything = dict.fromkeys(("scalars", "histograms", "images", "audio", "tensors"), 0)
    theirs = accumulators.EventAccumulator(str(tmp_path / "tb"), size_guidance=everything)
    theirs.Reload()
    kept, ours = theirs.Scalars("loss"), only_run(tmp_path / "tb")
    assert [each.step for each in kept] == ours.series["loss"].steps.tolist()
    assert [each.wall_time for each in kept] == ours.series["loss"].walls.tolist()
    np.testing.assert_array_equal([each.value for each in kept], ours.series["loss"].values)
    (histogram,) = theirs.Histograms("similarity/x")
    assert list(histogram.histogram_value.bucket) == [3, 0, 5, 1]
    assert list(histogram.histogram_value.bucket_limit) == [-0.5, 0.0, 0.5, 1.0]
    assert histogram.histogram_value.num == 9
    width, height, *pictures = tensor_util.make_ndarray(theirs.Tensors("gan/image")[0].tensor_proto).tolist()
    assert (int(width), int(height)) == (7, 6)
    reader = library.reader(facts.uid)
    assert pictures == [reader.file(name) for name in reader.pictures_at("made/gan/image", 30).made]  # type: ignore[union-attr]
    ((clip, label),) = tensor_util.make_ndarray(theirs.Tensors("codec/audio")[0].tensor_proto).tolist()
    assert (soundfile.info(io.BytesIO(clip)).samplerate, label) == (8000, b"")
    assert theirs.SummaryMetadata("codec/audio").plugin_data.plugin_name == "audio"
    assert b"| vit.width | 16 |" in tensor_util.make_ndarray(theirs.Tensors("settings/text_summary")[0].tensor_proto)[0]
    assert "_hparams_/session_start_info" in theirs.PluginTagToContent("hparams")


def test_a_folder_is_one_run_and_half_a_file_is_never_left(tmp_path: Path, library: Library) -> None:
    (facts,) = library.runs()
    with pytest.raises(Stopped):
        export_tensorboard(library, facts.uid, tmp_path / "tb", stops=lambda: True)
    assert list((tmp_path / "tb").iterdir()) == []
    export_tensorboard(library, facts.uid, tmp_path / "tb")
    with pytest.raises(Refused, match="There are event files in"):
        export_tensorboard(library, facts.uid, tmp_path / "tb")
    assert len(places_in(tmp_path / "tb")[0]) == 1
    assert read(places_in(tmp_path / "tb")[0][0], lambda bytes_: None).name == "tb"


def test_values_that_32_bits_do_not_hold_are_counted(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "runs.db")
    library = Library(store)
    uid = library.create_run("wide", "{}").uid
    recorder = library.recorder(uid)
    for step, value in enumerate([1.0, 1e300, -1e39, 1e-300, 0.0, math.inf, math.nan, 3.4e38]):
        recorder.say(Scalars(at=at(step), values={"x": value}))
    assert recorder.close()
    assert export_tensorboard(library, uid, tmp_path / "tb").beyond == 3
    store.close()
