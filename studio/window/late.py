"""What is made when it is first wanted: a page of the window with whoever works on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Late(Generic[Made]):
    """Made once, when it is first called for; what binds it waits until then."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._made: Made | None = None
        self._waiting: list[Callable[[Made], object]] = []

    @property
    def is_made(self) -> bool:
        """Whether it is there."""
        return self._made is not None

    def __call__(self) -> Made:
        """It, made now if nobody wanted it before."""
        if self._made is None:
            self._made = made = self._make()
            waiting, self._waiting = self._waiting, []
            for act in waiting:
                act(made)
        return self._made

    def when_made(self, act: Callable[[Made], object]) -> None:
        """Act now, or as soon as it is there."""
        if self._made is None:
            self._waiting.append(act)
        else:
            act(self._made)

    def if_made(self, act: Callable[[Made], object]) -> None:
        """Act now; where nothing was made there is nothing to do."""
        if self._made is not None:
            act(self._made)
