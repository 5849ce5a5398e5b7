"""Which store a command works on: ``--store`` takes a path or a URL, ``--files`` a folder for the large files of a URL's."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.database import Store


PLACE = "a file, or postgresql+psycopg://user@host/database"


def add_store_flags(parser: argparse.ArgumentParser) -> None:
    """The two flags, the same for every command."""
    parser.add_argument(
        "--store", default=None, metavar="PATH_OR_URL", help=f"where runs are kept: {PLACE} (default: your data folder)"
    )
    parser.add_argument(
        "--files", default=None, metavar="FOLDER",
        help="with a URL: where checkpoints and other large files lie; give all machines one that they share",
    )  # fmt: skip


def open_store(flags: argparse.Namespace) -> Store:
    """The store that the flags name. Raises Refused."""
    from core.store.database import Store

    return Store.open(getattr(flags, "store", None), files=getattr(flags, "files", None))


def opened_again(flags: argparse.Namespace, store: Store) -> str:
    """The flags that open it again from anywhere, for a line to copy."""
    files = ["--files", str(Path(flags.files).absolute())] if getattr(flags, "files", None) else []
    return shlex.join(["--store", store.url, *files])


def kept_in(store: Store) -> str:
    """Where a person finds what a command kept."""
    return store.place if store.is_file else f"{store.place}, its files in {store.files}"
