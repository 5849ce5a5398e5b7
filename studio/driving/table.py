"""What a script may ask of the window, by name: looking, and what a person could do there. No code is run for it, and no file
is read but experiments that are opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.graph import file
from core.problems import refuse
from core.store.answers import RunFacts
from studio.driving.edits import made
from studio.open.documents import find_document
from studio.session import Session
from studio.telling.sentences import spoken
from widgets.canvas.commands import commands

MOST_POINTS = 20_000
CANVAS = "canvas."  # before the name of a command of the canvas
ASKING = (
    "open_document",
    "save_as",
    "export_script",
    "export_picture",
    "quit",
)  # the person alone: they ask for a file, or end


class Table:
    """The requests of one window."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._requests: Mapping[str, Callable[..., Any]] = {
            "commands": self.commands, "do": self.do, "experiment": self.experiment, "edit": self.edit, "figures": self.figures,
            "open": self.open, "problems": self.problems, "runs": self.runs, "screenshot": self.screenshot,
            "show_page": self.show_page, "watch": self.watch,
        }  # fmt: skip

    @property
    def _window(self) -> Any:
        """The session's window as it is now."""
        return self._session.window

    def answer(self, script: str, name: str, arguments: Mapping[str, Any]) -> Any:
        """What a request gives. Raises Refused."""
        act = self._requests.get(name)
        if act is None:
            raise refuse(f"There is no request called {name!r}.", hint=f"Known: {', '.join(self._requests)}.")
        self._session.driver = script
        try:
            return act(**arguments)
        except TypeError as error:
            raise refuse(f"The request {name} does not take these arguments: {str(error)[:200]}.") from error
        finally:
            self._session.driver = ""

    # Looking

    def experiment(self) -> dict[str, Any]:
        """The experiment on the canvas."""
        return file.to_data(self._session.document)

    def problems(self) -> dict[str, Any]:
        """What stands against a run, and whether the canvas has been checked as it is now."""
        analysis = self._session.analysis
        found = analysis.problems if analysis is not None else ()
        told = [
            {"severity": each.severity, "node": each.node, "port": each.port, "sentence": spoken(each)}
            for each in found
        ]
        return {"checked": self._session.checked is self._session.document, "problems": told}

    def commands(self) -> dict[str, dict[str, str]]:
        """The window's commands, and why one cannot be done now."""
        entries = self._window.menus.entries().items()
        found = {
            key: {"words": entry.text(), "why not": "" if entry.isEnabled() else entry.toolTip().split("\n")[-1]}
            for key, entry in entries
            if key not in ASKING
        }
        return found | {f"{CANVAS}{key}": {"words": words, "why not": ""} for key, words in _of_canvas().items()}

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the store, the newest first."""
        self._session.refresh_runs()
        return [_told(facts) for facts in self._session.runs]

    def figures(self, run: str, series: str = "") -> Any:
        """A run's figures by name, or all points of one."""
        reader = self._session.library.reader(self._session.library.find(_text(run)).uid)
        names = [each.name for each in reader.series("scalar")]
        if not series:
            return names
        if series not in names:
            raise refuse(f"This run has no figure called {series!r}.", hint="figures without a name lists them.")
        steps, values = reader.points(series)
        if len(steps) > MOST_POINTS:
            raise refuse(f"{series} has {len(steps):,} points; {MOST_POINTS:,} are the most that are told here.")
        return {"steps": steps.tolist(), "values": [float(v) if np.isfinite(v) else None for v in values]}

    def screenshot(self, path: str) -> str:
        """The window as it looks now, into a file of the caller's."""
        place = _place_of_picture(_text(path))
        part = place.with_name(f".{place.name}-{os.getpid()}.png")
        if not self._window.grab().save(str(part), "PNG"):
            raise refuse(f"{place} cannot be written.")
        os.replace(part, place)
        return str(place)

    # Doing

    def edit(self, edits: Any) -> list[Any]:
        """Edits of the graph, together one undo step by the script's name."""
        document, given = made(self._session.document, edits, self._session.vocabulary)
        self._session.edit(document, "")
        return given

    def do(self, command: str) -> None:
        """A command as its menu entry does it."""
        name = _text(command)
        if name.startswith(CANVAS) and (method := name.removeprefix(CANVAS)) in _of_canvas():
            getattr(self._window.canvas, method)()
            return
        entry = self._window.menus.entries().get(name)
        if entry is None or name in ASKING:
            raise refuse(f"There is no command called {name!r} for scripts.", hint="The request commands lists them.")
        if name == "save" and self._session.path is None:
            raise refuse("This experiment has no file yet.", hint="Save it once in the window.")
        self._window.menus.refresh()
        if not entry.isEnabled():
            raise refuse(entry.toolTip().split("\n")[-1])
        entry.trigger()

    def open(self, where: str) -> None:
        """An experiment's file, or an example."""
        path = Path(_text(where)).expanduser()
        if path.suffix or path.exists():
            self._session.open(path)
        else:
            self._session.open_example(find_document(where))

    def show_page(self, page: str) -> None:
        """A page of the window."""
        known = (*self._window.pages.TITLES, "gallery")
        if page not in known:
            raise refuse(f"There is no page called {page!r}.", hint=f"Known: {', '.join(known)}.")
        self._window.show_page(page)

    def watch(self, run: str, step: int = -1) -> None:
        """A run on the monitors."""
        if not isinstance(step, int) or isinstance(step, bool):
            raise refuse(f"{step!r} is no step.")
        self._session.watch(self._session.library.find(_text(run)).uid, step)


def _told(facts: RunFacts) -> dict[str, Any]:
    told = asdict(facts)
    return {
        key: told[key]
        for key in ("uid", "name", "status", "reason", "step", "steps", "seconds", "phase", "last", "best")
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse(f"{value!r} is no text.")
    return value


def _of_canvas() -> dict[str, str]:
    """Commands of the canvas that need nothing selected."""
    return {each.method: each.text for each in commands() if each.on in ("canvas", "any")}


def _place_of_picture(path: str) -> Path:
    """Where a picture may be written: a PNG file, in a folder that is the caller's. Raises Refused."""
    place = Path(path)
    try:
        around = place.parent.resolve(strict=True)
        facts = around.stat()
    except (OSError, ValueError) as error:
        raise refuse(f"{place.parent} is no folder that is there.") from error
    if not place.is_absolute() or place.suffix.lower() != ".png":
        raise refuse("A screenshot needs a whole path that ends in .png.")
    if facts.st_uid != os.getuid() or not stat.S_ISDIR(facts.st_mode):
        raise refuse(f"{around} is not your folder.")
    place = around / place.name
    if place.is_symlink() or (place.exists() and not (place.is_file() and _is_png(place))):
        raise refuse(f"{place} is there and is no image.", hint="Choose another name.")
    return place


def _is_png(place: Path) -> bool:
    with place.open("rb") as opened:
        return opened.read(8) == b"\x89PNG\r\n\x1a\n"
