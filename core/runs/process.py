"""The same run in a process of its own: ``python -m core.runs.process STORE UID [WORD] [--data-changed]``.

``WORD`` is the claim of the process that started it; without one the run is claimed here.

SIGTERM saves a checkpoint and stops.
"""

from __future__ import annotations

import faulthandler
import signal
import sys

from core.problems import Refused
from core.runs.execute import execute
from core.store.claims import take
from core.store.database import Store
from core.training.control import Control


def main(arguments: list[str]) -> int:
    """Run it; 0 where it finished or was stopped."""
    faulthandler.enable()
    control = Control()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: control.stop())
    changed = "--data-changed" in arguments
    where, uid, *word = (argument for argument in arguments if argument != "--data-changed")
    try:
        with Store.open(where) as store:
            claim = take(store, uid, word[0]) if word else None
            return 0 if execute(store, uid, control, claim, data_changed=changed) in ("finished", "stopped") else 1
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
