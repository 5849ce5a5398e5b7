"""What came of carrying runs to another store, in words."""

from __future__ import annotations

from core.store.carrying import Carried


def told(carried: Carried) -> str:
    """Pictures and sounds that came along, and those that could not; empty where there were none."""
    came = f" {carried.files:,} images and audio files lie in the folder beside it." if carried.files else ""
    lost = f" {len(carried.missing):,} were missing or damaged." if carried.missing else ""
    return came + lost
