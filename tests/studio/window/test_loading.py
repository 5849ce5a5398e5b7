"""While the engine loads nothing wrong is said: no ids of the code, no "no such choice", and Run says what it waits for."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QTreeWidget

from core.graph.vocabulary import Vocabulary
from core.store.database import Store
from studio.app import make_application, make_window
from studio.open.documents import DEFAULT_EXAMPLE, find_document
from studio.open.preferences import Preferences
from studio.session import Session
from studio.window.bindings import show_vocabulary
from studio.window.window import Window
from tests.documents import tiny_clip


@pytest.fixture
def before_the_engine(qtbot, tmp_path, monkeypatch):
    """The window as it is seen on the very first start, before torch is there."""
    monkeypatch.setattr("studio.session.cached_vocabulary", lambda: None)
    monkeypatch.setattr("studio.session.Engine.analyse", lambda *_: None)  # it has not come to it
    preferences = Preferences()
    preferences.language = "en"
    make_application(preferences)
    with Store.open(tmp_path / "runs.sqlite") as store:
        session = Session(store, preferences)
        window = make_window(session, find_document(DEFAULT_EXAMPLE))
        window.show()
        qtbot.waitExposed(window)
        yield window
        window.close()


def seen(window: Window) -> list[str]:
    """Every word of the window, the canvas and the outline included."""
    QApplication.processEvents()
    words = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    words += [button.text() for button in window.findChildren(QAbstractButton) if button.isVisible()]
    words += [box.itemText(n) for box in window.findChildren(QComboBox) for n in range(box.count())]
    for tree in window.findChildren(QTreeWidget):
        words += [tree.topLevelItem(n).text(0) for n in range(tree.topLevelItemCount())]
    return words + [item.title_alone()[0] for item in window.canvas.board.nodes.values()]


def test_nothing_is_called_by_its_id_and_nothing_is_said_to_be_missing(before_the_engine: Window):
    window = before_the_engine
    assert not window.session.vocabulary
    ids = {node.block for node in window.session.document.nodes.values()} | {"adamw", "cosine"}
    words = seen(window)
    assert ids.isdisjoint(words)
    assert not [word for word in words if "no such" in word or "not in this version" in word]
    assert "loading…" in words


def test_run_says_what_it_waits_for_in_its_tip_and_in_the_status_bar(before_the_engine: Window):
    window = before_the_engine
    run = window.menus.entry("run")
    assert not run.isEnabled()
    assert "The engine is loading" in run.toolTip()
    assert any("The engine is loading" in word for word in seen(window))


def test_a_block_that_a_read_vocabulary_lacks_is_still_told_apart():
    some = Vocabulary([Vocabulary().spec("a.b")])
    assert (Vocabulary().spec("x.y").loading, some.spec("x.y").loading) == (True, False)
    assert some.spec("x.y").title == "x.y"


def test_words_that_are_read_as_they_were_kept_draw_nothing_anew(sit_down, monkeypatch) -> None:
    person = sit_down(tiny_clip())
    window, words = person.window, person.session.vocabulary
    drawn: list[str] = []
    for name in ("canvas", "palette_panel", "inspector", "outline"):
        monkeypatch.setattr(getattr(window, name), "set_vocabulary", lambda _, name=name: drawn.append(name))
    again = Vocabulary.from_json(words.as_json())
    show_vocabulary(window, again)
    assert drawn == []
    fewer = Vocabulary([spec for key, spec in words.items() if key != "encoders.vit"], words.options)
    show_vocabulary(window, fewer)
    assert len(drawn) == 4
