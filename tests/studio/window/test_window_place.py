"""The window fits its screen, comes back where it was, changes its size and language without losing the view."""

from __future__ import annotations

import signal

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from studio.app import obey_signals
from studio.open.preferences import Preferences
from studio.window.scaling import scale_now, scale_screens
from tests.documents import tiny_clip
from widgets.look import files
from widgets.look.language import use_language


@pytest.fixture
def person(sit_down):
    yield sit_down(tiny_clip())
    scale_screens(1.0)
    use_language("en")


def looked_at(window) -> tuple:
    canvas = window.canvas
    centre = canvas.seen().center()
    return canvas.scale_now, centre.x(), centre.y()


def test_a_window_is_never_larger_than_its_screen(person):
    room = QGuiApplication.primaryScreen().availableGeometry()
    person.window.open_at(QPoint(room.right() - 20, room.bottom() - 20), QSize(5000, 4000))
    assert person.window.width() <= room.width()
    assert person.window.height() <= room.height()
    assert room.contains(person.window.geometry())


def test_a_closed_window_comes_back_where_it_was(sit_down):
    first = sit_down(tiny_clip())
    first.window.setGeometry(QRect(31, 47, 701, 603))
    first.close()
    kept = Preferences().geometry
    assert kept is not None
    second = sit_down(tiny_clip())
    assert second.window.geometry().topLeft() == QPoint(31, 47)  # not further down by its frame each time
    second.window.restore_place()
    assert second.window.geometry() == QRect(31, 47, 701, 603)


@pytest.mark.parametrize("change", ["language", "scale"])
def test_another_language_or_size_keeps_the_view(person, change):
    canvas = person.window.canvas
    canvas.zoom_to(0.83)
    canvas.centerOn(QPointF(511, 77))
    canvas.select(["vit", "pool"])
    person.window.show_left_tab(1)
    before = looked_at(person.window)
    if change == "language":
        person.window.use_language("zh_CN")
    else:
        person.window.use_scale(1.0)  # the same size: the rebuilding alone
    person.wait(lambda: person.window.canvas is not canvas)
    QApplication.processEvents()
    window = person.window
    scale, x, y = looked_at(window)
    assert scale == pytest.approx(before[0])
    assert (x, y) == pytest.approx(before[1:], abs=2 / before[0])
    assert window.canvas.selection() == ["vit", "pool"]
    assert window.left_tab() == 1


@pytest.mark.qt_log_ignore("propagateSizeHints", "cached device pixel ratio")  # of the platform without a screen
def test_the_size_of_the_interface_changes_at_once(person):
    old = person.window
    ratio = old.devicePixelRatioF()
    old.use_scale(1.5)
    assert scale_now() == 1.5
    assert person.window is not old
    assert person.window.devicePixelRatioF() == pytest.approx(ratio * 1.5)
    room = QGuiApplication.primaryScreen().availableGeometry()
    assert room.width() >= person.window.width()
    person.window.use_scale(1.0)
    assert person.window.devicePixelRatioF() == pytest.approx(ratio)


def test_a_replayed_run_is_where_it_was_after_the_language_changes(person):
    session = person.session
    uid = session.library.create_run("made", "{}", steps=50).uid
    session.refresh_runs()
    session.watch(uid, 7)
    person.window.timeline.set_axis("epoch")
    person.window.pump.set_axis("epoch")
    person.window.use_language("zh_CN")
    cursor = person.window.pump.cursor
    assert (cursor.runs, cursor.step, cursor.follows_head, cursor.axis) == ((uid,), 7, False, "epoch")


def test_escape_leaves_the_gallery_for_the_page_before(person):
    person.window.show_page("runs")
    person.window.show_page("gallery")
    person.press(Qt.Key.Key_Escape)
    assert person.window.pages.current == "runs"
    person.window.show_page("gallery")
    person.click(person.button("Back"))
    assert person.window.pages.current == "runs"


def test_a_message_moves_nothing(person):
    canvas = person.window.canvas
    before = canvas.mapToGlobal(QPoint(0, 0)), canvas.size()
    person.session.say("Something to know. " * 12, "error")
    QApplication.processEvents()
    assert person.window.messages.isVisible()
    assert (canvas.mapToGlobal(QPoint(0, 0)), canvas.size()) == before
    page = person.window.messages.parentWidget()
    assert page.rect().contains(person.window.messages.geometry())


def test_files_are_asked_for_in_the_theme_and_where_they_were_last_found(person, monkeypatch, tmp_path):
    assert QApplication.testAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    asked: list[str] = []

    def ask(_parent, _title, start, *_):
        asked.append(start)
        return str(tmp_path / "deep" / "x.json"), ""

    (tmp_path / "deep").mkdir()
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getOpenFileName", ask)
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", ask)
    person.choose("open_document")
    person.choose("open_document")
    assert asked == ["", str(tmp_path / "deep")]
    assert Preferences().folder("document") == str(tmp_path / "deep")
    files.save_file(person.window, "Save", "y.json", what="document")
    assert asked[-1] == str(tmp_path / "deep" / "y.json")
    (tmp_path / "deep").rmdir()
    assert files.last_folder("document") == ""


def test_a_small_window_is_as_small_as_it_was_asked_to_be(person):
    for language in ("en", "zh_CN"):
        person.window.use_language(language)
        for page in ("design", "data", "train", "inspect", "query", "runs", "sweeps", "gallery"):
            person.window.show_page(page)
            person.window.resize(1024, 700)
            QApplication.processEvents()
            hint = person.window.minimumSizeHint()
            assert (hint.width() <= 1024, hint.height() <= 700) == (True, True), (language, page, hint)


def test_the_bar_along_the_top_has_room_for_what_it_shows(person):
    top = person.window.top
    for width in (1440, 1024, 860):
        person.window.resize(width, 700)
        QApplication.processEvents()
        assert person.window.width() == width
        assert top.layout().minimumSize().width() <= top.width(), width
        assert person.button("Runs", top).width() >= top.fontMetrics().horizontalAdvance("Runs"), width


def test_a_message_covers_no_command_of_a_page(sit_down) -> None:
    """Pages with their commands at the upper edge show it at the lower one."""
    person = sit_down(tiny_clip())
    bar = person.window.messages
    for title, low in (("Design", False), ("Runs", True), ("Train", True), ("Design", False)):
        person.go_to(title)
        person.session.say("a sentence", "warning")
        page = bar.parentWidget()
        assert page.rect().contains(bar.geometry())
        assert (bar.geometry().center().y() > page.height() / 2) == low


def test_a_sweep_that_begins_is_shown_in_the_window_that_is_there_after_a_change_of_language(person):
    old = person.window
    old.show_page("sweeps")
    old.use_language("zh_CN")
    person.window.show_page("design")
    QApplication.sendPostedEvents(old, QEvent.Type.DeferredDelete)
    person.session.sweeping.begun.emit("any")
    person.session.sweeping.sweepsChanged.emit([])
    person.session.lookedAgain.emit()
    assert person.window.pages.current == "sweeps"


def test_ctrl_c_closes_the_window_that_is_there_after_a_change_of_language(person, monkeypatch):
    handlers: dict[int, object] = {}
    monkeypatch.setattr(signal, "signal", lambda number, act: handlers.__setitem__(number, act))
    obey_signals(person.session)
    old = person.window
    old.use_language("zh_CN")
    QApplication.sendPostedEvents(old, QEvent.Type.DeferredDelete)
    handlers[signal.SIGINT](signal.SIGINT, None)
    person.wait(lambda: not person.window.isVisible())
    person.has_left = True
    person.store.close()
