"""Screenshots of the window's pages without a screen, for an experiment or a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.graph.file import loads
from core.problems import Refused
from core.store.library import Library
from studio.open.documents import DEFAULT_EXAMPLE, find_document
from studio.open.stores import add_store_flags, open_store
from widgets.look.language import use_language


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument(
        "what", nargs="?", default=DEFAULT_EXAMPLE, help="an experiment's file, an example's name, or a run"
    )
    parser.add_argument("-o", "--output", default="pictures", help="the folder to write to")
    add_store_flags(parser)
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--language", choices=("en", "zh_CN"), default="en")
    parser.add_argument(
        "--pages", nargs="*", help="design data train replay inspect query runs sweeps gallery (default: all)"
    )


def run(flags: argparse.Namespace) -> int:
    """Write them and say where."""
    from studio.window.screenshots import PAGES, take_pictures  # Qt

    with open_store(flags) as store:
        library = Library(store)
        uid = ""
        use_language(flags.language)  # an example is opened in it
        try:
            document = find_document(flags.what)
        except Refused:
            uid = library.find(flags.what).uid
            document = loads(library.reader(uid).document_text())
        if not uid:
            newest = library.runs(limit=1)
            uid = newest[0].uid if newest else ""
        pages = tuple(flags.pages or PAGES)
        for path in take_pictures(
            Path(flags.output),
            store=store,
            document=document,
            run=uid,
            theme=flags.theme,
            language=flags.language,
            pages=pages,
        ):
            print(path)
    return 0
