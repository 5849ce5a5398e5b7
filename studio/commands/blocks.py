"""Blocks of your own: where they lie, their SHA-256, which are allowed; switch them on, show, allow, forbid, test.

Nothing is loaded until they are switched on, and then a file only while it has the contents that you allowed. They lie in the
folder blocks of your data folder, or in one that you choose. A block is one file, NAME.py, registered as own.NAME; the command
new-block writes one that works.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from core.own.files import OwnFile, allow, own_file, own_files
from core.own.guards import checked_folder
from core.own.modules import why_not
from core.own.settings import OwnSettings, read_settings, write_settings
from core.problems import refuse
from core.texts import harmless
from studio.telling.printing import as_json, console

NAMED = ("show", "allow", "forbid", "test")


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=("list", "on", "off", "folder", *NAMED),
        help="list them (the default); load them (on) or not (off); choose their folder; show, allow, forbid or test one",
    )  # fmt: skip
    parser.add_argument(
        "name", nargs="?", default="", help="a block's NAME; with folder a folder, none for the usual one"
    )
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Do what is asked, then list them; 1 where a test fails."""
    settings = read_settings()
    if flags.what in NAMED and not flags.name:
        raise refuse(f"{flags.what} needs the name of a block.", hint="python -m studio blocks lists them.")
    if flags.what == "show":
        print(harmless(own_file(settings, flags.name).text), end="")
        return 0
    if flags.what == "test":
        return test(settings, flags.name)
    changed = _changed(settings, flags.what, flags.name)
    if changed != settings:
        write_settings(changed)
    _list(changed, flags.json)
    return 0


def _changed(settings: OwnSettings, what: str, name: str) -> OwnSettings:
    if what in ("on", "off"):
        return replace(settings, on=what == "on")
    if what == "folder":
        return replace(settings, folder=str(checked_folder(Path(name))) if name else "")
    if what == "allow":
        return allow(settings, name, own_file(settings, name).sha256)
    if what == "forbid":
        return settings.forbidding(own_file(settings, name).path)
    return settings


def _list(settings: OwnSettings, in_json: bool) -> None:
    files = own_files(settings)
    if in_json:
        told = [_told(file) for file in files]
        print(as_json({"on": settings.on, "folder": str(settings.place), "files": told}, indent=1))
        return
    print(f"Own blocks are {'on' if settings.on else 'off'}; their folder is {harmless(str(settings.place))}.")
    if files:
        console().print(table_of(files))
    else:
        print("There are none yet. Write one: python -m studio new-block NAME")


def _told(file: OwnFile) -> dict[str, str]:
    return {"name": file.name, "path": str(file.path), "sha256": file.sha256, "state": file.state, "why": why_not(file)}


def table_of(files: tuple[OwnFile, ...]) -> Table:
    """One line a file."""
    table = Table(box=None, header_style="dim")
    for title in ("block", "state", "SHA-256", "file"):
        table.add_column(title, overflow="fold")
    for file in files:
        state = harmless(file.why) if file.state == "refused" else file.state
        table.add_row(file.name, state, file.sha256, harmless(str(file.path)))
    return table


def test(settings: OwnSettings, name: str) -> int:
    """The tests beside an allowed block, by pytest where that is installed; else what is asked of every block."""
    file = own_file(settings, name)
    if file.state != "allowed":
        raise refuse(why_not(file), hint=f"Look at it, then allow it: python -m studio blocks allow {name}")
    beside = file.path.with_name(f"test_{name}.py")
    if not beside.is_file() or importlib.util.find_spec("pytest") is None:
        return _ask(file)
    root = Path(__file__).resolve().parents[2]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(beside.parent),
    ]
    return subprocess.run([*command, str(beside)], cwd=root, check=False).returncode


def _ask(file: OwnFile) -> int:
    """Every promise of the house, a line each."""
    from core.compiler.contract.beside import block_beside  # torch
    from core.compiler.contract.checks import PROMISES

    cls, failed = block_beside(str(file.path), file.name), 0
    for promise in (each for each in PROMISES if each.is_asked(cls)):
        try:
            promise.holds(cls)
            print(f"✓ {promise.name}")
        except Exception as error:  # whatever a person's block does
            failed += 1
            print(f"✗ {promise.name}: {harmless(str(error) or type(error).__name__)}")
    return 1 if failed else 0
