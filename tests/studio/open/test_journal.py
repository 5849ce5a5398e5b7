"""What is drawn is never lost: steady work is kept, undecided drawings are not written over, what is not shown is kept too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QTimer

from core.graph import edits
from studio.open.journal import Journal
from tests.documents import tiny_clip


def moved(person, step: int):
    """The drawing with a block elsewhere: an edit as steady work makes them."""
    document, _ = edits.add_node(person.session.document, "connectors.projection", 10.0 * step, 0.0)
    return document


def test_steady_work_is_kept_without_a_pause(sit_down) -> None:
    """An edit every 20 milliseconds: there is never a pause, and still it is on disk soon."""
    person = sit_down(tiny_clip())
    steps = iter(range(10_000))
    timer = QTimer(interval=20)
    timer.timeout.connect(lambda: person.session.edit(moved(person, next(steps)), "move"))
    timer.start()
    person.wait(lambda: Journal().lost())
    assert timer.isActive()
    timer.stop()


def test_an_undecided_drawing_survives_edits_of_the_same_example(sit_down) -> None:
    """Both have one id: the crash's stays, and the new edits are kept beside it."""
    document = tiny_clip()
    crashed = Journal()
    crashed.keep(replace(document, name="from the crash"), None)
    person = sit_down(document)
    person.session.edit(moved(person, 1), "move")
    person.wait(lambda: len(Journal().lost()) == 2)
    assert "from the crash" in [lost.document.name for lost in Journal().lost()]
    assert person.session.document.name == document.name


@pytest.mark.parametrize("way", ["new", "example", "another of its id"])
def test_a_changed_drawing_stays_open_in_its_own_tab(sit_down, way: str) -> None:
    person = sit_down(tiny_clip())
    session = person.session
    changed = moved(person, 1)
    session.edit(changed, "move")
    if way == "new":
        person.choose("new_document")
    elif way == "example":
        session.open_example(tiny_clip())
    else:
        session.show(replace(tiny_clip(), id=changed.id, name="a namesake"))
    assert session.document is not changed
    assert [tab.name for tab in session.tabs.all] == [changed.name, session.document.name]
    session.edit(moved(person, 2), "move")  # what comes after does not write over it
    second = session.document
    session.turn_to(0)
    assert session.document.nodes == changed.nodes
    assert session.history.is_changed
    assert {tuple(lost.document.nodes) for lost in Journal().lost()} == {tuple(changed.nodes), tuple(second.nodes)}


def test_what_was_left_belongs_to_its_file(sit_down, tmp_path) -> None:
    person = sit_down(tiny_clip())
    session = person.session
    session.save(tmp_path / "mine.cms.json")
    session.edit(moved(person, 1), "move")
    person.choose("new_document")
    assert session.path is None
    session.turn_to(0)
    assert session.path == tmp_path / "mine.cms.json"
    session.save()
    assert Journal().lost() == []


def test_an_untouched_drawing_makes_room_in_silence(sit_down) -> None:
    person = sit_down(tiny_clip())
    person.choose("new_document")
    assert person.window.messages.sentence == ""
    assert len(person.session.tabs.all) == 1
    assert Journal().lost() == []
