"""Sounds placed on the film's time, mixed by their mean, and resampled without aliases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from core.data.readers.audio import read_audio, read_sound, resampled
from core.data.readers.video_process import video_process
from core.data.sounds import SoundMemory
from core.data.sources.caption_table import CaptionTable
from tests.core.data.films import sound

UNSAID = "The file does not tell how many samples its encoder put in front, so its audio may begin late."


@pytest.fixture(scope="module", autouse=True)
def _shared_process_ends() -> Iterator[None]:
    yield
    video_process().close()


def click(rate: int, at: int, count: int) -> np.ndarray[Any, Any]:
    samples = np.zeros((1, count), np.float32)
    samples[0, at : at + 32] = 0.9
    return samples


def found(samples_S: torch.Tensor) -> int:
    return int((samples_S.abs() > 0.3).nonzero()[0])


def test_a_sound_that_begins_after_the_picture_keeps_its_place(tmp_path: Path) -> None:
    sound(tmp_path / "late.mp4", click(16_000, 8_000, 32_000), 16_000, "aac", starts=8_000, frames=70)
    heard = read_sound(tmp_path / "late.mp4")
    assert abs(found(heard.samples_S) - 16_000) < 80  # 5 ms: at 1.0 s of the film
    assert heard.samples_S[:7_900].abs().max() < 0.01
    assert len(heard.samples_S) == 40_000
    part = read_audio(tmp_path / "late.mp4", start_seconds=0.9, seconds=0.25)
    assert abs(found(part) - 1_600) < 80
    assert len(part) == 4_000
    assert read_audio(tmp_path / "late.mp4", start_seconds=0.25, seconds=0.125).abs().max() == 0


@pytest.mark.parametrize(
    ("ending", "codec", "exact"),
    [("mp4", "aac", True), ("m4a", "aac", True), ("mkv", "aac", False), ("webm", "libopus", True)],
)
def test_samples_that_encoders_put_in_front_do_not_delay_the_sound(
    tmp_path: Path, ending: str, codec: str, exact: bool
) -> None:
    file = tmp_path / f"a.{ending}"
    sound(file, click(48_000, 24_000, 48_000), 48_000, codec, size=960)
    heard = read_sound(file, hertz=48_000)
    assert abs(found(heard.samples_S) - 24_000) < 8
    assert abs(len(heard.samples_S) - 48_000) <= (0 if exact else 480)
    assert heard.note == ""


@pytest.mark.parametrize(("ending", "copts"), [("aac", {}), ("ts", {}), ("mp3", {"write_xing": "0"})])
def test_where_the_file_does_not_tell_it_is_said(tmp_path: Path, ending: str, copts: dict[str, str]) -> None:
    file = tmp_path / f"a.{ending}"
    codec = "libmp3lame" if ending == "mp3" else "aac"
    sound(file, click(48_000, 24_000, 48_000), 48_000, codec, copts=copts, size=1152 if ending == "mp3" else 1024)
    assert read_sound(file, hertz=48_000).note == UNSAID


@pytest.mark.parametrize("ending", ["ogg", "mp3", "flac", "wav"])
def test_files_that_tell_are_exact(tmp_path: Path, ending: str) -> None:
    samples = click(44_100, 22_050, 44_100)
    soundfile.write(tmp_path / f"a.{ending}", samples.T, 44_100)
    heard = read_sound(tmp_path / f"a.{ending}", hertz=44_100)
    assert len(heard.samples_S) == 44_100
    assert abs(found(heard.samples_S) - 22_050) < 8
    assert (heard.note, heard.reader, heard.seconds) == ("", "soundfile", 1.0)


@pytest.mark.parametrize(("ending", "codec"), [("mkv", "pcm_s16le"), ("mp4", "aac")])
def test_stereo_becomes_the_mean_of_its_channels_in_every_reader(tmp_path: Path, ending: str, codec: str) -> None:
    tone = (0.8 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.float32)
    sound(tmp_path / f"both.{ending}", np.stack([tone, tone]), 48_000, codec)
    sound(tmp_path / f"left.{ending}", np.stack([tone, 0 * tone]), 48_000, codec)
    soundfile.write(tmp_path / "both.wav", np.stack([tone, tone], 1), 48_000)
    peaks = [
        float(read_audio(tmp_path / name, hertz=48_000)[4_000:-4_000].abs().max())
        for name in (f"both.{ending}", "both.wav")
    ]
    assert peaks == pytest.approx([0.8, 0.8], abs=0.02)
    assert read_audio(tmp_path / f"left.{ending}", hertz=48_000)[4_000:-4_000].abs().max() == pytest.approx(
        0.4, abs=0.01
    )


def test_nothing_is_cut_off_at_full_scale(tmp_path: Path) -> None:
    loud = (1.5 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000)).astype(np.float32)
    soundfile.write(tmp_path / "loud.wav", loud, 8_000, subtype="FLOAT")
    heard = read_audio(tmp_path / "loud.wav", hertz=8_000)
    np.testing.assert_allclose(heard.numpy(), loud, atol=1e-6)
    memory = SoundMemory()
    kept = [memory.get("loud", lambda: heard) for _ in range(2)]
    for again in kept:
        torch.testing.assert_close(again, heard, atol=1e-4, rtol=0)


def level(samples_S: torch.Tensor) -> float:
    """Decibels against the tone that went in, away from the ends."""
    middle = samples_S[len(samples_S) // 10 : -len(samples_S) // 10].double()
    return 20 * math.log10(max(float(middle.square().mean().sqrt()), 1e-12) / (0.5 / math.sqrt(2)))


@pytest.mark.parametrize(("rate", "hertz"), [(44_100, 16_000), (48_000, 16_000), (22_050, 8_000), (44_100, 22_050)])
def test_a_tone_above_half_the_new_rate_is_gone_and_one_below_is_whole(rate: int, hertz: int) -> None:
    time = torch.arange(rate, dtype=torch.float64) / rate
    for share, most, least in ((0.5, 0.05, -0.05), (0.9, 0.05, -0.2), (1.001, -60, -999), (1.1, -60, -999)):
        tone = (0.5 * torch.sin(2 * math.pi * share * hertz / 2 * time)).float()
        assert least < level(resampled(tone, rate, hertz)) < most, share


def test_what_is_odd_about_a_sound_stands_on_the_data_page(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    sound(tmp_path / "a.aac", click(48_000, 24_000, 48_000), 48_000, "aac")
    (tmp_path / "captions.csv").write_text("file,caption,sound\na.png,x,a.aac\na.png,y,a.aac\n")
    source = CaptionTable(CaptionTable.Config(folder=str(tmp_path), image_size=16))
    report = source.report()
    assert [problem.what for problem in report.problems] == [f"a.aac: {UNSAID}"]
    assert report.left_out == 0
