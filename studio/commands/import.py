"""Bring the runs of another store into yours, with the images and audio that they made."""

from __future__ import annotations

import argparse

from core.problems import refuse
from core.store.carrying import carry
from core.store.database import Store, path_of
from core.store.library import Library
from studio.telling.carried import told


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", help="the other store, such as export --record writes")
    parser.add_argument("--store", default=None, help="where runs are kept (default: your data folder)")


def run(flags: argparse.Namespace) -> int:
    """Copy what is not here yet; 1 where a file could not be copied."""
    path = path_of(flags.file)
    if not path.is_file():
        raise refuse(f"There is no file {path}.")
    with Store.open(path) as source, Store.open(flags.store) as target:
        if source is target:
            raise refuse(f"{path.name} is the store that the runs would go to.", hint="Name another with --store.")
        carried = carry(source, target, [facts.uid for facts in Library(source).runs()])
    known = f" {len(carried.known)} were here already." if carried.known else ""
    print(f"{len(carried.uids)} runs brought in.{known}{told(carried)}")
    return 1 if carried.missing else 0
