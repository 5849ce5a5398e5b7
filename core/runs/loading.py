"""The heavy half of the engine (torch, and all that declares blocks) is imported once, whole, by one thread at a time.

Two threads that import it at the same time each wait for a module that the other is in the middle of; Python then hands
one of them half a module. So whoever is first does it here, and the others wait.
"""

from __future__ import annotations

import importlib
import threading

_one = threading.RLock()
_is_loaded = threading.Event()


def load_engine() -> None:
    """Returns once everything that trains, compiles and answers is there: seconds the first time, nothing afterwards."""
    with _one:
        if _is_loaded.is_set():
            return
        from core.runs.declared import declared_vocabulary  # torch is imported here, behind the window

        declared_vocabulary()  # walks every catalogue
        importlib.import_module("core.runs.execute")
        _is_loaded.set()
