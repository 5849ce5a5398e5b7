"""Frames that lie far apart, each decoded from the key frame before it. Imported by the decoding process only.

A ten-minute film need not be decoded for 32 of its frames: the container is sought at the last key frame that begins no later
than the frame that is wanted. Where a container's seeking or a decoder's key frame does not lead to the very frame, by its
time, nothing is answered, and the film is walked from its start instead. In H.264 a frame that no other refers to
(``nal_ref_idc`` 0, ITU-T H.264 7.4.1) is left out of the decoding unless it is wanted; other codecs decode all.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, TypeVar

import av

from core.data.readers.film_timeline import SLACK, Timeline, moving, opened, zero_of

# frames between two wanted ones on average (nearer, decord is as fast), and key frames they lie behind
FAR, KEYS = 48, 4
Groups = list[tuple[int, list[int]]]
Made = TypeVar("Made")


def lie_far_apart(line: Timeline, places: Sequence[int]) -> bool:
    """Whether frames are so far apart that what is between them is better not decoded."""
    distinct = sorted(set(places))
    return distinct[-1] - distinct[0] >= FAR * len(distinct) and len(_behind_keys(line, distinct)) >= KEYS


def is_shorter(line: Timeline, places: Sequence[int]) -> bool:
    """Whether seeking decodes at most half of the frames that lead up to the last one."""
    groups = _behind_keys(line, sorted(set(places)))
    first = [line.place(line.keys[key].start) if key >= 0 else 0 for key, _ in groups]
    decoded = sum(behind[-1] - begin + 1 for begin, (_, behind) in zip(first, groups))
    return bool(line.keys) and 2 * decoded <= max(places) + 1


def _behind_keys(line: Timeline, places: Sequence[int]) -> Groups:
    """Places by the key frame that begins last before them; -1: before the first."""
    begins = [key.start for key in line.keys]
    keyed = itertools.groupby(places, key=lambda place: bisect_right(begins, line.starts[place] + SLACK) - 1)
    return [(key, list(behind)) for key, behind in keyed]


def sought(
    file: BinaryIO, line: Timeline, places: Sequence[int], make: Callable[[Any], Made]
) -> dict[int, Made] | None:
    """What is made of each of these frames; None where seeking does not find one of them, or finds it damaged."""
    made: dict[int, Made] = {}
    with opened(file) as container:
        stream, _ = moving(container)
        stream.codec_context.thread_count = 1  # several would decode ahead of every frame that is sought
        zero = zero_of(container)
        for key, behind in _behind_keys(line, sorted(set(places))):
            for ticks in _tries(line, key):
                container.seek(ticks, stream=stream, backward=True)
                if _group(container, stream, line, zero, set(behind) - set(made), make, made):
                    break
            else:
                return None
    return made


def _tries(line: Timeline, key: int) -> list[int]:
    """Where to seek, one after the other: a container that counts when frames are decoded may lead behind the one that is meant."""
    meant = line.keys[key]
    return [meant.ticks, meant.decoded, *([line.keys[key - 1].decoded] if key else [])]


def _group(
    container: Any, stream: Any, line: Timeline, zero: float, places: set[int],
    make: Callable[[Any], Made], made: dict[int, Made],
) -> bool:  # fmt: skip
    """Decode until all of one key frame's places are found; false where one is passed by, or is damaged."""
    codec, last, base = stream.codec_context, max(places), stream.time_base
    skips = codec.name == "h264"
    try:
        for packet in container.demux(stream):
            if skips:
                begins = None if packet.pts is None else packet.pts * base.numerator / base.denominator - zero
                meant = _place(line, begins)
                codec.skip_frame = "NONREF" if meant is not None and meant not in places else "DEFAULT"
            for frame in packet.decode():
                place = _place(line, None if frame.time is None else float(frame.time) - zero)
                if place is None or place > last:
                    return False
                if place in places:
                    if frame.is_corrupt:
                        return False
                    made[place] = make(frame)
                    places.discard(place)
                if not places:
                    return True
    except av.FFmpegError:
        return False
    finally:
        codec.skip_frame = "DEFAULT"
    return False


def _place(line: Timeline, time: float | None) -> int | None:
    """The frame that begins at a time; None where none does."""
    if time is None:
        return None
    place = line.place(max(time, 0.0))
    return place if abs(line.starts[place] - max(time, 0.0)) <= SLACK else None
