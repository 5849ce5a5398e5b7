"""From a drawing to something that runs. Teachers are opened here, for the block that stands below."""

from __future__ import annotations

from core.compiler import teacher as teacher
