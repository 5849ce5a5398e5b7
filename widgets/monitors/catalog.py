"""Every monitor that can be opened, found by walking this folder."""

from __future__ import annotations

from core.catalog import Catalog
from widgets.monitors.monitor import Monitor

monitors: Catalog[Monitor] = Catalog("widgets.monitors", "monitor")
