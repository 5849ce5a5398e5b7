"""The help: the same pages in both languages, without a network, found by their words, and F1 opens the one for where one is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.cli import command_modules
from studio.telling.help import OF_PAGES, ORDER, help_pages
from studio.window.pages import Pages
from tests.code import ROOT
from tests.studio.journey import Person
from widgets.help_sheet import HelpSheet
from widgets.look.language import LANGUAGES, use_language

FOLDER = ROOT / "resources" / "help"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    yield
    use_language("en")


def texts(language: str) -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in (FOLDER / language).glob("*.md")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_whole(language: str) -> None:
    pages = texts(language)
    assert set(pages) == set(ORDER)
    for key, text in pages.items():
        assert text.startswith("# "), key
        assert "http" not in text, key
        assert "![" not in text, key
        assert set(re.findall(r"\]\(help:(\w+)\)", text)) <= set(ORDER), key
        assert set(re.findall(r"\]\((?!help:)[^)]*\)", text)) == set(), key
    commands = set(re.findall(r"^- `([\w-]+)`", pages["command_line"], re.MULTILINE))
    assert commands <= set(command_modules())
    assert {"run", "check", "doctor", "new-block", "desktop-entry"} <= commands
    assert set(OF_PAGES) == {*Pages.TITLES, "gallery"}
    assert set(OF_PAGES.values()) <= set(ORDER)


def test_both_languages_say_the_same_things() -> None:
    one, other = (texts(language) for language in LANGUAGES)
    for key in ORDER:
        links = [re.findall(r"\(help:(\w+)\)", text[key]) for text in (one, other)]
        assert links[0] == links[1], key
        assert [text[key].count("\n- ") for text in (one, other)] == [one[key].count("\n- ")] * 2, key
        assert len(re.findall(r"[\u4e00-\u9fff]", other[key])) > 30, key


def test_found_by_words_and_followed_by_links(qtbot, tmp_path: Path) -> None:
    sheet = HelpSheet(help_pages("- **F1**: Help"))
    qtbot.addWidget(sheet)
    sheet.open_page("keyboard")
    assert "F1: Help" in sheet.text.toPlainText()
    sheet.field.setText("SHA-256 sandbox")
    assert sheet.page().key == "own_blocks"
    assert sheet.list.count() == 1
    sheet.field.setText("nothing says this anywhere")
    assert sheet.page() is None
    assert sheet.text.toPlainText() == ""
    sheet.open_page("first_steps")
    sheet.text.anchorClicked.emit(QUrl("help:canvas"))
    assert sheet.page().key == "canvas"
    for foreign in ("https://example.org/", "file:///etc/hostname"):  # nothing outside is opened or read
        sheet.text.anchorClicked.emit(QUrl(foreign))
        assert sheet.text.loadResource(2, QUrl(foreign)) is None
        sheet.text.setSource(QUrl(foreign))
    assert sheet.page().key == "canvas"


def test_f1_opens_the_page_for_where_one_is(sit_down) -> None:
    person: Person = sit_down(None)
    for page, said in (("data", "Every experiment begins"), ("query", "Ask a trained model")):
        person.window.show_page(page)
        QTest.keyClick(person.window, Qt.Key.Key_F1)
        sheet = person.window.findChild(HelpSheet)
        assert sheet is not None
        assert said in sheet.text.toPlainText()
        sheet.open_page("keyboard")
        assert "Ctrl+Shift+P" in sheet.text.toPlainText()
        assert "F1" in sheet.text.toPlainText()
        sheet.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
