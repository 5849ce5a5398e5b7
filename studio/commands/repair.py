"""Make a new store of what can be read in a damaged one; the damaged file stays as it is."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from core.problems import refuse
from core.store.database import is_by_url, path_of
from core.store.repair import Salvaged, repair, repaired_path
from studio.telling.printing import as_json


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", help="the store that is damaged")
    parser.add_argument("-o", "--output", help="the new store (default: beside it, with -repaired in its name)")
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Salvage; 0 where all of it could be read, 1 where something could not."""
    if is_by_url(flags.file):
        raise refuse(
            "A store by URL is mended where it is kept.", hint="Restore the database from a backup of its server."
        )
    path = path_of(flags.file)
    target = path_of(flags.output) if flags.output else repaired_path(path)
    found = repair(path, target)
    lost = [each for each in found if each.unreadable or each.is_torn]
    if flags.json:
        print(as_json({"store": str(target), "tables": [dataclasses.asdict(each) for each in found]}, indent=1))
    else:
        _report(found, lost, target)
    return 1 if lost else 0


def _report(found: list[Salvaged], lost: list[Salvaged], target: Path) -> None:
    for each in found:
        if each.rows or each in lost:
            pages = f", {each.from_pages} of them page by page" if each.from_pages else ""
            damaged = f"; {each.unreadable} damaged" if each.unreadable else ""
            torn = "; a part of the table could not be read" if each.is_torn else ""
            print(f"{each.table}: {each.rows} kept{pages}{damaged}{torn}")
    said = "All that was in it was read." if not lost else f"Something was lost of: {', '.join(e.table for e in lost)}."
    print(f"{said} The new store is {target}; checkpoints stay where they are, beside it.")
