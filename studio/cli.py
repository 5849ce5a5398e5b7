"""``python -m studio``: opens the window; with a command, does one thing and ends.

Commands are the files of :mod:`studio.commands`. A person's mistake is a sentence and exit code 2, never a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from core.problems import Refused
from studio import commands
from studio.telling.about import version
from studio.telling.sentences import spoken
from widgets.look.language import LANGUAGES, use_language

HELP = "the language of problems and reasons (default: the window's); tables and JSON stay English"
OWN_LANGUAGE = frozenset({"open", "shot"})  # they make a window, which sets it


def command_modules() -> dict[str, ModuleType]:
    """Every command by name: a folder is the registry."""
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    return {name.replace("_", "-"): importlib.import_module(f"studio.commands.{name}") for name in names}


def parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    top = argparse.ArgumentParser(prog=called(), description="Design, train, watch and replay multimodal experiments.")
    top.add_argument("--version", action="version", version=f"crossmodal-studio {version()}")
    below = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in command_modules().items():
        text = (module.__doc__ or "").strip().splitlines()[0]
        own = below.add_parser(name, help=text, description=module.__doc__)
        module.describe(own)
        if not any("--language" in action.option_strings for action in own._actions):
            own.add_argument("--language", choices=tuple(LANGUAGES), help=argparse.SUPPRESS if name == "open" else HELP)
    return top


def spoken_language(asked: str | None) -> str:
    """What problems and reasons are told in: as asked, else as the window speaks; English where Qt cannot be loaded."""
    if asked:
        return asked
    try:
        from studio.open.preferences import Preferences  # Qt, which a machine without a window may lack
    except ImportError:
        return "en"
    return Preferences().language


def called() -> str:
    """How a person started it: by the command that was installed, or as a module."""
    name = Path(sys.argv[0]).stem
    return name if name == "crossmodal-studio" else "python -m studio"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; without any, open the window."""
    flags = parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    name = flags.command or "open"
    if flags.command is None:
        flags = parser().parse_args(["open"])
    if name not in OWN_LANGUAGE:
        use_language(spoken_language(flags.language))
    try:
        return int(command_modules()[name].run(flags))
    except Refused as refused:
        for problem in refused.problems:
            print(spoken(problem), file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
