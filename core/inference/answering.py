"""What every kind of answer shares: it says how far it is, it can be cancelled, and then gives what there is so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[int, int], bool]  # done, of; False cancels


class Cancelled(Exception):
    """The person asked to stop; ``so_far`` is what the answer would have been made of, as far as it had come."""

    def __init__(self, so_far: Any = None) -> None:
        super().__init__("cancelled")
        self.so_far = so_far


def go_on(progress: Progress | None, done: int, of: int, so_far: Callable[[], Any]) -> None:
    """Say how far it is. Raises Cancelled with what there is."""
    if progress is not None and not progress(done, of):
        raise Cancelled(so_far())
