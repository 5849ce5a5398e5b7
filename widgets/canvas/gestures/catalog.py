"""The canvas's gestures: every file of this folder registers one."""

from __future__ import annotations

from core.catalog import Catalog
from widgets.canvas.gestures.gesture import Gesture

gestures: Catalog[Gesture] = Catalog("widgets.canvas.gestures", "gesture")
