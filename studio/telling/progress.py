"""How far a command is: a bar on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress_bar(words: str) -> Iterator[Callable[[int, int], bool]]:
    """Inside: call with how much is done, of how much; it always goes on, for Ctrl-C ends a command."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(words, total=None)

        def told(done: int, of: int) -> bool:
            bar.update(task, total=max(1, of), completed=done)
            return True

        yield told
