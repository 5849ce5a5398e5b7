"""One sentence at a time: questions that are covered come back, how far something is does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget

from widgets.message_bar import MessageBar


@pytest.fixture
def bar(qtbot: Any) -> Iterator[MessageBar]:
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(900, 400)
    page.show()
    made = MessageBar(page)
    yield made
    assert made.parentWidget() is page  # the page lives as long as its bar


class Work:
    """What can be left."""

    def stop(self) -> None: ...


def test_a_question_that_was_covered_comes_back(bar: MessageBar) -> None:
    bar.show_message("Restore?", "warning", (("Yes", lambda: None),))
    bar.show_message("Saved.")
    assert bar.sentence == "Saved."
    bar.clear()
    assert bar.sentence == "Restore?"
    bar.clear()
    assert bar.sentence == ""


def test_how_far_something_is_replaces_how_far_it_was(bar: MessageBar) -> None:
    choices = (("Cancel", Work().stop),)
    for done in range(3):
        bar.show_message(f"{done} of 3", "hint", choices)
    bar.show_message("Another run has ended.")
    bar.show_message("3 of 3", "hint", choices)
    assert bar.sentence == "3 of 3"
    bar.take_back(choices)
    assert bar.sentence == ""


def test_what_is_over_is_taken_back_from_behind_another_message(bar: MessageBar) -> None:
    work = Work()
    bar.show_message("Restore?", "warning", (("Yes", lambda: None),))
    bar.show_message("1 of 3", "hint", (("Cancel", work.stop),))
    bar.show_message("Saved.")
    bar.take_back((("Cancel", work.stop),))
    assert bar.sentence == "Saved."
    bar.clear()
    assert bar.sentence == "Restore?"
