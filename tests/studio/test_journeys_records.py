"""A journey with another program's runs: dropped on the window, looked at, imported, seen, and imported again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QUrl

from core.problems import Problem
from core.records.keeping import Imported, Kept
from studio.window.importing import Importing, imported_words
from tests.core.records.events import event, scalar, write
from widgets.records_sheet import RecordsSheet


def looked(person: object, importing: Importing) -> RecordsSheet:
    person.wait(lambda: importing.sheet is not None and importing.sheet.take.isEnabled())  # type: ignore[attr-defined]
    assert importing.sheet is not None
    return importing.sheet


@pytest.mark.long
def test_a_folder_of_event_files_becomes_runs(tmp_path: Path, sit_down) -> None:
    for name in ("one", "two"):
        values = [event(1_700_000_000.0 + s, s, summary=scalar("val/accuracy", s / 8)) for s in range(9)]
        write(tmp_path / "logs" / name, values)
    person = sit_down()
    window, session = person.window, person.session
    window.arriving.take([QUrl.fromLocalFile(str(tmp_path / "logs"))])
    sheet = looked(person, window.rooms.importing())
    assert [sheet.list.topLevelItem(row).text(0) for row in range(2)] == ["one", "two"]
    sheet.take.click()
    person.wait(lambda: window.rooms.importing().sheet is None)
    assert sorted(facts.name for facts in session.runs) == ["one", "two"]
    assert "2 runs were imported." in person.said
    assert window.pages.current == "runs"
    library = window.library
    library.select((session.runs[0].uid,))
    for act in ("open", "continue", "fork"):
        assert "there is no graph to it" in library.why_not(act)
    session.watch(session.runs[0].uid)
    person.wait_quiet()
    wall = window.wall
    assert [key for key in ("loss", "metrics", "made", "distributions") if wall.monitors[key].isHidden()] == []
    assert all(not wall.monitors[key].isVisible() for key in ("similarity", "attention", "codes"))
    window.menus.entry("import_runs").trigger()
    window.rooms.importing().look(tmp_path / "logs")
    sheet = looked(person, window.rooms.importing())
    assert "(in the library)" in sheet.list.topLevelItem(0).text(0)
    sheet.take.click()
    person.wait(lambda: window.rooms.importing().sheet is None)
    assert "2 were there already." in person.said
    assert len(session.runs) == 2


def test_what_could_not_be_read_any_more_is_told_with_what_came() -> None:
    gone = Problem(what="There are no event files in /logs.")
    assert imported_words(Imported(kept=(), problems=(gone,))).endswith("There are no event files in /logs.")
    one = Kept(uid="a", name="a", what="new")
    assert imported_words(Imported(kept=(one,))) == "1 runs were imported."
