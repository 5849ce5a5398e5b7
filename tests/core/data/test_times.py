"""A span that was marked on the source lies on the same sound behind every step, and back; counts that are declared are loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.blocks.values import Frames, Spectrogram, Waveform
from core.data.batch import collate, flattened, restored
from core.data.catalog import transforms
from core.data.media import Bands, Film, Wave, picture_of
from core.data.pipeline import SampleGraph, generator
from core.data.readers.audio import read_sound, resampled
from core.data.sources.caption_table import CaptionTable
from core.data.transforms.log_mel import LogMel
from core.data.transforms.sound_length import SoundLength
from core.problems import Refused
from core.telemetry.spans import Span, hop_at, hops_in, samples_at, samples_in

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000])  # of files
SOUND = ("waveform", "spectrogram")  # kinds whose samples are counted


def with_click(seconds: float, at: float, hertz: int) -> Wave:
    samples_S = torch.zeros(samples_in(seconds, hertz))
    samples_S[samples_in(at, hertz)] = 1.0
    return Wave.of(samples_S, hertz)


@pytest.mark.parametrize("part", ["start", "middle", "random"])
@pytest.mark.parametrize("hertz", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("length", [0.5, 0.75, 3.0])
def test_a_click_is_found_where_its_span_goes(part: str, hertz: int, length: float) -> None:
    """Cut and padded; a click that is cut off has no span, and every kept one comes back to where it was."""
    step = SoundLength(SoundLength.Config(seconds=length, part=part))
    kept = 0
    for number in range(40):
        at = number / 40 + 0.0125
        wave = with_click(1.0, at, hertz)
        marked = Span.of_samples(range(samples_in(at, hertz), samples_in(at, hertz) + 1), hertz)
        made = step.apply({"waveform": wave}, generator(0, 0, 0, "n"))["waveform"]
        times = step.times({"waveform": wave}, generator(0, 0, 0, "n"))
        found = made.samples_S.nonzero().flatten().tolist()
        moved = times.forward(marked)
        assert found == ([] if moved is None else list(moved.samples(hertz)))
        if moved is not None:
            kept += 1
            assert times.back(moved) == marked
    assert kept == pytest.approx(40 * min(length, 1.0), abs=1)


@pytest.mark.parametrize(
    "key",
    [
        key
        for key in transforms
        if all(any(p.kind in SOUND for p in ports.values()) for ports in (transforms[key].takes, transforms[key].gives))
    ],
)
def test_every_step_over_sound_says_how_time_runs(key: str) -> None:
    """Through whatever such a step does: the place that is least like the others is where the click's span goes."""
    if key == "transforms.speech_activity":
        pytest.importorskip("silero_vad")
    hertz, at = 16_000, 0.61
    wave = with_click(2.5, at, hertz)
    step = transforms[key](transforms[key].Config())
    mel = LogMel(LogMel.Config()).apply({"waveform": wave}, generator(1, 2, 3, "mel"))["spectrogram"]
    if key == "transforms.transpose":  # moves pitch classes, of which there are twelve
        mel = replace(mel, x_FT=mel.x_FT[:12])
    kinds = {"waveform": wave, "spectrogram": mel}
    given = {name: kinds[port.kind] for name, port in step.takes.items() if port.kind in kinds}
    made = next(iter(step.apply(given, generator(1, 2, 3, "n")).values()))
    times = step.times(given, generator(1, 2, 3, "n"))
    marked = Span(start=at, end=at + 1 / hertz)
    moved = marked if times is None else times.forward(marked)
    assert moved is not None
    if isinstance(made, Bands):
        unlike_T = (made.x_FT - made.x_FT.median(1, keepdim=True).values).abs().sum(0)
        found, wanted = int(unlike_T.argmax()), hop_at(moved.samples(hertz).start, made.hop)
        assert abs(found - wanted) <= made.window // made.hop
    else:
        assert int(made.samples_S.argmax()) == moved.samples(hertz).start


@pytest.mark.parametrize("training", [False, True])
def test_a_span_goes_through_a_whole_drawing(tmp_path: Path, training: bool) -> None:
    hertz, rows, places = 44_100, [], {}
    for number in range(24):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
        places[number] = 0.3 + 0.1 * number
        soundfile.write(tmp_path / f"{number}.wav", with_click(4.0, places[number], hertz).samples_S.numpy(), hertz)
        rows.append({"file": f"{number}.png", "caption": f"thing {number}", "sound": f"{number}.wav", "split": "train"})
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    config = CaptionTable.Config(folder=str(tmp_path), image_size=16, sound_hertz=hertz, sound_seconds=4.0)
    graph = SampleGraph(
        parts=(
            ("table", CaptionTable(config), {}),
            ("cut", SoundLength(SoundLength.Config(seconds=2.0, part="random")), {"waveform": ("table", "waveform")}),
            ("part", SoundLength(SoundLength.Config(seconds=1.0, part="middle")), {"waveform": ("cut", "waveform")}),
            ("mel", LogMel(LogMel.Config(n_fft=64, hop=32, mels=8, normalise=False)), {"waveform": ("part", "waveform")}),
        ),
        wanted=(("part", "waveform"), ("mel", "spectrogram")),
    )  # fmt: skip
    graph.open()
    kept = 0
    for index in range(24):
        made = graph.sample(index, 1, 7, training)
        wave, bands = made["part", "waveform"], made["mel", "spectrogram"]
        first = samples_in(places[index], hertz)
        marked = Span.of_samples(range(first, first + 1), hertz)
        course = graph.course(("mel", "spectrogram"), index, 1, 7, training)
        assert len(course.steps) == 2
        moved = course.forward(marked)
        assert (wave.samples_S.abs() > 0.5).nonzero().flatten().tolist() == (
            [] if moved is None else list(moved.samples(hertz))
        )
        if moved is None:
            continue
        kept += 1
        assert course.back(moved) == marked
        assert abs(int(bands.x_FT.sum(0).argmax()) - hop_at(moved.samples(hertz).start, 32)) <= 1
    assert 2 <= kept < 24


@given(RATES, RATES, st.integers(50, 900), st.integers(0, 300))
@settings(max_examples=40, deadline=None)
def test_counts_that_are_declared_are_loaded(
    tmp_path_factory: Any, rate: int, hertz: int, wanted: int, late: int
) -> None:
    """Whatever the rate of the file: as many samples as the drawing says, and the table's shape on meta is what comes."""
    file = tmp_path_factory.getbasetemp() / f"{rate}.wav"
    if not file.exists():
        soundfile.write(
            file, np.random.default_rng(0).standard_normal(2 * rate).astype(np.float32) * 0.1, rate, subtype="FLOAT"
        )
    seconds, start = wanted / 1000, late / 1000
    heard = read_sound(file, hertz=hertz, start_seconds=start, seconds=seconds)
    assert len(heard.samples_S) == samples_in(seconds, hertz)
    config = CaptionTable.Config(folder="x", sound_hertz=hertz, sound_seconds=seconds)
    assert CaptionTable(config).meta(2)["waveform"].samples_BS.shape[1] == len(heard.samples_S)


@given(st.integers(1, 5000), RATES, RATES)
@settings(max_examples=40, deadline=None)
def test_a_resampler_gives_as_many_as_hold_all(count: int, rate: int, hertz: int) -> None:
    assert len(resampled(torch.zeros(count), rate, hertz)) == samples_at(count, rate, hertz)


@given(st.integers(33, 20_000), st.integers(1, 512))
@settings(max_examples=40, deadline=None)
def test_frames_that_are_declared_are_made(count: int, hop: int) -> None:
    step = LogMel(LogMel.Config(n_fft=64, hop=hop, mels=4))
    made = step.apply({"waveform": Wave.of(torch.rand(count), 16_000)}, generator(0, 0, 0, "n"))["spectrogram"]
    lengths = torch.empty(1, dtype=torch.int64, device="meta")
    wave = Waveform(samples_BS=torch.empty(1, count, device="meta"), lengths_B=lengths, hertz=16_000)
    assert made.x_FT.shape[1] == hops_in(count, hop) == step.meta({"waveform": wave}, 1)["spectrogram"].x_BFT.shape[2]


def test_a_batch_keeps_what_its_samples_carry_and_travels() -> None:
    frames = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    samples = [
        {
            ("a", "waveform"): Wave(samples_S=torch.rand(10), real=real, hertz=44_100),
            ("b", "spectrogram"): Bands(x_FT=torch.rand(4, 3), real=real, samples=10, hertz=44_100, hop=4, window=8),
            ("c", "video"): Film(frames_TCHW=frames, starts=(0.0, real + 0.1), durations=(real + 0.1, 1 / 3)),
            ("d", "sentence"): "a cat",
        }
        for real in (10, 7)
    ]
    batch = restored(flattened(collate(samples, [3, 4])))
    wave, bands, film = batch["a", "waveform"], batch["b", "spectrogram"], batch["c", "video"]
    assert (type(wave), type(bands), type(film)) == (Waveform, Spectrogram, Frames)
    assert wave.lengths_B.tolist() == bands.lengths_B.tolist() == [10, 7]
    assert (wave.hertz, bands.hertz, bands.hop, bands.window, bands.samples) == (44_100, 44_100, 4, 8, 10)
    assert film.x_BTCHW.shape == (2, 2, 3, 4, 4)
    assert film.starts_BT.tolist() == [[0.0, 10.1], [0.0, 7.1]]  # float64: not rounded
    assert film.durations_BT.tolist() == [[10.1, 1 / 3], [7.1, 1 / 3]]
    assert batch["d", "sentence"] == ["a cat", "a cat"]
    assert batch["indices"].tolist() == [3, 4]


def test_sounds_that_cannot_be_one_batch_are_refused() -> None:
    key = ("a", "waveform")
    with pytest.raises(Refused, match=r"different rates: 8,000 and 44,100 Hz"):
        collate([{key: Wave.of(torch.zeros(5), hertz)} for hertz in (44_100, 8_000)], [0, 1])
    with pytest.raises(Refused, match="differ in shape"):
        collate([{key: Wave.of(torch.zeros(count), 8_000)} for count in (5, 6)], [0, 1])
    with pytest.raises(ValueError, match="every frame has its start"):
        Film(frames_TCHW=torch.zeros(2, 3, 4, 4), starts=(0.0,), durations=(1.0,))


def test_a_film_is_shown_by_its_middle_frame() -> None:
    frames = torch.arange(3, dtype=torch.uint8)[:, None, None, None].expand(3, 3, 2, 2) * 100
    film = Film(frames_TCHW=frames, starts=(0.0, 1.0, 2.5), durations=(1.0, 1.5, 0.5))
    shown = picture_of(["a cat", Wave.of(torch.zeros(4), 8_000), film])
    assert shown is not None
    torch.testing.assert_close(shown, torch.full((3, 2, 2), 100 / 255))
    picture = torch.rand(3, 2, 2)
    assert picture_of([picture, film]) is picture
    assert picture_of(["a cat", torch.zeros(4)]) is None
