"""Films and sounds whose truth is known, made for tests: every frame shows its number as eight stripes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from torch import Tensor

WIDE, HIGH = 320, 192
HUNDREDTHS, EVEN = Fraction(1, 1000), Fraction(1, 25)


def stripes(number: int) -> np.ndarray[Any, Any]:
    picture = np.zeros((HIGH, WIDE, 3), np.uint8)
    for bit in range(8):
        picture[: HIGH // 2, bit * 40 : (bit + 1) * 40] = 255 * (number >> bit & 1)
        picture[HIGH // 2 :, bit * 40 : (bit + 1) * 40] = 127 * (
            number >> bit & 1
        )  # darker below: says which way is up
    return picture


def numbers(frames_TCHW: Tensor) -> list[int]:
    """Read back what :func:`stripes` drew, where it stands upright."""
    row = frames_TCHW.float().mean(1)[:, frames_TCHW.shape[2] // 4]
    step = row.shape[1] / 8
    return [sum(int(line[int((bit + 0.5) * step)] > 100) << bit for bit in range(8)) for line in row]


def film(
    path: Path, marks: Sequence[int], base: Fraction = EVEN, *, copts: Any = None, streams: int = 1,
    codec: str = "libx264", **options: str,
) -> None:  # fmt: skip
    """Frames 0, 1, ... at these marks of a time base; further streams show the number plus 100."""
    with av.open(str(path), "w", options=copts or {}) as container:
        made = []
        for _ in range(streams):
            stream = container.add_stream(codec, rate=25, options={"crf": "10", **options})
            stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
            stream.codec_context.time_base = base
            made.append(stream)
        for number, mark in enumerate(marks):
            for which, stream in enumerate(made):
                frame = av.VideoFrame.from_ndarray(stripes(number + 100 * which), "rgb24")
                frame.pts, frame.time_base = int(mark), base
                container.mux(stream.encode(frame))
        for stream in made:
            container.mux(stream.encode())


def trimmed(path: Path) -> None:
    """60 frames cut to the last 30 without encoding them anew: an edit list hides the first."""
    whole = path.with_name("whole.mp4")
    film(whole, range(60), bf="0", g="60")
    with av.open(str(whole)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                earlier = round(Fraction(30, 25) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - earlier, packet.dts - earlier, stream
                container.mux(packet)


def turned(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Ten frames with a display matrix a, b, c, d."""
    film(path, range(10))
    data, one = bytearray(path.read_bytes()), 65536
    place = data.find(b"tkhd") + 4 + 4 + 20 + 8 + 8
    a, b, c, d = (one * number for number in matrix)
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def sound(
    path: Path, samples_CS: np.ndarray[Any, Any], rate: int, codec: str, *, starts: int = 0, frames: int = 0,
    copts: Any = None, size: int = 1024,
) -> None:  # fmt: skip
    """A sound that begins at sample ``starts``, beside ``frames`` pictures where wanted."""
    layout = "mono" if len(samples_CS) == 1 else "stereo"
    form = "s16" if codec in ("pcm_s16le", "libopus") else "fltp"
    with av.open(str(path), "w", options=copts or {}) as container:
        picture = container.add_stream("libx264", rate=25) if frames else None
        track = container.add_stream(codec, rate=rate, layout=layout)
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = WIDE, HIGH, "yuv420p"
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(stripes(number), "rgb24")
                frame.pts, frame.time_base = number, EVEN
                container.mux(picture.encode(frame))
            container.mux(picture.encode())
        for start in range(0, samples_CS.shape[1], size):
            piece = samples_CS[:, start : start + size]
            piece = (piece.T.reshape(1, -1) * 32767).astype(np.int16) if form == "s16" else piece
            heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), form, layout)
            heard.sample_rate, heard.pts, heard.time_base = rate, starts + start, Fraction(1, rate)
            container.mux(track.encode(heard))
        container.mux(track.encode())
