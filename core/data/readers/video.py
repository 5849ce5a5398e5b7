"""Frames from video files: decord where its frames are those of the container's times, PyAV for everything else.

A time's frame is the last that began before it, whatever the rate. PyAV reads what decord cannot (AV1, GIF) and what it
gets wrong: trimmed films, films that are cut off, several streams, one frame for two times. Frames that lie far apart in a long
film it seeks from the key frames before them, in less than half of decord's time. The clip says why. Axes: T
frames, C channels, H height, W width.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.data.media import Film
from core.data.readers.video_process import VideoProcess, video_process
from core.problems import Refused, refuse

DECORD, PYAV = "decord", "PyAV"
MOST_FRAMES = 1024


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Frames with the times they were shown at."""

    frames_TCHW: Tensor  # uint8
    seconds: tuple[float, ...]
    durations: tuple[float, ...]  # how long each is shown
    rate: float  # frames a second, on average
    reader: str
    note: str = ""  # why it was not decord, and what is odd about the file
    length_seconds: float = 0.0  # of the whole film, as far as it is there

    @property
    def film(self) -> Film:
        """What a sample carries of it."""
        return Film(frames_TCHW=self.frames_TCHW, starts=self.seconds, durations=self.durations)


def read_video(
    file: Path,
    *,
    count: int = 8,
    times: tuple[float, ...] = (),
    size: int | None = None,
    shape: str = "crop",
    reader: str = "automatic",
    name: str = "",
    process: VideoProcess | None = None,
) -> Clip:
    """``count`` frames from the middles of equal parts, or the frames shown at ``times`` (seconds).

    ``size``: edge of a square; ``shape``: how it is reached, ``crop``, ``fit`` or ``stretch``; or ``whole``, no square but
    the frame's proportions with the longer edge at most so long. ``reader``: ``automatic``, ``decord`` or ``PyAV``. Raises Refused
    naming the file: missing, not a video, damaged, a time outside of it, or more than ten seconds to decode.
    """
    name = name or file.name
    if not file.is_file():
        raise refuse(f"{name} is not there.")
    if not 1 <= (len(times) or count) <= MOST_FRAMES:
        raise refuse(f"{len(times) or count} frames were asked for; 1 to {MOST_FRAMES} can be read at once.")
    request = {"count": count, "times": list(times), "size": size, "shape": shape}
    process = process or video_process()
    if reader == PYAV:
        return _clip(*process.frames(file, "pyav", request, name), PYAV)
    if reader == DECORD:
        facts, frames = process.frames(file, "decord", request, name)
        if "disagrees" in facts:
            raise refuse(f"{name} cannot be read by decord: {facts['disagrees']}.", hint="Let PyAV read it.")
        return _clip(facts, frames, DECORD)
    return _automatic(file, request, name, process)


@dataclass(frozen=True, kw_only=True)
class FilmIndex:
    """When the frames of a film are shown, in seconds of the film; nothing of it is decoded."""

    starts: tuple[float, ...]
    end: float
    remarks: tuple[str, ...] = ()


def film_index(file: Path, *, name: str = "", process: VideoProcess | None = None) -> FilmIndex:
    """Read a film's index. Raises Refused naming the file: missing, not a video, or without a frame."""
    name = name or file.name
    if not file.is_file():
        raise refuse(f"{name} is not there.")
    facts = (process or video_process()).index(file, name)
    return FilmIndex(starts=tuple(facts["starts"]), end=float(facts["end"]), remarks=tuple(facts["remarks"]))


def _automatic(file: Path, request: dict[str, Any], name: str, process: VideoProcess) -> Clip:
    if importlib.util.find_spec("decord") is None:
        why = "decord is not installed"
    else:
        try:
            facts, frames = process.frames(file, "decord", request | {"may_seek": True}, name)
        except Refused as refused:
            why = refused.problems[0].what
        else:
            why = facts.get("disagrees", "")
            if not why and not facts["repeated"]:
                return _clip(facts, frames, DECORD)
            why = why or f"decord gave {facts['repeated']} frames twice"
    return _clip(*process.frames(file, "pyav", request, name), PYAV, why)


def _clip(facts: dict[str, Any], frames_THWC: Any, reader: str, why: str = "") -> Clip:
    frames = torch.from_numpy(frames_THWC.copy()).permute(0, 3, 1, 2).contiguous()
    remarks = [remark for remark in facts["remarks"] if remark not in why]
    return Clip(
        frames_TCHW=frames, seconds=tuple(facts["times"]), durations=tuple(facts["durations"]), rate=float(facts["rate"]), reader=reader,
        note="; ".join([*([why] if why else []), *remarks]), length_seconds=float(facts["seconds"]),
    )  # fmt: skip
