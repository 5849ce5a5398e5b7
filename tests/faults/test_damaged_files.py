"""Some hundreds of damaged stores and checkpoints: a sentence each, never a traceback, never a wrong answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.problems import Refused
from core.store.checkpoints import CheckpointFolder
from tests.core.store.test_checkpoints import tensors
from tests.core.store.test_sqlite_damage import KINDS, damage_once, made

STORES, CHECKPOINTS = 100, 100
LEAST = {
    "truncated": 0.2,
    "bytes": 0.9,
}  # of all rows: what was cut off is gone; eight bytes hit eight of some 150 pages


@pytest.mark.parametrize("kind", KINDS)
def test_stores(tmp_path: Path, kind: str, count: Callable[[str, bool], None]) -> None:
    total = sum(made(tmp_path / "runs.db").values())
    whole, draw = (tmp_path / "runs.db").read_bytes(), random.Random(kind)
    kept = []
    for _ in range(STORES):
        kept.append(damage_once(tmp_path / "hurt", whole, kind, draw)[1] / total)
        count(f"store {kind}: a sentence or whole, and repaired", True)
    count(f"store {kind}: rows kept {np.mean(kept):.1%}", bool(np.mean(kept) > LEAST.get(kind, 0.95)))


@pytest.mark.parametrize("kind", ["truncated", "one bit"])
def test_checkpoints(tmp_path: Path, kind: str, count: Callable[[str, bool], None]) -> None:
    draw = random.Random(kind)
    for number in range(CHECKPOINTS):
        folder = CheckpointFolder(tmp_path / str(number))
        good, newest = folder.save(1, tensors(1), {"a": 1}), folder.save(2, tensors(2), {"a": 2})
        hurt = draw.choice(sorted(file for file in newest.iterdir()))
        data = bytearray(hurt.read_bytes())
        if kind == "truncated":
            del data[draw.randrange(len(data)) :]
        else:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        hurt.write_bytes(data)
        found = folder.newest()
        count(f"checkpoint {kind}: the one before is used", found is not None and found.path == good)
        (good / "manifest.json").unlink()
        with pytest.raises(Refused):
            folder.newest()
