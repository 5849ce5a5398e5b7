"""Where a person's data lies on this machine."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_dir


def data_folder() -> Path:
    """Runs, measurements and sockets of windows, unless a person says otherwise."""
    return Path(user_data_dir("crossmodal-studio", appauthor=False))
