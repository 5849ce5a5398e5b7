"""A run at one of its checkpoints, to be asked: for the window, and for commands by what they were called with."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.graph.file import loads
from core.problems import refuse
from core.store.library import Library
from studio.open.stores import open_store

if TYPE_CHECKING:
    from core.inference.trained import Trained


def opened(library: Library, uid: str, step: int = -1) -> Trained:
    """A run at a checkpoint; below 0 the last. Raises Refused."""
    from core.inference.trained import Trained  # torch

    reader = library.reader(uid)
    kept = [c for c in reader.checkpoints() if c.kept and (step < 0 or c.step == step)]
    if not kept and step < 0:
        raise refuse("This run has no checkpoint yet.", hint="Wait for its first checkpoint.")
    if not kept:
        raise refuse("That checkpoint is no longer there.", hint="Choose another.")
    return Trained(loads(reader.document_text()), Path(kept[-1].path))


@contextmanager
def asked(flags: argparse.Namespace) -> Iterator[Trained]:
    """The run that a command names, at its last checkpoint, until the command is done. Raises Refused."""
    with open_store(flags) as store:
        library = Library(store)
        trained = opened(library, library.find(flags.run).uid)
        try:
            yield trained
        finally:
            trained.close()


def split_of(trained: Trained, wished: str) -> str:
    """The split that is wished for; of none that which is held out. Raises Refused where the data has it not."""
    split = wished or next((one for one in ("test", "validation") if one in trained.splits), "train")
    if split not in trained.splits:
        raise refuse(f"The data has no split {split!r}.", hint=f"It has: {', '.join(trained.splits)}.")
    return split
