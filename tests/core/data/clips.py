"""Folders of short tones as people keep recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from core.data.sources.sounds import Sounds

HERTZ = 8000


def tone(file: Path, seconds: float = 0.5, hertz: float = 440.0, amplitude: float = 0.5) -> Path:
    """A sine; the number of each differs by its pitch, so no two files are equal."""
    file.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * HERTZ)) / HERTZ
    soundfile.write(file, (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32), HERTZ)
    return file


def tones(root: Path, *names: str, seconds: float = 0.5) -> Path:
    """One for each name, each of a pitch of its own."""
    for number, name in enumerate(names):
        tone(root / name, seconds, 200.0 + 10 * number)
    return root


def jsonl(root: Path, rows: Sequence[Mapping[str, Any]], name: str = "labels.jsonl") -> Path:
    """A table of JSON lines, with a tone for each file."""
    tones(root, *dict.fromkeys(str(row["file"]) for row in rows))
    (root / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return root


def text(root: Path, name: str, words: str) -> Path:
    """A text file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(words, encoding="utf-8")
    return root


def opened(root: Path, **knobs: Any) -> Sounds:
    """The source of a folder, its index read."""
    source = Sounds(Sounds.Config(folder=str(root), hertz=HERTZ, **knobs))
    source.open()
    return source


def spans(source: Sounds, index: int) -> list[tuple[float, float, str]]:
    """The events of a clip: start, end, class."""
    marks, names = source.part(index, ("segments",))["segments"], source.code_names("segments")
    return [(span.start, span.end, names[code] if names else "") for span, code in zip(marks.spans, marks.classes)]


def sizes(source: Sounds) -> dict[str, int]:
    """Clips in each split."""
    return {split: len(indices) for split, indices in source.splits().items()}
