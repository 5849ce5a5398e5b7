"""A journey with a sound: drop it on the query page, see it as it was heard, lay its words onto it, and find what is like it."""

from __future__ import annotations

import pytest
from PySide6.QtTest import QTest

from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.core.data.clips import tone
from tests.core.inference.test_hearing import listener
from tests.core.inference.test_questions import spoken
from tests.studio.journey import drop


@pytest.fixture
def trained(tmp_path) -> str:
    """A finished run of tones with every objective that tells something of a sound."""
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(Library(store), listener(spoken(tmp_path / "tones")), name="tones").uid
        assert execute(store, uid) == "finished"
        return uid


def test_a_sound_is_dropped_and_asked_about(sit_down, trained, tmp_path):
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    person.wait(lambda: page._listening.isVisible())
    drop(page._listening.well, tone(tmp_path / "la.wav", 2.0, 300.0))
    person.wait(lambda: page.answers() is not None)
    assert page.answers().kind == "sentences"
    assert page.answers().asked.sound.seconds == 0.5, "as much as the run hears"
    QTest.keyClicks(page._listening.sentence, "one")
    person.click(page._listening.buttons["align"])
    person.wait(lambda: page.answers().kind == "aligned")
    assert [answer.sentence for answer in page.answers().answers] == list("one")
    starts = [answer.span[0] for answer in page.answers().answers]
    assert starts == sorted(starts)
    assert len(page._results.stage.times.boxes()) == 3
    person.click(page._listening.buttons["classify"])
    person.wait(lambda: page.answers().kind == "classes")
    assert sum(answer.score for answer in page.answers().answers) == pytest.approx(1)
    person.click(page._listening.buttons["localise"])
    person.wait(lambda: page.answers().kind == "events")
    drop(page._listening.well, tmp_path / "none.wav")
    person.wait(lambda: "none.wav is not there" in page.message())
