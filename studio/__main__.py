"""``python -m studio``."""

from __future__ import annotations

import sys

from core.system_libraries import why_no_window
from studio.cli import main


def start() -> int:
    """One command; where Qt cannot be loaded, a sentence that says what it lacks."""
    try:
        return main()
    except ImportError as error:
        why = why_no_window(error)
        if not why:
            raise
        print(why, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(start())
