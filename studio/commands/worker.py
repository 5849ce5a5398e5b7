"""Take trials of the store's sweeps, one after the other, beside workers on other machines; ends when nothing is left."""

from __future__ import annotations

import argparse
import os

from core.runs.working import WorkerThread
from core.store.liveness import host_name, this_host, this_process
from core.texts import harmless
from studio.commands.run import signals
from studio.open.stores import add_store_flags, kept_in, open_store
from widgets.look.language import said

SECONDS_BETWEEN_LOOKS = 0.2


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    add_store_flags(parser)
    parser.add_argument(
        "--wait", action="store_true", help="stay when nothing is left, for sweeps that are queued later"
    )


def run(flags: argparse.Namespace) -> int:
    """Work; 0 where all is done. A signal saves the trial that is trained and gives it back to the queue: 128 + n.

    A second one ends the process at once; the next worker finds the trial.
    """
    with open_store(flags) as store:
        print(f"Worker {this_process()[0]} on {host_name(this_host())} takes trials from {kept_in(store)}.", flush=True)
        worker = WorkerThread(store, waits=flags.wait, told=lambda line: print(harmless(line), flush=True))
        with signals() as caught:
            worker.start()
            try:
                _until_done(worker, caught)
            finally:
                worker.stop()
                worker.join()
    if worker.error:
        print(harmless(said(worker.error)), flush=True)
        return 1
    if caught:
        print("Stopped; the trial that was trained waits in the queue again.", flush=True)
        return 128 + caught[0]
    print(f"Nothing is left to do; {worker.done} trials were finished here.", flush=True)
    return 0


def _until_done(worker: WorkerThread, caught: list[int]) -> None:
    told = False
    while worker.is_alive():
        worker.join(SECONDS_BETWEEN_LOOKS)
        if caught and not told:
            told = True
            print("Stopping: the step is finished and a checkpoint saved. Ctrl-C once more leaves at once.", flush=True)
            worker.stop()
        if len(caught) > 1:
            print("Left without waiting; the trial comes back from its newest checkpoint.", flush=True)
            os._exit(128 + caught[-1])
