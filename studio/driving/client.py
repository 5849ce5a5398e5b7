"""A script's side: an open window, to be looked at and driven.

    from studio.driving.client import Driven

    with Driven("my script") as window:
        window.edit("set_knob", node="resnet", name="width", value=16)
        print(window.problems())
        window.do("run")

Needs neither Qt nor torch. What the window refuses is raised as :class:`core.problems.Refused`.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from core.problems import Problem, Refused, refuse
from core.telemetry.events import ENDED
from studio.driving.places import open_windows, own_socket, refusal_of, why_not_here
from studio.driving.protocol import MOST_ANSWER_BYTES, line_of

SECONDS_BETWEEN_LOOKS = 0.1
MOST_SECONDS = 60.0  # for an answer


class Driven:
    """A connection to an open window. Every change is one undo step there, by the script's name."""

    def __init__(self, script: str, socket_path: str | Path | None = None) -> None:
        """``socket_path``: of which window; the newest where none is given. Raises Refused."""
        if why := why_not_here():
            raise refuse(why)
        found = [Path(socket_path)] if socket_path is not None else open_windows()[-1:]
        if not found:
            raise refuse("No window can be driven.", hint="Open one: python -m studio open --socket")
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._link.settimeout(MOST_SECONDS)
        self._read, self._number = b"", 0
        try:
            self._link.connect(str(own_socket(found[0])))
            if why_not := refusal_of(self._link):
                raise why_not
            self.call("hello", script=script)
        except OSError as error:
            self.close()
            raise refuse(f"The window at {found[0]} does not answer: {error.strerror or error}.") from error
        except Refused:
            self.close()
            raise

    def call(self, name: str, **arguments: Any) -> Any:
        """Any request, by its name. Raises Refused."""
        self._number += 1
        try:
            self._link.sendall(line_of({"id": self._number, "name": name, "arguments": arguments}))
            answer = self._answer()
        except OSError as error:
            raise refuse(f"The window does not answer: {error.strerror or error}.") from error
        if "problems" in answer:
            raise Refused(*(Problem(what=str(what)) for what in answer["problems"]))
        return answer["value"]

    def _answer(self) -> Mapping[str, Any]:
        while b"\n" not in self._read:
            part = self._link.recv(1 << 16)
            if not part:
                raise refuse("The window has closed, or lets no script drive it any more.")
            self._read += part
            if len(self._read) > MOST_ANSWER_BYTES:
                raise refuse("The window's answer is too long.")
        line, _, self._read = self._read.partition(b"\n")
        found: Mapping[str, Any] = json.loads(line)
        return found

    # Looking

    def experiment(self) -> dict[str, Any]:
        """The experiment on the canvas, as its file would hold it."""
        found: dict[str, Any] = self.call("experiment")
        return found

    def problems(self) -> list[dict[str, str]]:
        """What stands against a run, once the canvas has been checked as it is now."""
        end = time.monotonic() + MOST_SECONDS
        while not (found := self.call("problems"))["checked"]:
            if time.monotonic() > end:
                raise refuse("The window is still busy checking.")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        problems: list[dict[str, str]] = found["problems"]
        return problems

    def commands(self) -> dict[str, dict[str, str]]:
        """The window's commands by their key: their words, and why one cannot be done now."""
        found: dict[str, dict[str, str]] = self.call("commands")
        return found

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the window's store, the newest first."""
        found: list[dict[str, Any]] = self.call("runs")
        return found

    def ended(self, run: str = "") -> dict[str, Any]:
        """Wait until a run (the newest where none is named) has ended; gives it."""
        while True:
            found = [each for each in self.runs() if run in ("", each["uid"], each["name"])]
            if found and found[0]["status"] in ENDED:
                return found[0]
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def figures(self, run: str, series: str = "") -> Any:
        """The names of a run's figures, or one as ``{"steps": [...], "values": [...]}``."""
        return self.call("figures", run=run, series=series)

    def screenshot(self, path: str | Path) -> None:
        """The window as it looks now, as a PNG file in a folder of yours."""
        self.call("screenshot", path=str(Path(path).absolute()))

    # Doing

    def edit(self, edit: str, **arguments: Any) -> Any:
        """One of the edits of :mod:`core.graph.edits`; gives what it gives beside the experiment, such as a new block's name."""
        return self.edits([(edit, arguments)])[0]

    def edits(self, edits: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Any]:
        """Several as one undo step; none is made where one is refused."""
        found: list[Any] = self.call("edit", edits=[[name, dict(arguments)] for name, arguments in edits])
        return found

    def do(self, command: str) -> None:
        """A command of the window, by its key: ``run``, ``undo``, ``save`` ... Raises Refused with why it cannot be done.

        What hangs on the check of the canvas waits for it.
        """
        self.problems()
        self.call("do", command=command)

    def open(self, where: str | Path) -> None:
        """Open an experiment's file, or an example by its name; what was changed is kept and offered back."""
        path = Path(where).expanduser()
        self.call("open", where=str(path.absolute()) if path.suffix or path.exists() else str(where))

    def show_page(self, page: str) -> None:
        """Design, data, train, inspect, runs, sweeps or the gallery."""
        self.call("show_page", page=page)

    def watch(self, run: str, step: int = -1) -> None:
        """Put a run on the monitors: live, or at a step."""
        self.call("watch", run=run, step=step)

    # Leaving

    def close(self) -> None:
        """Let go of the window."""
        self._link.close()

    def __enter__(self) -> Driven:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
