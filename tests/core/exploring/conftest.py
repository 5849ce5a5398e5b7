"""A store of the test's own: in a file and, once more, in a database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.store.database import Store
from core.store.library import Library


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    opened = Store.open(where)
    yield opened
    opened.close()


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store)
