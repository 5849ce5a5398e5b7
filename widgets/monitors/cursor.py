"""Where the timeline stands: the one value that live and replay share."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.store.answers import Axis


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Which runs are looked at, and at which step. Live is a cursor that follows the first run's head."""

    runs: tuple[str, ...] = ()  # uids; the first one moves the timeline
    step: int = 0
    follows_head: bool = True
    axis: Axis = "step"
    beside: tuple[str, ...] = ()  # uids of runs that monitors which compare draw beside, whole

    def at(self, step: int) -> Cursor:
        """The same cursor at another step."""
        return replace(self, step=step)
