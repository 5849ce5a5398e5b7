"""What was measured here, and how far predictions were off: small JSON files in the person's data folder, of this machine alone."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.graph.budget.learning import Ratios
from core.graph.budget.measured import Measured, budget_key
from core.graph.document import Document
from core.store.folders import data_folder

MOST = 64  # drawings whose measurement is kept, the newest
RATIOS = "ratios.json"


def folder() -> Path:
    """Where they lie."""
    return data_folder() / "budget"


def keep(measured: Measured) -> None:
    """For the runs of this drawing to come. A disk that is full is no reason to stop."""
    with suppress(OSError):
        _write(folder() / f"{measured.key}.json", measured.as_json())
        kept = sorted(folder().glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in [path for path in kept if path.name != RATIOS][:-MOST]:
            path.unlink(missing_ok=True)


def kept_for(document: Document) -> Measured | None:
    """What was measured of a drawing whose steps cost the same; None where nothing was, or it cannot be read."""
    try:
        text = (folder() / f"{budget_key(document)}.json").read_text(encoding="utf-8")
        return Measured.from_json(json.loads(text))
    except (OSError, ValueError):  # Refused is one
        return None


def ratios() -> Ratios:
    """How far predictions were off so far."""
    with suppress(OSError, ValueError):
        return Ratios.from_json(json.loads((folder() / RATIOS).read_text(encoding="utf-8")))
    return Ratios()


def keep_ratios(found: Ratios) -> None:
    """From now on."""
    with suppress(OSError):
        _write(folder() / RATIOS, found.as_json())


def forget_ratios() -> None:
    """Predictions are as measured again."""
    with suppress(OSError):
        (folder() / RATIOS).unlink(missing_ok=True)


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(data), encoding="utf-8")
    os.replace(part, path)
