from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch

from core.data.batch import collate
from core.data.readers.audio import read_audio
from core.data.readers.video import DECORD, PYAV, read_video
from core.data.readers.video_process import VideoProcess, video_process
from core.problems import Refused
from core.torchaudio_import import functional
from tests.conftest import SHARED_DATA

VIDEOS = SHARED_DATA / "video"
shared = pytest.mark.skipif(not VIDEOS.is_dir(), reason="the sample videos are not here")


@pytest.fixture
def process() -> Iterator[VideoProcess]:
    made = VideoProcess()
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def _shared_process_ends() -> Iterator[None]:
    yield
    video_process().close()


def tone(hertz: int = 16_000, seconds: float = 1.0) -> np.ndarray[Any, Any]:
    return (0.5 * np.sin(2 * math.pi * 440 * np.arange(int(hertz * seconds)) / hertz)).astype(np.float32)


def film(file: Path, frames: int = 30, codec: str = "libx264", still: bool = False, sound: bool = False) -> None:
    """Frames whose grey rises by 8 each, 10 a second."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for number in range(frames):
            grey = 100 if still else 8 + 8 * number % 240
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if noise is not None:
            samples = av.AudioFrame.from_ndarray(tone(seconds=frames / 10)[None], format="fltp", layout="mono")
            samples.sample_rate = 16_000
            container.mux(noise.encode(samples))
            container.mux(noise.encode())


@pytest.mark.parametrize("reader", [DECORD, PYAV])
def test_frames_are_those_of_the_times(tmp_path: Path, process: VideoProcess, reader: str) -> None:
    film(tmp_path / "rise.mp4")
    clip = read_video(tmp_path / "rise.mp4", times=(2.05, 0.05, 1.05), reader=reader, process=process)
    assert clip.reader == reader
    assert clip.rate == pytest.approx(10)
    assert clip.seconds == pytest.approx((2.0, 0.0, 1.0), abs=0.01)
    assert clip.durations == pytest.approx((0.1, 0.1, 0.1), abs=0.002)
    batch = collate([{("film", "video"): clip.film}] * 2, [0, 1])["film", "video"]
    assert batch.starts_BT.tolist() == [list(clip.seconds)] * 2
    assert batch.durations_BT.tolist() == [list(clip.durations)] * 2
    assert torch.equal(batch.x_BTCHW[1], clip.frames_TCHW)
    assert clip.frames_TCHW.shape == (3, 3, 48, 64)
    assert clip.frames_TCHW.dtype == torch.uint8
    greys = clip.frames_TCHW.float().mean(dim=(1, 2, 3)).tolist()
    assert greys == pytest.approx([168, 8, 88], abs=4)


def test_frames_come_from_the_middles_of_equal_parts_as_squares(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "rise.mp4")
    clip = read_video(tmp_path / "rise.mp4", count=3, size=32, process=process)
    assert clip.reader == DECORD
    assert clip.seconds == pytest.approx((0.5, 1.5, 2.5), abs=0.01)
    assert clip.frames_TCHW.shape == (3, 3, 32, 32)


def test_frames_that_come_twice_are_checked_by_another_reader(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "still.mp4", still=True)
    clip = read_video(tmp_path / "still.mp4", count=3, process=process)
    assert clip.reader == PYAV
    assert "twice" in clip.note
    assert clip.seconds == pytest.approx((0.5, 1.5, 2.5), abs=0.01)


def test_a_crash_of_the_decoder_is_a_sentence_and_the_next_file_is_read(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "good.mp4")
    read_video(tmp_path / "good.mp4", process=process)
    running = process._process
    assert running is not None
    running.kill()
    running.wait()
    assert len(read_video(tmp_path / "good.mp4", count=2, process=process).seconds) == 2


def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import core.data.readers.video_process as module

    stuck = tmp_path / "stuck.py"
    stuck.write_text("import sys, time\nsys.stdin.readline()\ntime.sleep(60)\n")
    film(tmp_path / "good.mp4")
    monkeypatch.setattr(module, "_CHILD", stuck)
    process = VideoProcess(watchdog_seconds=0.5)
    with pytest.raises(Refused, match=r"good\.mp4 took longer than 0\.5 seconds"):
        read_video(tmp_path / "good.mp4", reader=PYAV, process=process)
    process.close()


def test_a_decoder_that_dies_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import core.data.readers.video_process as module

    deadly = tmp_path / "deadly.py"
    deadly.write_text("import os, sys\nsys.stdin.readline()\nos.abort()\n")
    film(tmp_path / "good.mp4")
    monkeypatch.setattr(module, "_CHILD", deadly)
    process = VideoProcess()
    with pytest.raises(Refused, match=r"good\.mp4 crashed its decoder"):
        read_video(tmp_path / "good.mp4", reader=PYAV, process=process)
    process.close()


def test_forty_damaged_videos_are_frames_or_a_sentence(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "good.mp4")
    whole = (tmp_path / "good.mp4").read_bytes()
    chance, read, told = np.random.default_rng(0), [], []
    for number in range(40):
        data = bytearray(whole)
        for place in chance.integers(12, len(data), 1 + number):
            data[place] = int(chance.integers(256))
        (tmp_path / "bad.mp4").write_bytes(bytes(data[: len(data) if number % 4 else len(data) // 2]))
        try:
            read.append(read_video(tmp_path / "bad.mp4", count=3, process=process))
        except Refused as error:
            told.append(str(error))
    assert len(read) + len(told) == 40
    assert all(len(clip.seconds) == 3 for clip in read)
    assert all("bad.mp4" in sentence for sentence in told)


@pytest.mark.parametrize(
    "content",
    [b"", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\nhttp://127.0.0.1:9/x.ts\n", b"ffconcat version 1.0\nfile /etc/passwd\n",
     b"<?xml version='1.0'?><MPD/>", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", b"just some text"],
)  # fmt: skip
def test_playlists_and_text_are_not_videos(tmp_path: Path, process: VideoProcess, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(Refused, match=r"x\.mp4"):
        read_video(tmp_path / "x.mp4", process=process)
    assert process._process is None  # no decoder has seen it


def test_odd_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not there"):
        read_video(tmp_path / "none.mp4")
    (tmp_path / "x.mp4").write_bytes(b"x")
    for count in (0, 100_000):
        with pytest.raises(Refused, match="frames were asked for"):
            read_video(tmp_path / "x.mp4", count=count)


@shared
@pytest.mark.parametrize(
    ("name", "reader"),
    [("av1_video.mkv", PYAV), ("bikes.mp4", DECORD), ("nasa_13013.mp4", PYAV), ("h265_video.mp4", PYAV)],
)
def test_real_videos(process: VideoProcess, name: str, reader: str) -> None:
    clip = read_video(VIDEOS / name, count=8, size=64, process=process)
    assert clip.reader == reader
    assert clip.frames_TCHW.shape == (8, 3, 64, 64)
    assert list(clip.seconds) == sorted(clip.seconds)
    assert clip.frames_TCHW.float().std() > 5


@shared
def test_both_readers_give_the_same_frames(process: VideoProcess) -> None:
    one, other = (
        read_video(VIDEOS / "bikes.mp4", count=4, reader=reader, process=process) for reader in (DECORD, PYAV)
    )
    assert one.seconds == pytest.approx(other.seconds, abs=0.001)
    assert (one.frames_TCHW.float() - other.frames_TCHW.float()).abs().mean() < 3


@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_sound_is_mono_at_the_wanted_rate(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"tone.{form}"
    soundfile.write(file, np.stack([tone(44_100), tone(44_100)], 1), 44_100)
    sound = read_audio(file, hertz=16_000)
    assert sound.dtype == torch.float32
    assert abs(len(sound) - 16_000) < 20
    loudest = int(torch.fft.rfft(sound).abs().argmax()) * 16_000 / len(sound)
    assert loudest == pytest.approx(440, abs=2)
    assert float(sound.abs().max()) == pytest.approx(0.5, abs=0.05)


def test_a_part_of_a_sound(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros(8000), np.full(8000, 0.25)]).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", samples, 8000, subtype="FLOAT")
    part = read_audio(tmp_path / "x.wav", hertz=8000, start_seconds=1.25, seconds=0.5)
    assert torch.equal(part, torch.full((4000,), 0.25))
    with pytest.raises(Refused, match="no audio at 3 seconds"):
        read_audio(tmp_path / "x.wav", start_seconds=3)


def test_the_sound_of_a_video(tmp_path: Path) -> None:
    film(tmp_path / "loud.mp4", sound=True)
    film(tmp_path / "silent.mp4")
    sound = read_audio(tmp_path / "loud.mp4", seconds=2.0)
    assert abs(len(sound) - 32_000) < 64
    loudest = int(torch.fft.rfft(sound).abs().argmax()) * 16_000 / len(sound)
    assert loudest == pytest.approx(440, abs=2)
    with pytest.raises(Refused, match=r"silent\.mp4 has no sound"):
        read_audio(tmp_path / "silent.mp4")


def test_damaged_sounds_are_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not there"):
        read_audio(tmp_path / "none.wav")
    for name, content in {"a.wav": b"", "b.ogg": b"OggS" + bytes(200), "c.flac": b"fLaC" + b"\xff" * 99}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Refused, match=name):
            read_audio(tmp_path / name)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan, np.float32), 8000, subtype="FLOAT")
    with pytest.raises(Refused, match="not numbers"):
        read_audio(tmp_path / "nan.wav")


def test_torchaudio_resamples() -> None:
    sound = torch.from_numpy(tone(8000))
    assert abs(len(functional().resample(sound, 8000, 16_000)) - 16_000) < 2
