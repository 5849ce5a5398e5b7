"""Films as phones, screen recorders and cutters write them: the frames of the times, by both readers, or the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.readers.film_frames import FAR_APART, by_pyav
from core.data.readers.film_seeking import lie_far_apart, sought
from core.data.readers.film_timeline import timeline_of
from core.data.readers.video import DECORD, PYAV, Clip, read_video
from core.data.readers.video_process import VideoProcess
from core.problems import Refused
from tests.core.data.films import HUNDREDTHS, film, numbers, stripes, trimmed, turned

GAPS = np.random.default_rng(0).choice([20, 33, 100, 250], 60)
STARTS = np.concatenate([[0], np.cumsum(GAPS)[:-1]])


@pytest.fixture(scope="module")
def process() -> Iterator[VideoProcess]:
    made = VideoProcess()
    yield made
    made.close()


def both(file: Path, process: VideoProcess, **asked: object) -> tuple[Clip, Clip]:
    """What is chosen, and what PyAV gives: the same frames at the same times."""
    chosen, other = (read_video(file, reader=r, process=process, **asked) for r in ("automatic", PYAV))  # type: ignore[arg-type]
    assert chosen.seconds == pytest.approx(other.seconds, abs=0.002)
    assert chosen.frames_TCHW.shape == other.frames_TCHW.shape
    assert (chosen.frames_TCHW.float() - other.frames_TCHW.float()).abs().mean() < 3
    return chosen, other


def test_a_film_that_was_trimmed_shows_what_is_left(tmp_path: Path, process: VideoProcess) -> None:
    trimmed(tmp_path / "trimmed.mp4")
    clip, _ = both(tmp_path / "trimmed.mp4", process, count=8)
    assert numbers(clip.frames_TCHW) == [31, 35, 39, 43, 46, 50, 54, 58]
    assert clip.length_seconds == pytest.approx(1.2)
    assert (clip.reader, clip.note) == (PYAV, "decord counts 60 frames, 30 are shown")
    with pytest.raises(Refused, match=r"trimmed\.mp4 cannot be read by decord: decord counts 60 frames, 30 are shown"):
        read_video(tmp_path / "trimmed.mp4", reader=DECORD, process=process)


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_frames_that_last_unevenly_are_found_by_when_they_began(
    tmp_path: Path, process: VideoProcess, ending: str
) -> None:
    file = tmp_path / f"uneven.{ending}"
    film(file, STARTS.tolist(), HUNDREDTHS, bf="3", g="20")
    times = (5.0, 1.0, 3.0, float(STARTS[20]) / 1000, float(STARTS[20]) / 1000 - 0.001)
    clip, _ = both(file, process, times=times)
    right = [int(np.searchsorted(STARTS, round(time * 1000), side="right") - 1) for time in times]
    assert numbers(clip.frames_TCHW) == right
    assert clip.seconds == pytest.approx([STARTS[number] / 1000 for number in right], abs=0.002)
    lasting = np.diff(STARTS, append=STARTS[-1] + 40)[right] / 1000
    assert clip.durations == pytest.approx(lasting.tolist(), abs=0.05 if right[0] == len(STARTS) - 1 else 0.004)
    assert clip.reader == DECORD
    assert clip.length_seconds == pytest.approx(STARTS[-1] / 1000 + 0.04, abs=0.05)
    parts, _ = both(file, process, count=5)
    middles = [(part + 0.5) * parts.length_seconds / 5 for part in range(5)]
    assert numbers(parts.frames_TCHW) == [int(np.searchsorted(STARTS, t * 1000, side="right") - 1) for t in middles]


@pytest.mark.parametrize(
    ("matrix", "made"),
    [
        ((0, 1, -1, 0), lambda lying: np.rot90(lying, 3)),  # a phone held upright
        ((-1, 0, 0, -1), lambda lying: np.rot90(lying, 2)),
        ((0, -1, 1, 0), lambda lying: np.rot90(lying, 1)),
        ((-1, 0, 0, 1), lambda lying: lying[:, ::-1]),  # a mirror, as front cameras write it
        ((0, 1, 1, 0), lambda lying: lying.transpose(1, 0, 2)),
    ],
    ids="right half left mirrored transposed".split(),
)  # fmt: skip
def test_a_turned_film_stands_upright(
    tmp_path: Path, process: VideoProcess, matrix: tuple[int, int, int, int], made: object
) -> None:
    turned(tmp_path / "phone.mp4", matrix)
    clip, _ = both(tmp_path / "phone.mp4", process, times=(0.2,))
    right = made(stripes(5))  # type: ignore[operator]
    assert tuple(clip.frames_TCHW.shape[2:]) == right.shape[:2]
    assert np.abs(clip.frames_TCHW[0].numpy().transpose(1, 2, 0).astype(int) - right).mean() < 8


def test_of_two_streams_one_is_chosen_and_named(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "two.mkv", range(10), streams=2)
    clip, _ = both(tmp_path / "two.mkv", process, times=(0.2,))
    assert numbers(clip.frames_TCHW) == [5]
    assert clip.note == "of its 2 video streams, number 0 is read"


def test_a_gif_is_read_with_its_own_times_over_white(tmp_path: Path, process: VideoProcess) -> None:
    frames = [Image.fromarray(stripes(number)) for number in range(6)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[100, 300, 50, 50, 200, 100])
    clip, _ = both(tmp_path / "a.gif", process, times=(0.35, 0.05, 0.42, 0.6))
    assert numbers(clip.frames_TCHW) == [1, 0, 2, 4]
    assert clip.reader == PYAV
    clear = [Image.new("RGBA", (16, 16), (200, 0, 0, 0)) for _ in range(2)]
    clear[1].putpixel((0, 0), (0, 0, 0, 255))
    clear[0].save(tmp_path / "b.gif", save_all=True, append_images=clear[1:], duration=100, disposal=2)
    assert read_video(tmp_path / "b.gif", times=(0.05,), process=process).frames_TCHW[0, :, 8, 8].tolist() == [255] * 3


@pytest.mark.parametrize(("ending", "copts"), [("mkv", {}), ("mp4", {"movflags": "faststart"})], ids=["mkv", "mp4"])
def test_a_film_that_is_cut_off_never_repeats_its_last_frame(
    tmp_path: Path, process: VideoProcess, ending: str, copts: dict[str, str]
) -> None:
    file = tmp_path / f"cut.{ending}"
    film(file, range(60), copts=copts, bf="0", g="5")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    clip, _ = both(file, process, count=8)
    found = numbers(clip.frames_TCHW)
    assert len(set(found)) == 8, found
    assert "it is cut off" in clip.note
    assert 0.5 < clip.length_seconds < 2
    assert found == [round(second * 25) for second in clip.seconds]
    with pytest.raises(Refused, match=r"a frame at 2\.2 s was asked for, and it ends after"):
        read_video(file, times=(2.2,), process=process)


def test_frames_damaged_in_the_middle_are_told(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "hole.mp4", range(60), copts={"movflags": "faststart"}, bf="0", g="1")
    data = bytearray((tmp_path / "hole.mp4").read_bytes())
    middle = (data.find(b"mdat") + len(data)) // 2
    data[middle : middle + 500] = b"\xff" * 500
    (tmp_path / "hole.mp4").write_bytes(bytes(data))
    clip = read_video(tmp_path / "hole.mp4", count=60, process=process)
    repeated = 60 - len(set(clip.seconds))
    assert 0 < repeated < 20
    assert f"in place of {repeated} frames that cannot be decoded the one before stands" in clip.note


@pytest.mark.parametrize("time", [-0.5, 2.5, float("nan")])
def test_a_time_outside_of_the_film_is_refused(tmp_path: Path, process: VideoProcess, time: float) -> None:
    film(tmp_path / "a.mp4", range(10))
    with pytest.raises(Refused, match=r"was asked for, and it ends after 0\.40 s"):
        read_video(tmp_path / "a.mp4", times=(0.1, time), process=process)
    end, _ = both(tmp_path / "a.mp4", process, times=(0.0, 0.4))
    assert numbers(end.frames_TCHW) == [0, 9]


def test_the_same_frame_far_apart_is_noticed_as_well(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "a.mp4", range(10))
    one = read_video(tmp_path / "a.mp4", times=(0.05, 0.2, 0.06), process=process)  # asked for twice: nothing is wrong
    assert (one.reader, one.note) == (DECORD, "")
    again = tmp_path / "again.mp4"
    film_of(again, [1, 2, 1])
    clip, _ = both(again, process, times=(0.0, 0.04, 0.08))
    assert clip.note == "decord gave 1 frames twice" or clip.reader == DECORD
    assert numbers(clip.frames_TCHW) == [1, 2, 1]


def film_of(path: Path, shown: list[int]) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for number in shown:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stripes(number), "rgb24")))
        container.mux(stream.encode())


def test_a_film_that_was_cut_off_is_refused_by_its_name_alone(tmp_path: Path, process: VideoProcess) -> None:
    film(tmp_path / "whole.mp4", range(60))
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(Refused) as caught:
        read_video(tmp_path / "cut.mp4", process=process)
    assert caught.value.problems[0].what == "cut.mp4 cannot be decoded: Invalid data found when processing input."


KINDS = [  # how a film may be kept
    ("closed.mp4", "libx264", {}),
    ("open.mp4", "libx264", {"x264-params": "open-gop=1"}),
    ("closed.mkv", "libx264", {}),
    ("stream.ts", "libx264", {"x264-params": "open-gop=1"}),
    ("two.mkv", "mpeg2video", {"bf": "2"}),
    ("four.mov", "mpeg4", {"bf": "2"}),
    ("four.avi", "mpeg4", {"bf": "2"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS, ids=[kind[0] for kind in KINDS])
def test_frames_that_lie_far_apart_are_sought_and_are_those_of_a_walk(
    tmp_path: Path, process: VideoProcess, name: str, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / name
    film(path, range(450), codec=codec, g="12", **options)
    places = [1, 23, 24, 47, 95, 191, 287, 383, 449]
    with path.open("rb") as file:
        line = timeline_of(file)
        times = [line.starts[place] for place in places]
        assert lie_far_apart(line, places)
        found = sought(file, line, places, lambda frame: frame.to_ndarray(format="rgb24").tobytes())
        walked = by_pyav(file, {"times": [*times, *line.starts[:300]]})[1]  # too many for seeking
    clip = read_video(path, times=tuple(times), process=process)
    assert clip.seconds == tuple(times)
    assert numbers(clip.frames_TCHW) == [place % 256 for place in places]  # stripes count in eight bits
    assert (clip.reader, clip.note) == (PYAV, FAR_APART)
    assert found is not None
    assert b"".join(found[place] for place in places) == walked[: len(places) * 320 * 192 * 3]


def test_a_key_frame_that_does_not_lead_to_the_frame_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film(path, range(100), g="10")
    with path.open("rb") as file:
        line = timeline_of(file)
        wrong = replace(
            line, keys=tuple(replace(key, ticks=line.keys[-1].ticks, decoded=line.keys[-1].ticks) for key in line.keys)
        )
        assert sought(file, line, [15, 35], len_of) == {15: 320, 35: 320}
        assert sought(file, wrong, [15, 35], len_of) is None
        moved = replace(line, starts=tuple(start + 0.013 for start in line.starts))
        assert sought(file, moved, [15, 35], len_of) is None


def len_of(frame: Any) -> int:
    return int(frame.width)
