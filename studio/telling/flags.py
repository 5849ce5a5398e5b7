"""What a person writes on the command line, as values: refused at once, with a sentence, where it cannot be one."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from core.problems import refuse


def number(text: str) -> float:
    """A finite number; argparse says of anything else that it is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value


def existing_file(text: str, hint: str) -> Path:
    """The path of a file that is there. Raises Refused."""
    file = Path(text)
    if file.is_dir():
        raise refuse(f"{file} is a folder.", hint=hint)
    if not file.is_file():
        raise refuse(f"There is no file {file}.", hint=hint)
    return file
