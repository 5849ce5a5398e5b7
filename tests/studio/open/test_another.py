"""Another store: asked for in a sheet, looked at behind the window, opened by a window of its own; a password leaves no trace."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QDialogButtonBox

from core.store.database import Store
from core.store.library import Library
from studio.open import another
from studio.open.another import usual_store
from tests.stores import Server
from widgets.store_sheet import StoreSheet, WantedStore

SECRET = "geheim"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Windows that would have been opened: words and environment."""
    found: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(another, "Popen", lambda words, env, **_: found.append((words, env)))
    return found


def asked(person: Any, qtbot: Any, **fields: str) -> StoreSheet:
    person.window.open_store()
    sheet = person.window.findChild(StoreSheet)
    for name, text in fields.items():
        getattr(sheet, name).setText(text)
    sheet.keep.setChecked(True)
    sheet.buttons.button(QDialogButtonBox.StandardButton.Open).click()
    return sheet


def settings(person: Any) -> str:
    person.session.preferences.sync()
    return Path(person.session.preferences._settings.fileName()).read_text()


def test_a_file_is_opened_in_a_window_of_its_own_and_kept(
    sit_down: Any, qtbot: Any, begun: Any, tmp_path: Path
) -> None:
    person = sit_down()
    place = tmp_path / "others.db"
    sheet = asked(person, qtbot, place=str(place))
    assert not sheet.password.isEnabled()
    qtbot.waitUntil(lambda: bool(begun))
    words, _ = begun[0]
    assert words[-3:] == ["open", "--store", f"sqlite:///{place}"]
    assert person.session.preferences.store == f"sqlite:///{place}"
    opened, why = usual_store(person.session.preferences.store, "")
    with opened:
        assert (opened.path, why) == (place, "")


def test_what_cannot_be_opened_is_said_in_the_sheet_which_stays(
    sit_down: Any, qtbot: Any, begun: Any, tmp_path: Path
) -> None:
    person = sit_down()
    (tmp_path / "notes.db").write_text("these are no runs, but they are longer than nothing")
    sheet = asked(person, qtbot, place=str(tmp_path / "notes.db"))
    qtbot.waitUntil(lambda: "not a store of runs" in sheet.problem.text())
    assert sheet.isVisible()
    assert begun == []
    assert person.session.preferences.store == ""
    sheet.close()


def test_a_password_is_handed_on_and_never_kept(
    sit_down: Any, qtbot: Any, begun: Any, server: Server, tmp_path: Path
) -> None:
    person = sit_down()
    url = server.new_database()
    with Store.open(url) as store:
        Library(store).create_run("theirs", "{}")
    asked(person, qtbot, place=url, password=SECRET, files=str(tmp_path / "large"))
    qtbot.waitUntil(lambda: bool(begun))
    words, environment = begun[0]
    assert SECRET not in json.dumps(words)
    assert environment["PGPASSWORD"] == SECRET
    assert words[-2:] == ["--files", str(tmp_path / "large")]
    kept = settings(person)
    assert "runs" in kept
    assert SECRET not in kept
    assert SECRET not in os.environ.get("PGPASSWORD", "")
    assert SECRET not in repr(WantedStore(place=url, password=SECRET))


@pytest.mark.skipif(find_spec("psycopg") is None, reason="psycopg is not installed")
def test_where_the_usual_store_is_away_this_machines_runs_are_shown(tmp_path: Path) -> None:
    opened, why = usual_store("postgresql://127.0.0.1:1/runs", "")
    with opened:
        assert opened.is_file
    assert "127.0.0.1:1" in why
    assert "The runs of this machine are shown instead." in why


def test_the_page_of_runs_says_where_they_are_kept(sit_down: Any, tmp_path: Path) -> None:
    person = sit_down()
    assert person.window.library._place.text() == f"Kept in {tmp_path / 'runs.sqlite'}"
