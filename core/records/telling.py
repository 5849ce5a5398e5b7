"""Telling records of runs from other files by their names, before anything is read."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

MARK = ".tfevents."  # in the name of every event file
TABLE = "metrics.csv"
MLFLOW = "mlruns"
ENDINGS = (".wandb", ".db", ".sqlite", ".sqlite3")
MOST_FILES = 2000  # that are looked at before it is decided


def is_event_file(name: str) -> bool:
    """As TensorBoard tells them: by the middle of their names."""
    return MARK in name and not name.endswith(".profile-empty")


def is_record(path: Path) -> bool:
    """Whether a file may hold runs of another program."""
    name = path.name
    return path.is_file() and (is_event_file(name) or name == TABLE or path.suffix.lower() in ENDINGS)


def holds_records(folder: Path) -> bool:
    """Whether a folder seems to hold runs of other programs: a record lies among its first files."""
    if folder.name == MLFLOW or (folder / MLFLOW).is_dir():
        return True
    names = ((name, where) for where, _, files in os.walk(folder) for name in sorted(files))
    return any(is_record(Path(where) / name) for name, where in islice(names, MOST_FILES))
