"""Sealed points: fewer bytes, every bit the same; what was sealed before is read as it is; damage is said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.problems import Refused
from core.store import points

NUMBERS = some.lists(some.floats(allow_nan=True, allow_infinity=True, width=64), min_size=1, max_size=200)


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.tobytes() == other.tobytes()


@given(NUMBERS, some.booleans())
def test_no_bit_is_lost(values: list[float], even: bool) -> None:
    keys = np.arange(len(values)) * 3 if even else np.cumsum(np.arange(len(values)) % 7 + 1)
    row = SimpleNamespace(**points.seal(keys.astype(np.int64), np.array(values)))
    found_keys, found = points.unseal(row)
    assert same_bits(found, np.array(values))
    assert found_keys.tolist() == keys.tolist()
    levels = points.levels_of([row])
    wanted = points.blocks_of(keys.astype(np.int64), np.array(values), points.BLOCK)
    assert same_bits(levels.low, wanted.low)
    assert same_bits(levels.last, wanted.last)


@pytest.mark.parametrize(
    ("name", "most"), [("seconds", 0.35), ("samples", 0.05), ("from 32 bits", 0.75), ("noise", 1.0)],
)  # fmt: skip
def test_what_is_regular_takes_less(name: str, most: float) -> None:
    steps, dice = np.arange(points.CHUNK), np.random.default_rng(0)
    values = {
        "seconds": steps * 0.01, "samples": steps * 128.0, "noise": dice.normal(size=points.CHUNK),
        "from 32 bits": dice.normal(size=points.CHUNK).astype(np.float32).astype(np.float64),
    }[name]  # fmt: skip
    row = points.seal(steps.astype(np.int64), values)
    assert len(row["data"]) <= most * 8 * points.CHUNK
    assert len(row["data"]) > 0


def test_rows_of_before_are_read_and_damage_is_said() -> None:
    keys, values = np.arange(40), np.linspace(0, 1, 40)
    row = points.seal(keys.astype(np.int64), values)
    plain = SimpleNamespace(**{**row, "data": values.astype("<f8").tobytes()})
    assert same_bits(points.unseal(plain)[1], values)
    for damage in (row["data"][: len(row["data"]) // 2], b"", b"\0" * 17, row["data"][:5] + b"?" + row["data"][6:]):
        with pytest.raises(Refused, match="damaged on disk"):
            points.unseal(SimpleNamespace(**{**row, "data": damage}))
    with pytest.raises(Refused, match="damaged on disk"):
        points.levels_of([SimpleNamespace(**{**row, "levels": row["levels"][:20]})])
