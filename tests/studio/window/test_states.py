"""What a run is about is said where a person looks: in the header, on the button, in the panels, in the list."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from core.graph.document import Document
from core.runs.launch import queue
from core.store.answers import RunFacts
from core.store.recorder import Recorder
from core.telemetry.events import At, PhaseChange, Scalars, StatusChange
from tests.documents import tiny_clip
from tests.studio.journey import Person

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


class Elsewhere:
    """A run that is trained by somebody else: what it says comes through the store and in no other way."""

    def __init__(self, person: Person, name: str = "theirs") -> None:
        self.person, library = person, person.session.library
        self.uid = queue(library, tiny_clip(steps=100), name=name).uid
        self.claim = library.claim(self.uid)
        self.recorder: Recorder = library.recorder(self.uid)
        self.say(StatusChange(at=At(step=0, seconds=0.0), status="running"))

    def say(self, *events: object) -> None:
        for event in events:
            self.recorder.say(event)  # type: ignore[arg-type]
        assert self.recorder.flush()
        self.person.session.refresh_runs()

    def end(self, status: str = "stopped") -> None:
        self.say(StatusChange(at=At(step=40, seconds=20.0), status=status))  # type: ignore[arg-type]
        assert self.recorder.close()
        self.claim.release()
        self.person.session.refresh_runs()


@pytest.fixture
def watching(sit_down):
    """A person who looks at a run of another process."""
    person = sit_down(tiny_clip(steps=4))
    other = Elsewhere(person)
    person.session.watch(other.uid)
    yield person, other
    if other.recorder._thread.is_alive():
        other.end()


def chip(person: Person) -> str:
    return person.window.top.run.words()


def test_without_a_run_nothing_is_live_and_run_is_offered(sit_down):
    person = sit_down(Document())
    assert chip(person) == "No run"
    assert person.window.timeline._live.text() == "END"
    assert "Press Run" in person.window.wall.monitors["loss"].message()


def test_the_header_follows_a_run_of_another_process_from_phase_to_phase(watching):
    person, other = watching
    other.say(PhaseChange(at=At(step=0, seconds=0.0), phase="preparing"))
    person.wait(lambda: chip(person).startswith("preparing…"))
    loss = person.window.wall.monitors["loss"]
    person.wait(lambda: loss.message().endswith("This run is being prepared."))
    assert person.window.timeline._live.text() == "LIVE"
    other.say(PhaseChange(at=At(step=0, seconds=0.0), phase="preparing", done=5, of=20))
    person.wait(lambda: chip(person).startswith("reading the data 25 %"))
    now = At(step=40, seconds=20.0)
    other.say(Scalars(at=now, values={"loss": 1.0}), PhaseChange(at=now, phase="training"))
    person.wait(lambda: chip(person) == "training… · 40 / 100 · 30 s left · theirs")
    other.say(PhaseChange(at=now, phase="evaluating", done=30, of=120))
    person.wait(lambda: chip(person).startswith("evaluating 25 %"))
    other.say(PhaseChange(at=now, phase="saving"))
    person.wait(lambda: chip(person).startswith("saving a checkpoint…"))
    other.say(StatusChange(at=now, status="paused"))
    person.wait(lambda: chip(person).startswith("paused"))
    other.end("finished")
    person.wait(lambda: chip(person) == "finished · theirs")
    person.wait(lambda: person.window.timeline._live.text() == "END")
    retrieval = person.window.wall.monitors["retrieval"]
    person.wait(lambda: "recorded nothing of it" in retrieval.message())


def test_stopping_is_said_at_the_click_before_the_run_has_heard_of_it(watching):
    person, other = watching
    other.say(PhaseChange(at=At(step=0, seconds=0.0), phase="training"))
    button = next(
        b
        for b in person.window.top.findChildren(QToolButton)
        if b.defaultAction() and b.defaultAction().text() == "Stop"
    )
    person.click(button)  # nobody takes the command here, so all that is seen is said by the window
    assert chip(person).startswith("stopping…")
    assert (button.defaultAction().text(), button.isEnabled()) == ("Stopping…", False)
    assert "a checkpoint" in button.toolTip()
    assert "Stopping" in person.window.messages.sentence
    assert [command.name for command in person.session.library.take_commands(other.uid)] == ["stop"]
    other.end()
    person.wait(lambda: chip(person).startswith("stopped"))
    assert person.session.stopping == set()


def names(runs: list[RunFacts]) -> list[str]:
    return [facts.name for facts in runs]


def rows(person: Person, tip: str) -> list[QToolButton]:
    """Buttons of the open list by what they say."""
    shown = person.window.running.list
    return [b for b in shown.findChildren(QToolButton) if b.accessibleName() == tip and b.isVisible()]


def test_a_second_run_waits_is_reordered_removed_and_begun_when_the_first_has_ended(watching):
    person, other = watching
    session, queueing = person.session, person.session.queueing
    person.analysed()
    first, second, third = (session.run() for _ in range(3))
    assert [facts.uid for facts in queueing.waiting()] == [first, second, third]
    assert session.watched == other.uid
    person.click(person.window.top.run)
    shown = person.window.running.list
    assert shown.isVisible()
    person.click(rows(person, "Later")[0])
    assert [facts.uid for facts in queueing.waiting()] == [second, first, third]
    person.click(rows(person, "Remove from the queue")[2])
    assert [facts.uid for facts in queueing.waiting()] == [second, first]
    person.press(Qt.Key.Key_Escape, on=shown)
    assert not shown.isVisible()
    other.end()
    person.wait(lambda: person.ended(second) and person.ended(first))
    assert [session.facts(uid).status for uid in (second, first)] == ["finished", "finished"]
    began = [json.loads(json.dumps(session.facts(uid).created)) for uid in (second, first)]
    assert began[0] > began[1], "the order is that of the queue, not that of asking"


def test_one_of_the_queue_begins_beside_what_runs(watching):
    person, other = watching
    person.analysed()
    uid = person.session.run()
    person.click(person.window.top.run)
    person.click(rows(person, "Begin now, beside what runs")[0])
    person.wait(lambda: person.ended(uid))
    assert person.session.facts(uid).status == "finished"
    assert names(person.session.queueing.running()) == ["theirs"]
    person.window.running.list.close()


def test_the_queue_outlives_the_window(watching, sit_down):
    person, other = watching
    person.analysed()
    uid = person.session.run()
    person.close()
    again = sit_down(tiny_clip(steps=4))
    assert [facts.uid for facts in again.session.queueing.waiting()] == [uid]
    other.person = again
    other.end()
    again.wait(lambda: again.ended(uid))
    assert again.session.facts(uid).status == "finished"
