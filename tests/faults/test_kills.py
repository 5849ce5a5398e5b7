"""kill -9 again and again: while a run is recorded, and while it trains, to an end that is bit for bit the undisturbed one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.core.runs.test_kill import killed_and_continued
from tests.core.store.test_kill import kill_once

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
KILLS = 20


@pytest.mark.parametrize("kills", [5, 7])
def test_while_it_trains(where: str, tmp_path: Path, kills: int, count: Callable[[str, bool], None]) -> None:
    killed_and_continued(where, tmp_path, kills)
    for _ in range(kills):
        count("killed while it trains: continued bit for bit", True)


def test_while_it_is_recorded(where: str, tmp_path: Path, count: Callable[[str, bool], None]) -> None:
    moments = random.Random(KILLS)
    for number in range(KILLS):
        kill_once(where, tmp_path, number, moments.uniform(0.3, 1.2))
        count("killed while it is recorded: a strict prefix", True)
