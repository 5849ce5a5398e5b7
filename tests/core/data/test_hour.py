"""An hour of film read as a stream, frame by frame: memory stays as it is, here and in the decoding process."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from core.data.live import arrivals
from core.data.readers.video_process import video_process

SECONDS, RATE, EDGE = 3600, 2, 128
MINE, TOGETHER = 4 * 2**20, 48 * 2**20  # bytes: the decoder's process settles in its first half; all frames are 354 MiB


def hour(path: Path) -> None:
    """The number of every frame as its brightness, counted to 200."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "18", "g": "20"})
        stream.width, stream.height, stream.pix_fmt = EDGE, EDGE, "yuv420p"
        for number in range(SECONDS * RATE):
            picture = np.full((EDGE, EDGE, 3), 20 + number % 200, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


def held() -> tuple[int, int]:
    """Bytes of this process, and of it and those it has started."""
    here = psutil.Process()
    mine = int(here.memory_info().rss)
    return mine, mine + sum(one.memory_info().rss for one in here.children(recursive=True))


@pytest.mark.long
def test_an_hour_takes_no_more_memory_than_its_first_minutes(tmp_path: Path) -> None:
    hour(tmp_path / "hour.mp4")
    seen, bytes_held = [], []
    try:
        for number, one in enumerate(arrivals(tmp_path / "hour.mp4", size=16)):
            assert one.frame_CHW is not None
            seen.append((one.due, float(one.frame_CHW.float().mean())))
            if number % 240 == 239:  # every two minutes of it
                bytes_held.append(held())
    finally:
        video_process().close()
    due, brightness = np.array(seen).T
    assert len(due) == SECONDS * RATE
    np.testing.assert_allclose(due, np.arange(SECONDS * RATE) / RATE, atol=1e-6)
    np.testing.assert_allclose(brightness, 20 + np.arange(SECONDS * RATE) % 200, atol=3)
    early, late = (
        np.median(part, 0) for part in (bytes_held[2:9], bytes_held[-7:])
    )  # a process may come and go between
    assert late[0] - early[0] < MINE
    assert late[1] - early[1] < TOGETHER
