"""Journeys with files: damaged, hostile, from the future; unknown blocks; and what a crash may not take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt

from core.graph.file import read, to_data
from core.runs.worker import ROOT
from studio.open.journal import Journal
from tests.documents import tiny_clip
from tests.studio.journey import CTRL, Person

KEYS = Qt.Key


def plain(**changes) -> dict:
    """A good document as data, changed."""
    return {**to_data(tiny_clip()), **changes}


def with_node(**fields) -> str:
    data = plain()
    data["nodes"]["vit"].update(fields)
    return json.dumps(data)


HOSTILE = {
    "cut off": (json.dumps(plain())[:500], "not valid JSON"),
    "empty": ("", "not valid JSON"),
    "no document": ('{"hello": 1}', "not a Crossmodal Studio document"),
    "a list": ("[1, 2]", "not a Crossmodal Studio document"),
    "depth bomb": ("[" * 100_000 + "]" * 100_000, "nested more than"),
    "object bomb": ('{"a":' * 5000 + "1" + "}" * 5000, "nested more than"),
    "6,000 nodes": (json.dumps(plain(nodes={f"n{i}": {"block": "connectors.projection"} for i in range(6000)}, wires=[])), "more than 5000 nodes"),
    "twins": ('{"format": "crossmodal-studio", "version": 1, "version": 1}', "twice"),
    "not a number": (with_node(x=float("nan")), "NaN"),
    "infinite": (with_node(x=float("inf")), "Infinity"),
    "huge": (with_node(x=0).replace('"x": 0', '"x": 1e999'), "finite"),
    "a million copies": (with_node(repeat=1_000_000), "repeat"),
    "text for a place": (with_node(x="<b>here</b>"), "is not valid"),
    "a list for a knob": (with_node(knobs={"width": [1]}), "is not valid"),
    "a wire to nowhere": (json.dumps(plain(wires=[{"from": "vit.tokens", "to": "gone.tokens"}])), "not in the document"),
    "text in a wire's point": (
        json.dumps(plain(wires=[{"from": "emoji.image", "to": "augment.image", "via": [["nan", "1"]]}])), "not a point",
    ),
    "text for a frame's place": (
        json.dumps(plain(frames={"f": {"title": "t", "x": "left", "y": 0, "width": 1, "height": 1}})), "frame",
    ),
    "the future": (json.dumps(plain(version=99)), "newer studio"),
    "a version that is a word": (json.dumps(plain(version="<img src=x>")), "version"),
    "a surrogate": (json.dumps(plain(name="\ud800")), "lone surrogate"),
}  # fmt: skip


def open_file(person: Person, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+O, and this file in the dialog."""
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getOpenFileName", lambda *_: (str(place), ""))
    person.window.canvas.setFocus()
    person.press(KEYS.Key_O, CTRL, on=person.window.canvas)


def save_file(person: Person, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save as, to this file."""
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: (str(place), ""))
    person.choose("save_as")


def draw_one(person: Person) -> str:
    """One block more, with the keyboard; not saved. Gives the node."""
    return person.add_by_keys("projection", QPointF(50, 420))


def test_nothing_hostile_opens_and_nothing_that_was_drawn_is_lost(sit_down, tmp_path, monkeypatch):
    person = sit_down(tiny_clip())
    node = draw_one(person)
    drawn = person.session.document
    place = tmp_path / "hostile.cms.json"
    for name, (text, words) in HOSTILE.items():
        place.write_text(text, encoding="utf-8", errors="surrogatepass")
        open_file(person, place, monkeypatch)
        sentence = person.window.messages.sentence
        assert words in sentence, f"{name}: {sentence[:300]}"
        assert "Traceback" not in sentence
        assert len(sentence.splitlines()) == 1, f"{name}: {sentence[:300]}"
        assert len(sentence) < 500, name
        assert person.session.document is drawn, name
        person.window.messages.clear()
    place.write_bytes(b"\xff\xfe\x00PNG\x00")
    open_file(person, place, monkeypatch)
    assert "is not text" in person.window.messages.sentence
    open_file(person, tmp_path / "gone.json", monkeypatch)
    assert "cannot be read" in person.window.messages.sentence
    assert person.session.document is drawn
    person.press(KEYS.Key_Z, CTRL, on=person.window.canvas)
    assert node not in person.session.document.nodes


def test_names_with_markup_are_shown_as_they_are_and_an_id_stays_in_the_journal(sit_down, tmp_path, monkeypatch):
    person = sit_down(tiny_clip())
    bold = "<b>bold</b><img src='file:///etc/hostname'>"
    place = tmp_path / "markup.cms.json"
    data = plain(id="../../../escaped", name=bold)
    data["nodes"]["vit"]["title"] = bold
    place.write_text(json.dumps(data))
    open_file(person, place, monkeypatch)
    assert person.session.document.name == bold
    person.analysed()
    draw_one(person)
    journal = Journal()
    person.wait(lambda: list(journal.folder.glob("*.json")))
    assert not list(journal.folder.parent.parent.rglob("escaped*"))
    assert [lost.document.name for lost in journal.lost()] == [bold]
    save_file(person, tmp_path / "again.cms.json", monkeypatch)
    assert read(tmp_path / "again.cms.json").nodes["vit"].title == bold
    assert journal.lost() == []


def test_a_folder_that_is_not_there_is_a_problem_not_a_crash(sit_down, tmp_path, monkeypatch):
    person = sit_down(tiny_clip())
    data = plain()
    data["nodes"] = {
        "own": {"block": "sources.caption_table", "knobs": {"folder": "../../../../etc", "table": "../../etc/passwd"}}
    }
    place = tmp_path / "escape.cms.json"
    place.write_text(json.dumps({**data, "wires": []}))
    open_file(person, place, monkeypatch)
    assert list(person.session.document.nodes) == ["own"]
    assert person.problems()
    person.go_to("Data")
    person.wait(lambda: not person.window.rooms.data().panel.is_busy)
    assert person.texts(person.window.rooms.data().panel, "root:") == []


def test_an_unknown_block_is_kept_with_all_it_holds(sit_down, tmp_path, monkeypatch):
    person = sit_down(tiny_clip())
    data = plain()
    strange = {"block": "quantum.entangler", "x": 40.0, "y": 500.0, "knobs": {"qubits": 7}, "colour": {"hue": [1, 2]}}
    data["nodes"]["strange"] = strange
    data["wires"].append({"from": "pool.embedding", "to": "strange.in"})
    place = tmp_path / "unknown.cms.json"
    place.write_text(json.dumps(data))
    open_file(person, place, monkeypatch)
    canvas = person.window.canvas
    assert "strange" in canvas.board.nodes
    assert any("quantum.entangler" in what for what in person.problems())
    canvas.fit_all()
    person.select("strange")
    canvas.zoom_to(0.5)
    node = draw_one(person)
    save_file(person, place, monkeypatch)
    saved = json.loads(place.read_text())
    assert saved["nodes"]["strange"] == strange
    assert {"from": "pool.embedding", "to": "strange.in"} in saved["wires"]
    assert node in saved["nodes"]


def test_save_open_save_is_the_same_file(sit_down, tmp_path, monkeypatch):
    person = sit_down(tiny_clip())
    draw_one(person)
    first, second = tmp_path / "one.cms.json", tmp_path / "two.cms.json"
    save_file(person, first, monkeypatch)
    assert not person.session.history.is_changed
    open_file(person, first, monkeypatch)
    save_file(person, second, monkeypatch)
    assert first.read_bytes() == second.read_bytes()
    save_file(person, tmp_path / "one.cms.json" / "below.json", monkeypatch)
    assert "cannot be written" in person.window.messages.sentence


CRASH = """
    import os, sys
    from pathlib import Path
    from core.graph.document import Document
    from core.store.database import Store
    from PySide6.QtCore import QPointF, QTimer
    from studio.app import make_application, make_window
    from studio.open.preferences import Preferences
    from studio.session import Session

    preferences = Preferences()
    preferences.language = "en"
    application = make_application(preferences)
    session = Session(Store.open(sys.argv[1]), preferences)
    window = make_window(session, Document(name="precious"))
    window.show()

    def look():
        if session.journal.place(session.document).exists():
            os._exit(9)

    window.canvas.add_block("connectors.projection")
    timer = QTimer(interval=20)
    timer.timeout.connect(look)
    timer.start()
    application.exec()
"""


def crash(tmp_path: Path) -> None:
    """A studio that draws a block and dies."""
    command = [sys.executable, "-c", textwrap.dedent(CRASH), str(tmp_path / "crashed.sqlite")]
    ended = subprocess.run(command, cwd=ROOT, env=dict(os.environ), timeout=60, capture_output=True, text=True)
    assert ended.returncode == 9, ended.stderr


def test_what_a_crash_left_is_offered_and_recovered(sit_down, tmp_path):
    crash(tmp_path)
    person = sit_down(tiny_clip())
    bar = person.window.messages
    assert "precious" in bar.sentence
    person.session.say("something else")
    assert bar.sentence == "something else"
    person.click(bar.close_button)
    assert "precious" in bar.sentence
    person.click(person.button("Recover", bar))
    assert person.session.document.name == "precious"
    assert "projection" in person.session.document.nodes
    assert "projection" in person.window.canvas.board.nodes
    assert person.session.history.is_changed
    assert person.session.path is None
    assert len(Journal().lost()) == 1  # still unsaved: another crash would not take it either


def test_what_a_crash_left_can_be_discarded(sit_down, tmp_path):
    crash(tmp_path)
    crash(tmp_path)
    assert len(Journal().lost()) == 2
    person = sit_down(tiny_clip())
    before = person.session.document
    for left in (1, 0):
        person.click(person.button("Discard", person.window.messages))
        assert len(Journal().lost()) == left
    assert person.window.messages.sentence == ""
    assert person.session.document is before


def test_undone_edits_and_saved_ones_leave_nothing_to_recover(sit_down, tmp_path, monkeypatch):
    person = sit_down(tiny_clip())
    draw_one(person)
    person.wait(lambda: Journal().lost())
    person.press(KEYS.Key_Z, CTRL, on=person.window.canvas)
    person.wait(lambda: not Journal().lost())
    node = draw_one(person)
    person.choose("new_document")  # at once: what was drawn is in the journal before it leaves the canvas
    assert [list(lost.document.nodes)[-1] for lost in Journal().lost()] == [node]
