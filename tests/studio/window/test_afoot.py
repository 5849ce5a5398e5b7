"""Long work that would end with the window is named before the window is made anew or closed, and somebody decides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton

from core.records.keeping import Imported
from core.records.reader import Stopped
from studio.window import importing
from tests.core.records.events import event, scalar, write

Sit = Callable[..., Any]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sit_down: Sit) -> Any:
    """Somebody in front of a window in which an import goes on until it is let go or stopped."""
    values = [event(1_700_000_000.0 + s, s, summary=scalar("loss", s / 8)) for s in range(3)]
    write(tmp_path / "logs" / "one", values)
    stopped, free = [], threading.Event()

    def bring(store: Any, places: Any, root: Any, told: Any, stops: Callable[[], bool]) -> Imported:
        while not free.wait(0.01):
            if stops():
                stopped.append(True)
                raise Stopped
        return Imported(kept=())

    monkeypatch.setattr(importing, "bring", bring)
    person = sit_down()
    work = person.window.rooms.importing()
    work.open(tmp_path / "logs")
    person.wait(lambda: work.sheet.take.isEnabled())
    work.sheet.take.click()
    person.wait(lambda: bool(person.window.afoot()))
    yield SimpleNamespace(person=person, work=work, stopped=stopped, free=free)
    free.set()
    person.wait(lambda: person.session.window.afoot() == ())


def choices(window: Any) -> dict[str, Any]:
    return {button.text(): button for button in window.messages.findChildren(QPushButton) if not button.isHidden()}


@pytest.mark.parametrize("how", ["language", "scale"])
def test_a_window_is_not_made_anew_over_an_import_unless_somebody_says_so(begun: Any, how: str) -> None:
    person, window = begun.person, begun.person.window
    language, scale = window.session.preferences.language, window.session.preferences.scale
    window.use_language("zh_CN") if how == "language" else window.use_scale(1.2)
    assert window.session.window is window
    assert "Importing…" in window.messages.sentence
    assert (window.session.preferences.language, window.session.preferences.scale) == (language, scale)
    assert begun.stopped == []
    if how == "scale":
        return
    choices(window)["End it and go on"].click()
    person.wait(lambda: begun.stopped == [True])
    assert window.session.window is not window
    window.session.window.use_language(language)  # nothing is afoot: at once
    assert window.session.preferences.language == language


def test_a_window_is_not_closed_over_an_import_unless_somebody_says_so(begun: Any) -> None:
    window = begun.person.window
    assert not window.close()
    assert window.isVisible()
    assert "closing this message keeps the window open" in window.messages.sentence
    assert begun.stopped == []
    choices(window)["End it and close"].click()
    assert begun.stopped == [True]
    assert not window.isVisible()


def test_a_terminal_closes_it_all_the_same(begun: Any) -> None:
    begun.person.window.dialogs.stop_and_close()
    assert begun.stopped == [True]
    assert not begun.person.window.isVisible()


def test_who_closes_the_sheet_is_told_that_the_import_stopped(begun: Any) -> None:
    begun.work.sheet.close()
    begun.person.wait(lambda: "Stopped. Runs that were imported whole stay." in begun.person.said)
    assert begun.stopped == [True]
    assert begun.person.window.afoot() == ()
