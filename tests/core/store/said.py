"""What runs say in these tests."""

from __future__ import annotations

from core.telemetry.events import At, Scalars


def at(step: int) -> At:
    return At(step=step, seconds=step * 0.5, epoch=step / 10, samples=step * 8)


def scalars(step: int, **values: float) -> Scalars:
    return Scalars(at=at(step), values=values or {"loss": 1 / (step + 1)})
