"""A run that never saved a checkpoint can only be trained from the beginning again: that is asked first."""

from __future__ import annotations

import pytest

from core.runs.launch import queue
from core.telemetry.events import At, Mark, Scalars, StatusChange
from tests.documents import tiny_clip
from tests.studio.journey import Person

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


def stopped(person: Person, *, step: int, saved: bool = False) -> str:
    """A run of another process that ended at ``step``, with or without a checkpoint."""
    library = person.session.library
    uid = queue(library, tiny_clip(steps=100), name="theirs").uid
    claim, recorder = library.claim(uid), library.recorder(uid)
    recorder.say(StatusChange(at=At(step=0, seconds=0.0), status="running"))
    now = At(step=step, seconds=1.0)
    if step:
        recorder.say(Scalars(at=now, values={"loss": 1.0}))
    if saved:
        recorder.say(Mark(at=now, kind="checkpoint", text="", data={"path": "step-40"}))
    recorder.say(StatusChange(at=now, status="stopped"))
    assert recorder.close()
    claim.release()
    person.session.refresh_runs()
    return uid


@pytest.fixture
def continued(sit_down, monkeypatch):
    person = sit_down(tiny_clip(steps=4))
    heard: list[str] = []
    monkeypatch.setattr(person.session, "go_on", heard.append)
    return person, heard


def test_continue_without_a_checkpoint_asks_and_does_nothing_yet(continued):
    person, heard = continued
    uid = stopped(person, step=40)
    person.window.dialogs.go_on(uid)
    assert heard == []
    asked = person.window.messages.sentence
    assert "theirs" in asked
    assert "40" in asked
    person.click(person.button("From the beginning", person.window.messages))
    assert heard == [uid]


def test_closing_the_question_leaves_the_run_alone(continued):
    person, heard = continued
    person.window.dialogs.go_on(stopped(person, step=40))
    person.window.messages.clear()
    assert heard == []
    assert person.window.messages.sentence == ""


@pytest.mark.parametrize(("step", "saved"), [(0, False), (40, True)])
def test_nothing_is_asked_where_nothing_would_be_lost(continued, step, saved):
    person, heard = continued
    uid = stopped(person, step=step, saved=saved)
    person.window.dialogs.go_on(uid)
    assert heard == [uid]
    assert "no checkpoint" not in person.window.messages.sentence
