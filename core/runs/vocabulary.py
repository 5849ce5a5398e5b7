"""The whole vocabulary, kept as JSON between starts so that the window can draw before torch is imported.

The cache is named after the code it was made from: a changed or new block file makes another name, and so does a block of a
person's own.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from platformdirs import user_cache_dir

from core.graph.vocabulary import Vocabulary
from core.own.files import own_files
from core.own.settings import read_settings
from core.problems import Refused
from core.runs.loading import load_engine

_FOLDERS = ("blocks", "data", "training", "telemetry/diagnostics", "graph", "knobs.py")


def fingerprint() -> str:
    """Changes with every file that declares something."""
    root = Path(__file__).resolve().parents[1]
    made = hashlib.sha256()
    for folder in _FOLDERS:
        place = root / folder
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            stat = file.stat()
            made.update(f"{file.relative_to(root)}:{stat.st_size}:{stat.st_mtime_ns};".encode())
    made.update(_own().encode())
    return made.hexdigest()[:20]


def _own() -> str:
    """Which blocks of a person's own there are to load."""
    try:
        settings = read_settings()
        return (
            ";".join(f"{f.path}:{f.sha256}" for f in own_files(settings) if f.state == "allowed") if settings.on else ""
        )
    except Refused:
        return ""


def cache_file() -> Path:
    """Where this code's vocabulary is kept."""
    return Path(user_cache_dir("crossmodal-studio")) / f"vocabulary-{fingerprint()}.json"


def cached_vocabulary() -> Vocabulary | None:
    """What an earlier start kept; None where there is nothing usable. Reads one file, imports nothing."""
    try:
        return Vocabulary.from_json(json.loads(cache_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def full_vocabulary(*, again: bool = False) -> Vocabulary:
    """Everything from the classes (imports torch: seconds), kept for the next start; ``again``: own blocks are looked at anew."""
    load_engine()
    from core.runs.declared import declared_vocabulary  # torch, which is there now

    words = declared_vocabulary(again=again)
    file = cache_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for old in file.parent.glob("vocabulary-*.json"):
            old.unlink(missing_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(words.as_json()), encoding="utf-8")
        os.replace(part, file)
    except OSError:
        pass  # a read-only home costs a slower start, nothing else
    return words
