"""A store of the test's own: in a file; tests about claims, kills, records and sweeps ask for one in a database as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.database import Store
from core.store.library import Library


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "runs.db") as opened:
        yield opened


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store)
