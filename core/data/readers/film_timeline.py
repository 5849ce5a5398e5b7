"""When every frame of a film begins, from its container alone: nothing is decoded, and no rate is trusted.

Frames of phones and screen recordings last unevenly, a film that was trimmed without encoding it anew keeps frames nobody
is shown, and one that was cut off states a length it does not have. Times are seconds from where the container starts,
so that picture and sound have the same zero. Imported by the decoding process only.
"""

from __future__ import annotations

import itertools
import math
import os
import statistics
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import av

from core.telemetry.spans import durations_of, frame_at

ATTACHED = 0x400  # a cover picture, not a film
KEPT = 8  # films of which is remembered when their frames begin; 90,000 frames of an hour are 3 MB
SLACK = 1e-4  # seconds: times are sums of fractions


@dataclass(frozen=True, kw_only=True, order=True)
class Key:
    """A frame from which decoding may begin."""

    start: float  # seconds when it is shown; below zero where an edit list hides it
    ticks: int  # the same in the stream's time base
    decoded: int  # when it is decoded, in the same


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Start times of the frames that are shown, and where the last of them ends."""

    starts: tuple[float, ...]
    end: float
    remarks: tuple[str, ...] = ()
    is_cut_off: bool = False
    streams: int = 1  # moving pictures in the file
    keys: tuple[Key, ...] = ()  # none where the packets do not say their times

    @property
    def rate(self) -> float:
        """Frames a second, on average."""
        return len(self.starts) / max(self.end - self.starts[0], 1e-3)

    def place(self, time: float) -> int:
        """The frame that is shown at a time: the last that began."""
        return frame_at(time + SLACK, self.starts)

    @property
    def durations(self) -> tuple[float, ...]:
        """How long each frame is shown."""
        return durations_of(self.starts, self.end)

    def until(self, last: float) -> Timeline:
        """Cut off behind the frame that began at ``last``."""
        kept = self.place(last) + 1
        remark = f"only {kept} of {len(self.starts)} frames can be decoded"
        end = self.starts[kept] if kept < len(self.starts) else self.end
        return replace(self, starts=self.starts[:kept], end=end, remarks=(*self.remarks, remark), is_cut_off=True)


_kept: dict[tuple[int, int, int, int], Timeline] = {}


def opened(file: BinaryIO) -> Any:
    """A container, from its beginning; it may not open other files."""
    file.seek(0)
    return av.open(file, options={"protocol_whitelist": "file"})


def moving(container: Any) -> tuple[Any, int]:
    """The film's pictures as FFmpeg chooses them (marked as the default, then the largest), and how many there are."""
    streams = [stream for stream in container.streams.video if not stream.disposition & ATTACHED]
    if not streams:
        raise ValueError("it has no video stream")
    best = container.streams.best("video")
    return (best if best in streams else streams[0]), len(streams)


def zero_of(container: Any) -> float:
    """Where the container's time begins, in its own seconds."""
    return float(container.start_time) / 1e6 if container.start_time is not None else 0.0


def timeline_of(file: BinaryIO) -> Timeline:
    """Read every packet's times; of the films asked for last they are kept. Raises ValueError where there is no frame."""
    state = os.fstat(file.fileno())
    key = state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
    if key not in _kept:
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = _read(file)
    return _kept[key]


def _read(file: BinaryIO) -> Timeline:
    with opened(file) as container:
        stream, count = moving(container)
        zero, tick = zero_of(container), float(stream.time_base)
        stated = _stated(container, stream)
        starts, keys, lasting, reached, is_whole = _packets(container, stream, zero)
        remarks = []
        if count > 1:
            remarks.append(f"of its {count} video streams, number {stream.index} is read")
    if not is_whole:
        starts, keys = _by_decoding(file, zero), []
    if not starts:
        raise ValueError("no frame of it can be decoded")
    starts = sorted({max(start, 0.0) for start in starts})
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    end = starts[-1] + (lasting or (statistics.median(gaps) if gaps else max(tick, 0.04)))
    missing = stated - max(reached, end)
    is_cut_off = missing > max(0.25, 2 * max(gaps, default=0.0))
    if is_cut_off:
        remarks.append(f"it is cut off: {end:.2f} of {stated:.2f} seconds are there")
    return Timeline(
        starts=tuple(starts), end=end, remarks=tuple(remarks), is_cut_off=is_cut_off, streams=count, keys=tuple(sorted(keys)),
    )  # fmt: skip


def _stated(container: Any, stream: Any) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return float(container.duration) / 1e6 if container.duration else 0.0


def _packets(container: Any, stream: Any, zero: float) -> tuple[list[float], list[Key], float, float, bool]:
    """Starts of the shown frames, the key frames, how long the last one lasts, how far any stream reaches, whether all say their time."""
    starts: list[float] = []
    keys: list[Key] = []
    last, lasting, reached, is_whole = -math.inf, 0.0, 0.0, True
    try:
        for packet in container.demux():
            if not packet.size:
                continue
            if packet.pts is None:
                is_whole = is_whole and packet.stream_index != stream.index
                continue
            base = packet.time_base
            start = packet.pts * base.numerator / base.denominator  # as the fraction is, at a third of its time
            long = (packet.duration or 0) * base.numerator / base.denominator
            reached = max(reached, start + long - zero)
            if packet.stream_index != stream.index or packet.is_corrupt:
                continue
            if packet.is_keyframe:
                decoded = packet.pts if packet.dts is None else min(packet.pts, packet.dts)
                keys.append(Key(start=start - zero, ticks=packet.pts, decoded=decoded))
            if not packet.is_discard:
                starts.append(start - zero)
                last, lasting = max((last, lasting), (start, long))
    except av.FFmpegError:  # cut off in the middle of a packet: what came before counts
        pass
    return starts, keys, lasting, reached, is_whole


def _by_decoding(file: BinaryIO, zero: float) -> list[float]:
    with opened(file) as container:
        stream, _ = moving(container)
        rate = float(stream.average_rate or 25)
        return [
            number / rate if frame.time is None else float(frame.time) - zero
            for number, frame in enumerate(decoded(container, stream))
        ]


def decoded(container: Any, stream: Any) -> Any:
    """Every frame that can be decoded; what is damaged between them is stepped over."""
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        return
