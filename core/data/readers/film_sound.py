"""The sound of a film, at its own rate, placed on the film's time. Imported by the decoding process only.

Channels are decoded and their mean is taken: FFmpeg's own mixing gives 0.707 (L + R), which is louder. What begins later
than the film has silence in front; samples that an encoder put in front of the sound are where the container places them.
Axes: C channels, S samples.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from core.data.readers.film_timeline import opened, zero_of
from core.telemetry.spans import samples_in, samples_lasting

Answer = tuple[dict[str, Any], bytes]
GAP = 0.1  # seconds: a longer hole in the times is silence, a shorter one is rounding
_PRIMED, _UNSAID = ("aac", "mp3"), ("aac", "mpegts", "flv", "mp3")


class Window:
    """Samples from ``first`` on, ``count`` of them; the rest is not kept."""

    def __init__(self, first: int, count: int) -> None:
        self.first, self.last = first, first + count
        self.at = 0  # where the next sample lies
        self._parts: list[NDArray[np.float32]] = []

    @property
    def is_full(self) -> bool:
        """Whether everything behind lies outside."""
        return self.at >= self.last

    def silence(self, count: int) -> None:
        """Nothing, for so long."""
        begin, end = max(self.at, self.first), min(self.at + count, self.last)
        if end > begin:
            self._parts.append(np.zeros(end - begin, np.float32))
        self.at += count

    def add(self, samples_S: NDArray[np.float32]) -> None:
        """The next samples; those before the zero of time are dropped."""
        begin, end = max(self.first - self.at, -self.at, 0), max(self.last - self.at, 0)
        self._parts.append(samples_S[begin:end])
        self.at += len(samples_S)

    def made(self, most: int) -> NDArray[np.float32]:
        """All of it, up to the sample ``most`` of the film."""
        samples_S = np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)
        return samples_S[: max(0, most - self.first)]


def audio(file: BinaryIO, start: float, seconds: float) -> Answer:
    """One channel, float32, from ``start`` seconds of the film on."""
    with opened(file) as container:
        stream = container.streams.best("audio")
        if stream is None:
            return {"rate": 1, "silent": True}, b""
        remarks = _remarks(container, stream)
        samples_S, rate, lost = _heard(container, stream, start, seconds)
    if lost:
        remarks.append(f"Pieces of its sound that cannot be decoded: {lost}.")
    return {"rate": rate, "remarks": remarks}, samples_S.astype("<f4").tobytes()


def _remarks(container: Any, stream: Any) -> list[str]:
    found = []
    if len(container.streams.audio) > 1:
        found.append(f"Of its {len(container.streams.audio)} sounds, stream {stream.index} is read.")
    names = set(container.format.name.split(","))
    if stream.codec_context.name.startswith(_PRIMED) and names & set(_UNSAID) and not container.start_time:
        late = "The file does not tell how many samples its encoder put in front, so its audio may begin late."
        found.append(late)
    return found


def _heard(container: Any, stream: Any, start: float, seconds: float) -> tuple[NDArray[np.float32], int, int]:
    zero, tick = zero_of(container), float(stream.time_base)
    window, resampler, rate, end, lost = Window(0, 0), None, 0, 0.0, 0
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            lost += 1
            continue
        if packet.pts is not None and packet.duration:
            end = max(end, float((packet.pts + packet.duration) * packet.time_base) - zero)
        for frame in frames:
            if resampler is None:
                rate = int(frame.sample_rate)
                window = Window(samples_in(start, rate), samples_lasting(seconds, rate))
                resampler = av.AudioResampler(format="fltp")
                if frame.time is not None:
                    window.at = min(0, samples_in(float(frame.time) - zero, rate))
            _fill_gap(window, frame, zero, rate)
            for piece in resampler.resample(frame):
                window.add(piece.to_ndarray().mean(axis=0, dtype=np.float32))
        if window.is_full and resampler is not None:
            break
    if resampler is None:
        if lost:
            raise ValueError("no piece of its sound can be decoded")
        return np.zeros(0, np.float32), 1, 0
    for piece in resampler.resample(None):
        window.add(piece.to_ndarray().mean(axis=0, dtype=np.float32))
    slack = tick if tick * rate > 2 else 0.0  # a container that counts milliseconds rounds its lengths
    most = samples_in(end + slack, rate) if end else window.last
    return window.made(most), rate, lost


def _packets(container: Any, stream: Any) -> Any:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return


def _fill_gap(window: Window, frame: Any, zero: float, rate: int) -> None:
    if frame.time is None:
        return
    ahead = samples_in(float(frame.time) - zero, rate) - window.at
    if ahead > (GAP * rate if window.at > 0 else 0):
        window.silence(min(ahead, max(window.last - window.at, 0)))
