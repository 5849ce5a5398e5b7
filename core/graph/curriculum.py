"""How hard negatives are when: the curriculum of a mix as a function of the share of the run that is done."""

from __future__ import annotations

SCHEDULES = ("constant", "thirds", "linear")


def hard_share(progress: float, *, schedule: str, hard: float, middle: float, last: float) -> float:
    """The share of hard negatives when ``progress`` (0 to 1) of a run is done."""
    if schedule == "linear":
        return float(hard + (last - hard) * min(max(progress, 0.0), 1.0))
    if schedule == "thirds":
        return float((hard, middle, last)[min(int(progress * 3 + 1e-9), 2)])
    return float(hard)
