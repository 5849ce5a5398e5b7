"""The same place in another run: as many steps, as many samples seen, as many seconds or epochs trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.answers import Axis

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.reader import RunReader


def same_place(one: RunReader, step: int, other: RunReader, axis: Axis) -> int:
    """The last step of the other run that is not beyond where the first one is at a step, and not beyond its own end.

    By samples, step 20 of batches of 8 is step 10 of batches of 16; where the other said nothing so early it is its step 0.
    """
    found = step if axis == "step" else other.step_at(one.place(step, axis), axis)
    return max(0, min(found, other.head().step))
