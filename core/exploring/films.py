"""Pictures one after the other as a film: MP4 (MPEG-4 part 2 where H.264 is not there), WebM or GIF, by PyAV; a text is carried
as a tag of the container, in a GIF as a comment. Frames are [H, W, 3] of uint8."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from core.exploring.card import MOST_LETTERS
from core.exploring.carriers import carried
from core.problems import refuse

CODECS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    ".mp4": ("mp4", (("libx264", "yuv420p"), ("mpeg4", "yuv420p"))),
    ".webm": ("webm", (("libvpx-vp9", "yuv420p"), ("libvpx", "yuv420p"))),
    ".gif": ("gif", (("gif", "rgb8"),)),
}
TAG = "comment"
Frame = NDArray[np.uint8]


def film_of(
    frames: Iterable[Frame], ending: str, *, text: str = "", a_second: int = 10, goes_on: Callable[[], bool] = lambda: True
) -> bytes | None:  # fmt: skip
    """The film's bytes; None where it was told not to go on. Raises Refused for another ending, or where nothing encodes it."""
    if ending not in CODECS:
        raise refuse(f"No film is written as {ending!r}.", hint="End the name in .mp4, .webm or .gif.")
    kind, codecs = CODECS[ending]
    codec = next((each for each in codecs if each[0] in av.codecs_available), None)
    if codec is None:
        raise refuse(f"This machine's PyAV encodes no {ending} film.", hint="Choose .gif, or another ending.")
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        if text and kind != "gif":
            container.metadata[TAG] = text
        stream = container.add_stream(codec[0], rate=Fraction(a_second))
        stream.pix_fmt = codec[1]
        size: tuple[int, int] | None = None
        for frame in frames:
            if not goes_on():
                return None
            if size is None:
                size = (frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2)
                stream.width, stream.height = size
            whole = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[: size[1], : size[0]]), format="rgb24")
            container.mux(stream.encode(whole))
        container.mux(stream.encode())
    made = out.getvalue()
    return carried(made, text) if text and kind == "gif" else made


def text_in_film(data: bytes) -> str:
    """The text that a film carries; empty where it has none, or is none."""
    try:
        with av.open(io.BytesIO(data)) as container:
            found = {name.lower(): value for name, value in container.metadata.items()}.get(TAG, "")
    except (av.error.FFmpegError, OSError, ValueError):
        return ""
    return found if len(found) <= MOST_LETTERS else ""
