"""Frames of a film at times, by decord or by PyAV, from one timeline. Imported by the decoding process only.

decord is fast and sometimes wrong: it counts frames that an edit list hides, and its random access may hand out one frame
for two times. Where its times differ from the container's, it says so instead of answering. Axes: T H W C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray
from PIL import Image

from core.data.readers.film_seeking import is_shorter, lie_far_apart, sought
from core.data.readers.film_timeline import SLACK, Timeline, decoded, moving, opened, timeline_of, zero_of

MOST_BYTES = 2**31
MOST_PIXELS = 64 * 2**20
FAR_APART = "the frames lie far apart and are sought one by one"
SAME_TIME = 0.0015  # seconds: Matroska counts milliseconds
_AVERAGED = Image.Resampling.BILINEAR
Answer = tuple[dict[str, Any], bytes]
Pixels = NDArray[np.uint8]


def times_in(line: Timeline, request: dict[str, Any]) -> list[float]:
    """When frames are wanted: as asked, or in the middles of equal parts. Raises ValueError for a time outside."""
    if request.get("times"):
        times = [float(time) for time in request["times"]]
        outside = next((time for time in times if not 0 <= time <= line.end + SLACK), None)
        if outside is not None:
            raise ValueError(f"a frame at {outside:g} s was asked for, and it ends after {line.end:.2f} s")
        return times
    count, begin = int(request["count"]), line.starts[0]
    return [begin + (part + 0.5) * (line.end - begin) / count for part in range(count)]


def by_decord(file: BinaryIO, request: dict[str, Any]) -> Answer:
    """Frames at times, by random access; or ``disagrees`` with the reason, which is also that they are better sought."""
    import decord

    line = timeline_of(file)
    if request.get("may_seek") and lie_far_apart(line, [line.place(time) for time in times_in(line, request)]):
        return {"disagrees": FAR_APART}, b""
    file.seek(0)
    reader = decord.VideoReader(file, num_threads=1)
    if reason := _disagrees(line, reader, file):
        return {"disagrees": reason}, b""
    places = [line.place(time) for time in times_in(line, request)]
    height, width = reader[0].shape[:2]
    _check_size(width, height, len(places))
    batch = reader.get_batch(places).asnumpy()
    if len(batch) != len(places):
        raise ValueError(f"{len(places)} frames were asked for, {len(batch)} came")
    homes: dict[bytes, set[int]] = {}
    for place, frame in zip(places, batch):
        homes.setdefault(frame.tobytes(), set()).add(place)
    repeated = sum(len(found) - 1 for found in homes.values())
    frames = [Square.asked(request).of(frame) for frame in batch]
    return _packed(frames, [line.starts[place] for place in places], line, repeated)


def _disagrees(line: Timeline, reader: Any, file: BinaryIO) -> str:
    """Why decord's frames are not those of the timeline."""
    if line.remarks:
        return "; ".join(line.remarks)
    if len(reader) != len(line.starts):
        return f"decord counts {len(reader)} frames, {len(line.starts)} are shown"
    marks = reader.get_frame_timestamp(list(range(len(reader))))[:, 0].astype(float)
    starts = np.array(line.starts)
    if marks[0] < -SAME_TIME or np.abs((marks - marks[0]) - (starts - starts[0])).max() > SAME_TIME:
        return "decord gives its frames other times"
    with opened(file) as container:
        first = next(decoded(container, moving(container)[0]), None)
    return "its picture is mirrored" if first is not None and _matrix(first)[1] else ""


def by_pyav(file: BinaryIO, request: dict[str, Any]) -> Answer:
    """Frames at times: sought from the key frames before them, else in one pass from the start; never a wrong frame."""
    line, square = timeline_of(file), Square.asked(request)
    wanted = times_in(line, request)
    places = [line.place(time) for time in wanted]
    if is_shorter(line, places):

        def brought(frame: Any) -> Pixels:
            _check_size(frame.width, frame.height, len(places))
            return square.of(_rgb(frame))

        made = sought(file, line, places, brought)
        if made is not None:
            return _packed([made[place] for place in places], [line.starts[place] for place in places], line, 0)
    frames, marks, last = _walk(file, line, wanted, square)
    if last < line.starts[line.place(max(wanted))] - SAME_TIME:  # what is behind cannot be decoded: it is cut off there
        line = line.until(last)
        wanted = times_in(line, request)
        frames, marks, last = _walk(file, line, wanted, square)
    early = sum(mark < line.starts[line.place(time)] - SAME_TIME for mark, time in zip(marks, wanted))
    remarks = (f"in place of {early} frames that cannot be decoded the one before stands",) if early else ()
    return _packed(frames, marks, line, 0, remarks)


def _walk(
    file: BinaryIO, line: Timeline, wanted: list[float], square: Square
) -> tuple[list[Pixels], list[float], float]:
    """For every wanted time the last frame that began before it, with its start; and when the last decoded one began."""
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    pictures: list[Any] = [None] * len(wanted)
    marks = [0.0] * len(wanted)
    last, began, done = None, 0.0, 0
    with opened(file) as container:
        stream, _ = moving(container)
        stream.thread_type = "AUTO"
        zero = zero_of(container)
        _check_size(stream.codec_context.width, stream.codec_context.height, len(wanted))
        for number, frame in enumerate(decoded(container, stream)):
            now = (
                max(0.0, float(frame.time) - zero)
                if frame.time is not None
                else line.starts[min(number, len(line.starts) - 1)]
            )
            behind = next((n for n in range(done, len(order)) if wanted[order[n]] + SLACK >= now), len(order))
            if last is not None and behind > done:
                done = _put(pictures, marks, order[done:behind], behind, square.of(_rgb(last)), began)
            last, began = frame, now
            if done == len(order):
                break
        if last is None:
            raise ValueError("no frame of it can be decoded")
        if done < len(order):
            _put(pictures, marks, order[done:], len(order), square.of(_rgb(last)), began)
    return pictures, marks, began


def _put(pictures: list[Any], marks: list[float], places: list[int], done: int, picture: Pixels, began: float) -> int:
    for place in places:
        pictures[place], marks[place] = picture, began
    return done


def _rgb(frame: Any) -> Pixels:
    """Upright, over white where it can be seen through."""
    if any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8":
        pixels = frame.to_ndarray(format="rgba").astype(np.float32)
        share = pixels[..., 3:] / 255
        made = (pixels[..., :3] * share + 255 * (1 - share) + 0.5).astype(np.uint8)
    else:
        made = frame.to_ndarray(format="rgb24")
    turns, mirrored = _matrix(frame)
    return np.ascontiguousarray(np.rot90(made[:, ::-1] if mirrored else made, turns))


def _matrix(frame: Any) -> tuple[int, bool]:
    """Quarter turns against the clock, after a mirroring from left to right, from the display matrix of a phone."""
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(memoryview(data), "<i4")[:5].astype(float)
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return round(np.degrees(np.arctan2(-b, a)) / 90) % 4, bool(mirrored)


def _check_size(width: int, height: int, count: int) -> None:
    if width * height > MOST_PIXELS or width * height * 3 * count > MOST_BYTES:
        raise ValueError(f"{count} frames of {width} by {height} pixels are too many")


@dataclass(frozen=True, kw_only=True)
class Square:
    """What frames are brought to: ``crop`` cuts the middle out, ``fit`` adds black borders, ``stretch`` distorts.

    ``whole`` keeps their proportions: only what is longer than the edge is made smaller.
    """

    edge: int = 0  # pixels; 0: frames stay as they are
    shape: str = "crop"

    @classmethod
    def asked(cls, request: dict[str, Any]) -> Square:
        """What a request says."""
        return cls(edge=int(request.get("size") or 0), shape=str(request.get("shape") or "crop"))

    def of(self, frame_HWC: Any) -> Pixels:
        """A frame of it, averaged down."""
        if not self.edge:
            return np.asarray(frame_HWC)
        height, width = frame_HWC.shape[:2]
        picture = Image.fromarray(frame_HWC)
        longest = max(height, width)
        if self.shape == "whole":
            share = min(1.0, self.edge / longest)
            return np.asarray(picture.resize((max(1, round(width * share)), max(1, round(height * share))), _AVERAGED))
        if self.shape == "fit":
            sides = max(1, round(width * self.edge / longest)), max(1, round(height * self.edge / longest))
            made = np.zeros((self.edge, self.edge, 3), np.uint8)
            left, top = (self.edge - sides[0]) // 2, (self.edge - sides[1]) // 2
            inside = np.asarray(picture.resize(sides, _AVERAGED))
            made[top : top + sides[1], left : left + sides[0]] = inside
            return made
        edge = min(height, width)
        middle = ((width - edge) / 2, (height - edge) / 2, (width + edge) / 2, (height + edge) / 2)
        box = middle if self.shape == "crop" else None
        return np.asarray(picture.resize((self.edge, self.edge), _AVERAGED, box=box))


def _packed(
    frames: list[Pixels], marks: list[float], line: Timeline, repeated: int, remarks: tuple[str, ...] = ()
) -> Answer:
    pixels_THWC, lasting = np.stack(frames).astype(np.uint8), line.durations
    facts = {
        "shape": list(pixels_THWC.shape), "times": marks, "durations": [lasting[line.place(mark)] for mark in marks], "frames": len(line.starts), "rate": line.rate,
        "seconds": line.end, "repeated": repeated, "remarks": [*line.remarks, *remarks],
    }  # fmt: skip
    return facts, pixels_THWC.tobytes()
