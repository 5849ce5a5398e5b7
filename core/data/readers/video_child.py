"""The process that decodes video and its sound: one request a line, one answer with its bytes, until input ends.

It runs alone (``python -I video_child.py``) with limits on memory and open files, because decoders of untrusted files
crash and hang; it imports nothing of the studio. decord reads by default, PyAV what decord cannot.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import sys
from typing import Any, BinaryIO

import numpy as np

MOST_BYTES = 2**31
MOST_MEMORY = 8 * 2**30
MOST_PIXELS = 64 * 2**20
Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer requests."""
    out = os.fdopen(os.dup(1), "wb")  # decoders may print: their words must not get into the answers
    os.dup2(2, 1)
    _limit()
    for line in sys.stdin.buffer:
        try:
            facts, body = answer(json.loads(line))
        except Exception as error:  # whatever a decoder raises is an answer
            facts, body = {"error": sentence(error)}, b""
        out.write(json.dumps({**facts, "bytes": len(body)}).encode() + b"\n" + body)
        out.flush()


def _limit() -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def sentence(error: Exception) -> str:
    """What a decoder says, without its places in source code and without a full stop."""
    words = re.sub(r"\[[\d:]+\] \S+:\d+: (Check failed: [^\n]*?\(.*?\) )?", "", str(error).strip().split("\n")[0])
    return (words[:200] or type(error).__name__).rstrip(". ")


def answer(request: dict[str, Any]) -> Answer:
    """Facts and bytes for one request."""
    with open(request["file"], "rb") as file:
        if request["what"] == "audio":
            return audio(file, request["start"], request["seconds"])
        if request["what"] == "decord":
            return by_decord(file, request)
        return by_pyav(file, request)


def times_in(seconds: float, request: dict[str, Any]) -> list[float]:
    """When frames are wanted: as asked, or in the middles of equal parts."""
    if request.get("times"):
        return [min(max(float(time), 0.0), max(seconds, 0.0)) for time in request["times"]]
    count = int(request["count"])
    return [(part + 0.5) * seconds / count for part in range(count)]


def _packed(frames: list[Any], times: list[float], facts: dict[str, Any]) -> Answer:
    pixels_THWC = np.stack(frames).astype(np.uint8)
    return {**facts, "shape": list(pixels_THWC.shape), "times": times}, pixels_THWC.tobytes()


def _check_size(width: int, height: int, count: int) -> None:
    if width * height > MOST_PIXELS or width * height * 3 * count > MOST_BYTES:
        raise ValueError(f"{count} frames of {width} by {height} pixels are too many")


def by_decord(file: BinaryIO, request: dict[str, Any]) -> Answer:
    """Frames at times, by random access."""
    import decord

    size = request.get("size")
    reader = decord.VideoReader(file, num_threads=1)
    total, rate = len(reader), float(reader.get_avg_fps())
    if total < 1 or not math.isfinite(rate) or rate <= 0:
        raise ValueError("it has no frames")
    wanted = times_in(total / rate, request)
    places = [min(int(time * rate), total - 1) for time in wanted]
    height, width = reader[0].shape[:2]
    _check_size(width, height, len(places))
    batch = reader.get_batch(places).asnumpy()
    frames = [scaled(frame, size) for frame in batch]
    if len(frames) != len(places):
        raise ValueError(f"{len(places)} frames were asked for, {len(frames)} came")
    marks = reader.get_frame_timestamp(places)[:, 0]
    line = sorted(range(len(places)), key=lambda place: places[place])
    same = sum(
        places[one] != places[other] and np.array_equal(batch[one], batch[other])
        for one, other in itertools.pairwise(line)
    )
    return _packed(
        frames, [float(mark) for mark in marks],
        {"frames": total, "rate": rate, "repeated": int(same), "distinct": len(set(places))},
    )  # fmt: skip


def by_pyav(file: BinaryIO, request: dict[str, Any]) -> Answer:
    """Frames at times, in one pass from the start: slower, but never a wrong frame."""
    import av

    with av.open(file, options={"protocol_whitelist": "file"}) as container:
        stream = _moving(container)
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or 25)
        seconds = _seconds(container, stream, rate)
        wanted = times_in(seconds, request)
        _check_size(stream.codec_context.width, stream.codec_context.height, len(wanted))
        frames, marks, total = _walk(container, stream, wanted, request.get("size"), rate)
    return _packed(frames, marks, {"frames": total, "rate": rate, "repeated": 0, "distinct": len(set(marks))})


def _moving(container: Any) -> Any:
    streams = [stream for stream in container.streams.video if not stream.disposition & 0x400]  # no cover pictures
    if not streams:
        raise ValueError("it has no moving picture")
    return max(streams, key=lambda stream: stream.codec_context.width * stream.codec_context.height)


def _seconds(container: Any, stream: Any, rate: float) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(container.duration / 1_000_000)
    return stream.frames / rate if stream.frames else 0.0


def _walk(
    container: Any, stream: Any, wanted: list[float], size: int | None, rate: float
) -> tuple[list[Any], list[float], int]:
    """For every wanted time the last frame that began before it."""
    places = sorted(range(len(wanted)), key=lambda place: wanted[place])
    chosen: dict[int, tuple[Any, float]] = {}
    last, began, total, next_place, start = None, 0.0, 0, 0, None
    for frame in container.decode(stream):
        now = float(frame.time) if frame.time is not None else total / rate
        start = now if start is None else start
        while last is not None and next_place < len(places) and wanted[places[next_place]] < now - start:
            chosen[places[next_place]] = (last, began)
            next_place += 1
        last, began, total = frame, now - start, total + 1
        if next_place == len(places):
            break
    if last is None:
        raise ValueError("no frame of it can be decoded")
    for place in places[next_place:]:
        chosen[place] = (last, began)
    pictures = [scaled(chosen[place][0].to_ndarray(format="rgb24"), size) for place in range(len(wanted))]
    return pictures, [chosen[place][1] for place in range(len(wanted))], total


def scaled(frame_HWC: Any, size: int | None) -> Any:
    """A square of ``size`` pixels: the middle cut out, then averaged down; as it is where no size is asked for."""
    if not size:
        return frame_HWC
    from PIL import Image

    height, width = frame_HWC.shape[:2]
    edge = min(height, width)
    box = ((width - edge) / 2, (height - edge) / 2, (width + edge) / 2, (height + edge) / 2)
    return np.asarray(Image.fromarray(frame_HWC).resize((size, size), Image.Resampling.BILINEAR, box=box))


def audio(file: BinaryIO, start: float, seconds: float) -> Answer:
    """One channel, float32, at the file's own rate."""
    import av

    parts, kept = [], 0
    with av.open(file, options={"protocol_whitelist": "file"}) as container:
        if not container.streams.audio:
            return {"rate": 1, "silent": True}, b""
        stream = container.streams.audio[0]
        rate = int(stream.rate)
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        first, count = int(start * rate), int(seconds * rate)
        for frame in container.decode(stream):
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray()[0])
                kept += len(parts[-1])
            if kept >= first + count:
                break
        parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    samples = np.concatenate(parts)[first : first + count] if parts else np.zeros(0)
    return {"rate": rate}, samples.astype("<f4").tobytes()


if __name__ == "__main__":
    main()
