"""32 frames of a ten-minute film, cold and again, beside decord's own ``get_batch``, PyAV and OpenCV.

A film of 15,000 frames made here: H.264 as x264 makes it, a key frame every ten seconds, frames between them that others refer to and
that none does. Ours goes the whole way of a run, through the decoding process and back; the others stand in this process, each as
its documentation reads frames by number: decord's ``get_batch`` with one thread, PyAV by seeking and decoding up to the frame, OpenCV
by ``CAP_PROP_POS_FRAMES``. Again: what each keeps open is kept. All give the same pixels; processor time of both processes, in
turn. Wanted: at most 0.8 of decord, and at most 1.1 of the best.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil

from core.data.readers.video import read_video
from core.data.readers.video_process import VideoProcess
from studio.benches.figure import Figure

title = "Frames that lie far apart in a long film"
SECONDS, RATE, FRAMES, WIDE, HIGH = 600, 25, 32, 320, 240
ROUNDS = 5
PLACES = [int((part + 0.5) * SECONDS * RATE / FRAMES) for part in range(FRAMES)]
DECORD, PYAV, OPENCV, OURS = "decord", "PyAV", "OpenCV", "ours"
Read = Callable[[], Any]


def measure() -> list[Figure]:
    """Ratios of processor time, and milliseconds a reading. Raises AssertionError where two readers give other pixels."""
    with tempfile.TemporaryDirectory() as folder:
        film, other = Path(folder) / "film.mp4", Path(folder) / "other.mp4"
        _write(film, SECONDS)
        _write(other, 60)
        passes = [_both(film, other) for _ in range(ROUNDS)]
    spent = {key: 1000 * statistics.median(once[key] for once in passes) for key in passes[0]}
    return [*_ratios(spent, "cold"), *_ratios(spent, "again"), *_milliseconds(spent)]


def _ratios(spent: dict[tuple[str, str], float], when: str) -> list[Figure]:
    ours = spent[OURS, when]
    others = {name: value for (name, at), value in spent.items() if at == when and name != OURS}
    best = min(others, key=lambda name: others[name])
    against = [Figure(name=f"{when}: ours / the best of the others ({best})", value=ours / others[best], most=1.1)]
    if DECORD in others:
        against.insert(0, Figure(name=f"{when}: ours / decord", value=ours / others[DECORD], most=0.8))
    return against


def _milliseconds(spent: dict[tuple[str, str], float]) -> list[Figure]:
    return [Figure(name=f"{when}: {name}", value=value, unit="ms") for (name, when), value in spent.items()]


def _both(film: Path, other: Path) -> dict[tuple[str, str], float]:
    """Seconds of every reader, for its first time with this film and the next."""
    spent, pixels = {}, {}
    for name, opened in _readers(film, other):
        for when in ("cold", "again"):
            began = _processor_seconds()
            found = opened()
            spent[name, when] = _processor_seconds() - began
        pixels[name] = np.asarray(found)
    for name, found in pixels.items():
        assert np.array_equal(found, pixels[OURS]), f"{name} gives other pixels"
    return spent


def _readers(film: Path, other: Path) -> Iterator[tuple[str, Read]]:
    process = VideoProcess()
    read_video(other, count=FRAMES, process=process)  # the process stands, its decoders are loaded
    yield OURS, lambda: read_video(film, count=FRAMES, process=process).frames_TCHW.permute(0, 2, 3, 1).numpy()
    process.close()
    yield PYAV, _kept(lambda: av.open(str(film)), _by_pyav)
    if importlib.util.find_spec("decord") is not None:
        decord = importlib.import_module("decord")
        yield (
            DECORD,
            _kept(
                lambda: decord.VideoReader(str(film), num_threads=1), lambda reader: reader.get_batch(PLACES).asnumpy()
            ),
        )
    if importlib.util.find_spec("cv2") is not None:
        cv2 = importlib.import_module("cv2")
        cv2.setNumThreads(1)
        yield OPENCV, _kept(lambda: cv2.VideoCapture(str(film)), lambda capture: _by_opencv(cv2, capture))


def _kept(begin: Callable[[], Any], read: Callable[[Any], Any]) -> Read:
    """Opened when it is first asked, then kept."""
    opened: list[Any] = []

    def answer() -> Any:
        if not opened:
            opened.append(begin())
        return read(opened[0])

    return answer


def _by_pyav(container: Any) -> Any:
    stream = container.streams.video[0]
    found = []
    for place in PLACES:
        due = round(place / RATE / stream.time_base) + (stream.start_time or 0)
        container.seek(due, stream=stream, backward=True)
        found.append(next(frame for frame in container.decode(stream) if frame.pts >= due).to_ndarray(format="rgb24"))
    return np.stack(found)


def _by_opencv(cv2: Any, capture: Any) -> Any:
    found = []
    for place in PLACES:
        capture.set(cv2.CAP_PROP_POS_FRAMES, place)
        found.append(capture.read()[1][..., ::-1])
    return np.stack(found)


def _processor_seconds() -> float:
    """Of this process and of those it has started."""
    spent = time.process_time()
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        spent += times.user + times.system
    return spent


def _write(path: Path, seconds: int) -> None:
    draw = np.random.default_rng(0)
    ground = draw.integers(0, 255, (HIGH // 8, WIDE // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "26", "g": "250"})
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        for number in range(seconds * RATE):
            picture = np.roll(ground, (2 * number, 3 * number), (0, 1))
            left = 5 * number % (WIDE - 60)
            picture[60:120, left : left + 60] = number % 256
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
