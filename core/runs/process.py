"""The same run in a process of its own: ``python -m core.runs.process STORE UID [WORD] [--data-changed] [--files FOLDER]``.

``WORD`` is the claim of the process that started it; without one the run is claimed here.

SIGTERM, and a cluster's warning, save a checkpoint and stop.
"""

from __future__ import annotations

import argparse
import faulthandler
import signal
import sys

from core.graph.file import loads
from core.problems import Refused
from core.runs.execute import execute
from core.runs.launcher import launch
from core.runs.worker import STOPS
from core.store.claims import Claim, take
from core.store.database import Store
from core.store.library import Library
from core.training.control import Control


def main(arguments: list[str]) -> int:
    """Run it; 0 where it finished or was stopped."""
    faulthandler.enable()
    control = Control()
    for number in STOPS:
        signal.signal(number, lambda *_: control.stop())
    flags = _flags(arguments)
    try:
        with Store.open(flags.store, files=flags.files) as store:
            claim = take(store, flags.uid, flags.word) if flags.word else Library(store).claim(flags.uid)
            status = _carried_out(store, claim, control, flags.data_changed)
            return 0 if status in ("finished", "stopped") else 1
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2


def _carried_out(store: Store, claim: Claim, control: Control, data_changed: bool) -> str:
    """Here, or in as many processes as the run's recipe asks for."""
    processes = loads(Library(store).document_text(claim.uid)).recipe.processes
    if processes == 1:
        return execute(store, claim.uid, control, claim, data_changed=data_changed)
    return launch(store, claim, processes, lambda: control.is_stopping, data_changed=data_changed)


def _flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.runs.process")
    parser.add_argument("store")
    parser.add_argument("uid")
    parser.add_argument("word", nargs="?")
    parser.add_argument("--data-changed", action="store_true")
    parser.add_argument("--files")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
