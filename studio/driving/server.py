"""The window's side: a socket for its owner's scripts, served between the window's own events."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier, Signal

from core.problems import Refused, refuse
from studio.driving.places import folder, own_folder, refusal_of, socket_of, why_not_here
from studio.driving.protocol import MOST_ANSWER_BYTES, MOST_BYTES, line_of, request, script_name
from studio.telling.sentences import spoken

Answer = Callable[[str, str, Mapping[str, Any]], Any]  # script, request, arguments
MOST_SCRIPTS = 8
AT_ONCE = 1 << 16  # bytes


class Caller(QObject):
    """One script that is connected."""

    left = Signal(object)
    named = Signal()

    def __init__(self, link: socket.socket, answer: Answer, parent: QObject) -> None:
        super().__init__(parent)
        self.script = ""  # until it has said its name
        self._link, self._answer = link, answer
        self._read, self._unsent = b"", b""
        link.setblocking(False)
        self._reading = QSocketNotifier(link.fileno(), QSocketNotifier.Type.Read, self)
        self._writing = QSocketNotifier(link.fileno(), QSocketNotifier.Type.Write, self)
        self._writing.setEnabled(False)
        self._reading.activated.connect(self._take)
        self._writing.activated.connect(self._send)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more comes or goes."""
        return self._link.fileno() < 0

    def _take(self) -> None:
        try:
            part = self._link.recv(AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self.close()
            return
        self._read += part
        while b"\n" in self._read and not self.is_closed:
            line, _, self._read = self._read.partition(b"\n")
            self._obey(line)
        if len(self._read) > MOST_BYTES and not self.is_closed:
            self._say({"id": 0, "problems": [f"A request is longer than {MOST_BYTES >> 20} MiB."]})
            self.close()

    def _obey(self, line: bytes) -> None:
        number = 0
        try:
            asked = request(line)
            number = asked.id
            value = (
                self._hello(asked.arguments) if asked.name == "hello" else self._answered(asked.name, asked.arguments)
            )
            self._say({"id": number, "value": value})
        except Refused as refused:
            self._say({"id": number, "problems": [spoken(problem) for problem in refused.problems]})

    def _hello(self, arguments: Mapping[str, Any]) -> str:
        self.script = script_name(arguments.get("script"))
        self.named.emit()
        return self.script

    def _answered(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if not self.script:
            raise refuse("A script must say its name.")
        return self._answer(self.script, name, arguments)

    def _say(self, data: Mapping[str, Any]) -> None:
        line = line_of(data)
        if len(self._unsent) + len(line) > MOST_ANSWER_BYTES:
            self.close()  # nobody reads what was asked for
            return
        self._unsent += line
        self._send()

    def _send(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._link.send(self._unsent[:AT_ONCE]) :]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        self._writing.setEnabled(bool(self._unsent))

    def close(self) -> None:
        """Let go of the script."""
        if self.is_closed:
            return
        for notifier in (self._reading, self._writing):
            notifier.setEnabled(False)
        self._link.close()
        self.left.emit(self)


class Server(QObject):
    """Listens while it is switched on; :attr:`drivenBy` tells the names of the scripts that are connected."""

    drivenBy = Signal(list)

    def __init__(self, answer: Answer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answer = answer
        self._listening: socket.socket | None = None
        self._notifier: QSocketNotifier | None = None
        self.place: Path | None = None
        self.callers: list[Caller] = []

    def open(self) -> Path:
        """Begin to listen; gives the socket. Raises Refused."""
        if self.place is not None:
            return self.place
        if why := why_not_here():
            raise refuse(why)
        own_folder(folder())
        place = socket_of(os.getpid())
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with suppress(FileNotFoundError):
                place.unlink()
            os.fchmod(listening.fileno(), 0o600)  # the file takes these rights when it is made
            listening.bind(str(place))
            os.chmod(place, 0o600)
            listening.listen(MOST_SCRIPTS)
        except OSError as error:
            listening.close()
            raise refuse(f"{place} cannot be opened: {error.strerror or error}.") from error
        listening.setblocking(False)
        self._listening, self.place = listening, place
        self._notifier = QSocketNotifier(listening.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._accept)
        return place

    def _accept(self) -> None:
        assert self._listening is not None
        try:
            link, _ = self._listening.accept()
        except OSError:
            return
        if refusal_of(link) is not None or len(self.callers) >= MOST_SCRIPTS:
            link.close()
            return
        caller = Caller(link, self._answer, self)
        caller.left.connect(self._forget)
        caller.named.connect(self._tell)
        self.callers.append(caller)

    def _forget(self, caller: Caller) -> None:
        if caller in self.callers:
            self.callers.remove(caller)
            caller.deleteLater()
            self._tell()

    def _tell(self) -> None:
        self.drivenBy.emit([caller.script for caller in self.callers if caller.script])

    def let_go(self) -> None:
        """Every script that is connected."""
        for caller in list(self.callers):
            caller.close()

    def close(self) -> None:
        """Listen no more; the socket is removed."""
        self.let_go()
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        if self.place is not None:
            self.place.unlink(missing_ok=True)
            self.place = None
