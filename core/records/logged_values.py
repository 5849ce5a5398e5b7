"""Values as trackers keep them in JSON: numbers, numbers as words, nested names, and what stands for a file or a histogram."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.records.gathering import Gathering, is_kept
from core.records.media import audio_event, histogram_event, picture_event, text_event

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
MOST_FILE_BYTES = 64 << 20
DEEPEST = 8
IMAGES, AUDIO = frozenset({"image-file", "trackio.image"}), frozenset({"audio-file", "trackio.audio"})
HISTOGRAMS = frozenset({"histogram", "trackio.histogram"})
Find = Callable[[str], bytes | None]  # the bytes of a file that a value names


def take_values(gathered: Gathering, values: Mapping[str, Any], step: int, wall: float, find: Find) -> None:
    """Everything that was logged at a step; nested names are joined by dots."""
    for name, value in _leaves(values, "", 0):
        if isinstance(value, bool | int | float):
            gathered.figure(name, step, _float(value), wall)
        elif isinstance(value, str) and value in WORDS:
            gathered.figure(name, step, WORDS[value], wall)
        elif isinstance(value, str):
            text_event(gathered, name, step, wall, (value.encode("utf-8", "replace"),))
        elif isinstance(value, Mapping) and "_type" in value:
            _take_object(gathered, name, value, step, wall, find)
        elif value is not None:
            gathered.leave_out("lists and tables, which have no plot here")


def _leaves(values: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and "_type" not in value and depth < DEEPEST:
            yield from _leaves(value, f"{name}.", depth + 1)
        else:
            yield name, value


def _take_object(
    gathered: Gathering, name: str, value: Mapping[str, Any], step: int, wall: float, find: Find
) -> None:  # fmt: skip
    kind = str(value["_type"])
    if kind in HISTOGRAMS:
        _take_histogram(gathered, name, value, step, wall)
        return
    paths = value.get("filenames") if kind == "images/separated" else [value.get("path", value.get("file_path"))]
    if kind not in IMAGES | AUDIO | {"images/separated"} or not isinstance(paths, list):
        gathered.leave_out("lists and tables, which have no plot here")
        return
    files = [data for path in paths if isinstance(path, str) and (data := find(path)) is not None]
    if len(files) < len(paths):
        gathered.leave_out("images and audio whose files are not beside the record", len(paths) - len(files))
    if files:
        (audio_event if kind in AUDIO else picture_event)(gathered, name, step, wall, files)


def _take_histogram(gathered: Gathering, name: str, value: Mapping[str, Any], step: int, wall: float) -> None:
    counts, packed = np.asarray(value.get("values", ()), dtype=np.float64), value.get("packedBins")
    if isinstance(packed, Mapping) and int(packed["count"]) != counts.size:  # before so many edges are made
        raise ValueError("a histogram whose edges do not match its counts")
    if isinstance(packed, Mapping):
        edges = float(packed["min"]) + float(packed["size"]) * np.arange(int(packed["count"]) + 1)
    else:
        edges = np.asarray(value.get("bins", ()), dtype=np.float64)
    if counts.ndim != 1 or len(edges) != len(counts) + 1:
        raise ValueError("a histogram whose edges do not match its counts")
    histogram_event(gathered, name, step, wall, edges[:-1], edges[1:], counts)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond what a float holds
        return math.inf if value > 0 else -math.inf


def parsed(text: str | bytes) -> Any:
    """JSON. Raises ValueError where it is none."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error


def plain(text: str) -> object:
    """A setting that was kept as text, as the number or the switch that it is."""
    if text in ("True", "False", "true", "false"):
        return text in ("True", "true")
    try:
        number = int(text)
        return number if is_kept(number) else text
    except ValueError:
        pass
    try:
        real = float(text)
    except ValueError:
        return text
    return real if math.isfinite(real) else text


def finder(root: Path) -> Find:
    """Reads files below a folder, and no others: no link, no way out, none that is too large."""

    def find(relative: str) -> bytes | None:
        parts = Path(relative).parts
        if not parts or Path(relative).is_absolute() or ".." in parts:
            return None
        place = root
        for part in parts:
            place = place / part
            if place.is_symlink():
                return None
        if not place.is_file() or place.stat().st_size > MOST_FILE_BYTES:
            return None
        return place.read_bytes()

    return find
