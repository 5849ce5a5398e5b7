"""A real window, driven by a script over its socket: one undo step an edit, nothing that a person could not do, nobody else's script."""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core.problems import Refused
from studio.app import rebuild_window
from studio.commands.drive import REQUESTS
from studio.driving import places, protocol
from studio.driving.client import Driven
from studio.driving.server import MOST_SCRIPTS, Server
from tests.documents import tiny_clip
from tests.studio.journey import Person

pytestmark = pytest.mark.skipif(bool(places.why_not_here()), reason="Linux")


@pytest.fixture(autouse=True)
def _short_folder(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


@pytest.fixture
def person(sit_down: Callable[..., Person]) -> Iterator[Person]:
    came = sit_down(tiny_clip(steps=2))
    came.window.driving.switch(True)
    yield came
    came.window.driving.switch(False)


class Script:
    """Somebody else's thread, while the window goes on."""

    def __init__(self, person: Person, acts: Callable[[Driven], Any], name: str = "my script") -> None:
        self.value: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(acts, name), daemon=True)
        self._thread.start()
        person.wait(lambda: not self._thread.is_alive(), 150_000)

    def _run(self, acts: Callable[[Driven], Any], name: str) -> None:
        try:
            with Driven(name) as window:
                self.value = acts(window)
        except BaseException as error:
            self.error = error

    def done(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


def test_a_script_edits_looks_and_runs(person: Person, tmp_path: Path) -> None:
    history, before = person.session.history, person.session.document
    picture = tmp_path / "window.png"

    def acts(window: Driven) -> dict[str, Any]:
        assert "commands" in window.call("commands") or window.commands()["run"]["why not"] == ""
        window.edit("set_knob", node="projection", name="width", value=12)
        wrong = window.problems()
        said = person.window.driving.words
        node = window.edits([
            ("set_knob", {"node": "projection_2", "name": "width", "value": 12}),
            ("add_node", {"block": "connectors.projection", "x": 0, "y": 900}),
            ("rename", {"name": "by a script"}),
        ])[1]  # fmt: skip
        right = [each for each in window.problems() if each["severity"] == "error" and each["node"] != node]
        window.edit("remove_nodes", nodes=[node])
        window.screenshot(picture)
        window.do("run")
        run = window.ended()
        return {
            "wrong": wrong, "right": right, "said": said, "run": run, "names": window.figures(run["uid"]),
            "loss": window.figures(run["uid"], "loss"), "document": window.experiment(),
        }  # fmt: skip

    found = Script(person, acts).done()
    assert any("same width" in each["sentence"] for each in found["wrong"])
    assert found["right"] == []
    assert found["said"] == "Driven by my script"
    assert found["run"]["status"] == "finished", found["run"]["reason"]
    assert "loss" in found["names"]
    assert len(found["loss"]["steps"]) == len(found["loss"]["values"]) == 2
    assert found["document"]["name"] == "by a script"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    person.wait(lambda: person.window.driving.words == "")
    assert history.undo_name == "my script"
    for _ in range(3):  # three requests that edited, three steps
        person.choose("undo")
    assert person.session.document == before
    assert not history.undo()

    assert_only_what_may_be_is_done(person, tmp_path)
    assert_a_part_of_an_edit_is_none(person)


def assert_only_what_may_be_is_done(person: Person, tmp_path: Path) -> None:
    """The rest is a sentence and changes nothing."""
    before = person.session.document
    text = tmp_path / "notes.txt"
    text.write_text("mine")
    fake = tmp_path / "fake.png"
    fake.write_text("mine")
    link = tmp_path / "link.png"
    link.symlink_to(text)
    refused: dict[str, Callable[[Driven], Any]] = {
        "no edit called": lambda w: w.edit("loads", text="{}"),
        "no edit called '__class__'": lambda w: w.edit("__class__"),
        "no block called 'nowhere'": lambda w: w.edit("connect", source="nowhere.image", target="vit.image"),
        "cannot be made with these arguments": lambda w: w.edit("set_knob", node="nowhere", name="x", value=1),
        "unexpected": lambda w: w.edit("set_knob", node="vit", name="depth", value=1, code="1"),
        "cannot be made": lambda w: w.edit("set_recipe", optimizer={"key": []}),
        "An edit is its name": lambda w: w.call("edit", edits=["rename"]),
        "no request called 'exec'": lambda w: w.call("exec", code="1"),
        "does not take these arguments": lambda w: w.call("experiment", path="/etc/passwd"),
        "no command called 'quit'": lambda w: w.do("quit"),
        "no command called 'canvas.__init__'": lambda w: w.do("canvas.__init__"),
        "no command called 'canvas.set_document'": lambda w: w.do("canvas.set_document"),
        "Nothing is training": lambda w: w.do("stop"),
        "has no file yet": lambda w: w.do("save"),
        "ends in .png": lambda w: w.screenshot(text),
        "is there and is no image": lambda w: w.screenshot(fake),
        "link.png is there": lambda w: w.screenshot(link),
        "is no folder": lambda w: w.screenshot(tmp_path / "none" / "a.png"),
        "no page called": lambda w: w.show_page("secret"),
        "no text": lambda w: w.call("open", where=7),
        "no regular file": lambda w: w.open("/dev/zero"),
        "is no text": lambda w: w.call("figures", run=["x"]),
    }  # fmt: skip

    def acts(window: Driven) -> dict[str, str]:
        told = {}
        for what, act in refused.items():
            try:
                act(window)
                told[what] = "it was done"
            except Refused as error:
                told[what] = str(error)
        return told

    for what, told in Script(person, acts).done().items():
        assert what in told, (what, told)
        assert told != "it was done", what
    assert person.session.document == before
    assert text.read_text() == fake.read_text() == "mine"


def assert_a_part_of_an_edit_is_none(person: Person) -> None:
    before = person.session.document

    def acts(window: Driven) -> None:
        window.edits([("rename", {"name": "half"}), ("set_knob", {"node": "gone", "name": "x", "value": 1})])

    with pytest.raises(Refused):
        Script(person, acts).done()
    assert person.session.document is before


def test_the_socket_is_its_owners_alone(person: Person) -> None:
    place = places.socket_of(os.getpid())
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    real = places.owner_of
    others = pytest.MonkeyPatch()
    others.setattr(places, "owner_of", lambda peer: real(peer) + 1)  # as the kernel would tell of another person
    stranger = socket.socket(socket.AF_UNIX)
    stranger.connect(str(place))
    stranger.settimeout(0)
    got: list[bytes] = []

    def closed() -> bool:
        try:
            got.append(stranger.recv(10))
        except BlockingIOError:
            return False
        except OSError:
            got.append(b"")
        return True

    person.wait(closed)
    assert got == [b""]
    stranger.close()
    assert person.window.driving.words == ""
    with pytest.raises(Refused, match="may not drive"):
        Script(person, lambda window: None).done()
    others.undo()
    pair = socket.socketpair(socket.AF_UNIX)
    assert places.owner_of(pair[0]) == os.getuid() == struct.unpack("3i", pair[0].getsockopt(1, 17, 12))[1]
    for end in pair:
        end.close()
    assert_lines_that_are_no_requests_are_answered_and_long_ones_end(person)
    assert_only_so_many_scripts_come_at_once(person)


@pytest.mark.long
def test_off_until_switched_on_and_gone_with_the_window(sit_down: Callable[..., Person]) -> None:
    person = sit_down(tiny_clip(steps=2))
    assert places.open_windows() == []
    with pytest.raises(Refused, match="No window can be driven"):
        Driven("my script")
    person.choose("drive")
    (place,) = places.open_windows()
    assert person.session.preferences.driven
    rebuild_window(person.window)  # made anew around the same session
    assert Script(person, lambda window: window.commands()["drive"]["words"]).done() == "Let no script drive the window"
    person.choose("drive")
    assert not place.exists()
    assert not person.session.preferences.driven
    person.choose("drive")
    assert place.exists()
    person.close()
    assert not place.exists()


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    open_to_all = tmp_path / "crossmodal-studio"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    server = Server(lambda *_: None)
    with pytest.raises(Refused, match="can be entered by others"):
        server.open()
    open_to_all.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    open_to_all.symlink_to(elsewhere)
    with pytest.raises(Refused, match="can be entered by others"):
        server.open()
    (elsewhere / "window-1.sock").write_text("")
    with pytest.raises(Refused, match="not a socket that is yours alone"):
        places.own_socket(elsewhere / "window-1.sock")


BAD_LINES = {
    b"{": "one line of JSON",
    b"[]": "an id, a name",
    b'{"id": 1, "name": "experiment", "more": 1}': "an id, a name",
    b'{"id": "1", "name": "experiment"}': "id is a number",
    b'{"id": 1, "name": "experiment"}': "must say its name",
    b'{"id": 1, "name": "hello", "arguments": {"script": "  "}}': "must say its name",
    b'{"id": 1, "name": "hello", "arguments": {"script": NaN}}': "one line of JSON",
    b'{"id": 1, "name": "a", "arguments": {"x": ' + b"[" * 40 + b"]" * 40 + b"}}": "brackets deep",
    b"[" * 100_000: "one line of JSON",
    b"\xff\xfe": "one line of JSON",
}


def assert_lines_that_are_no_requests_are_answered_and_long_ones_end(person: Person) -> None:
    link = socket.socket(socket.AF_UNIX)
    link.connect(str(places.socket_of(os.getpid())))
    got = bytearray()

    def answered(lines: int) -> bool:
        if select.select([link], [], [], 0)[0]:
            got.extend(link.recv(1 << 16))
        return got.count(b"\n") >= lines

    for number, (line, said) in enumerate(BAD_LINES.items(), 1):
        Sender(link, line + b"\n").start()
        person.wait(lambda n=number: answered(n))
        assert said in json.loads(bytes(got).split(b"\n")[number - 1])["problems"][0], line[:80]
    lines = len(BAD_LINES)
    Sender(link, b"x" * (protocol.MOST_BYTES + 2)).start()
    person.wait(lambda: answered(lines + 1))
    assert "longer than 1 MiB" in bytes(got).decode().splitlines()[-1]
    link.close()
    person.wait(lambda: person.window.driving.words == "")


class Sender(threading.Thread):
    """Sends what the other end has to read meanwhile."""

    def __init__(self, link: socket.socket, data: bytes) -> None:
        super().__init__(daemon=True)
        self._link, self._data = link.dup(), data

    def run(self) -> None:
        with suppress(OSError):
            self._link.sendall(self._data)
        self._link.close()


def assert_only_so_many_scripts_come_at_once(person: Person) -> None:
    server = person.window.driving._server
    links = []
    for number in range(MOST_SCRIPTS + 1):
        links.append(socket.socket(socket.AF_UNIX))
        links[-1].connect(str(places.socket_of(os.getpid())))
        person.wait(lambda n=number: len(server.callers) == min(n + 1, MOST_SCRIPTS))
    for link in links:
        link.close()
    person.wait(lambda: server.callers == [])


def test_names_are_shown_as_plain_words() -> None:
    assert protocol.script_name("  a\x1b[31m\u202eb  c ") == "a\\x1b[31mb c"
    assert len(protocol.script_name("x" * 500)) == protocol.LONGEST_NAME
    for wrong in ("", " \n", None, 7):
        with pytest.raises(Refused):
            protocol.script_name(wrong)


def test_the_command_line_knows_every_request() -> None:
    assert {"experiment", "problems", "edit", "do", "figures", "screenshot", "windows"} <= set(REQUESTS)
