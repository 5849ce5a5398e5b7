"""Drive an open window from a script or a shell: look at its experiment, edit it, run it; every change is one undo step there.

The window lets scripts in where it was opened with --socket, or by its menu File. WHAT is a request and NAME=VALUE its
arguments; values are JSON where they can be read so: drive experiment; drive problems; drive do run;
drive edit set_knob node=resnet name=width value=16; drive figures RUN loss; drive screenshot window.png.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from core.problems import refuse
from core.texts import harmless
from studio.driving.client import Driven
from studio.driving.places import open_windows
from studio.telling.printing import as_json

REQUESTS = (
    "commands",
    "do",
    "experiment",
    "edit",
    "figures",
    "open",
    "page",
    "problems",
    "runs",
    "screenshot",
    "watch",
    "windows",
)


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("what", choices=REQUESTS, metavar="WHAT", help=", ".join(REQUESTS))
    parser.add_argument("words", nargs="*", metavar="WORD", help="what it is about, and NAME=VALUE")
    parser.add_argument("--socket", help="of which window (drive windows lists them); the newest where none is given")
    parser.add_argument("--name", default="studio drive", help="the script's name, as the window says it")


def run(flags: argparse.Namespace) -> int:
    """One request; its answer is JSON."""
    if flags.what == "windows":
        for place in open_windows():
            print(harmless(str(place)))
        return 0
    with Driven(flags.name, flags.socket) as window:
        answer = _asked(window, flags.what, flags.words)
    if answer is not None:
        print(as_json(answer, indent=1))
    return 0


def _asked(window: Driven, what: str, words: list[str]) -> Any:
    plain, named = [word for word in words if "=" not in word], dict(_named(word) for word in words if "=" in word)
    needed = {"do": 1, "edit": 1, "figures": 1, "open": 1, "page": 1, "screenshot": 1, "watch": 1}.get(what, 0)
    if len(plain) < needed:
        raise refuse(f"drive {what} needs to be told what.", hint="python -m studio drive --help says how.")
    if what == "edit":
        return window.edit(plain[0], **named)
    methods = {
        "commands": window.commands, "do": window.do, "experiment": window.experiment, "figures": window.figures, "open": window.open,
        "page": window.show_page, "problems": window.problems, "runs": window.runs, "screenshot": window.screenshot,
        "watch": window.watch,
    }  # fmt: skip
    return methods[what](*plain[: needed + (what == "figures")], **named)  # type: ignore[operator]


def _named(word: str) -> tuple[str, Any]:
    name, _, text = word.partition("=")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text
