"""Journeys of a run: stopped and continued in another window, replayed, looked back at while it trains, left training."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton

from core.compiler.feed import Feed
from core.graph import edits
from core.runs.worker import ask
from core.store.library import Library
from core.telemetry.events import Event, Mark, Scalars
from core.training.control import Control
from core.training.trainer import Trainer
from studio.session import LIBRARY_PAUSE
from tests.documents import captions, tiny_clip
from tests.studio.journey import LEFT, NO, PATIENCE, SHIFT, Person
from widgets.canvas.menus import menu_for
from widgets.monitors.plot import Plot
from widgets.pause_sheet import PauseSheet
from widgets.rate_sheet import RateSheet

ROOT = Path(__file__).parents[2]
KEYS = Qt.Key
EVERY_5 = {"checkpointing": {"every": 5, "last": 3}}
EVERY_100 = {"checkpointing": {"every": 100}}


def start(person: Person) -> str:
    """Press Run; gives the run once it has taken a few steps."""
    before = person.session.watched
    person.wait(lambda: person.window.menus.entry("run").isEnabled())
    person.click(person.button("Run", person.window.top))
    person.wait(lambda: person.session.watched != before)
    return person.session.watched


def wait_for_step(person: Person, uid: str, step: int) -> None:
    """Until the store holds a step of a run."""
    person.wait(lambda: person.session.library.reader(uid).head().step >= step)


def finish(person: Person) -> str:
    """Press Run and wait for the end."""
    uid = start(person)
    person.wait(lambda: person.ended(uid))
    assert person.session.facts(uid).status == "finished", person.session.facts(uid).reason
    return uid


def bar_point(person: Person, step: int) -> QPoint:
    """Where a step lies on the timeline."""
    bar = person.window.timeline.bar
    return QPoint(round(bar.x_at(step)), round(bar.height() * 0.62))


def loss_points(person: Person) -> int:
    """The last step that the loss monitor's longest curve reaches."""
    monitor = person.window.wall.monitors["loss"]
    ends = [
        item.getData()[0][-1]
        for plot in monitor.findChildren(Plot)
        for item in plot.listDataItems()
        if item.isVisible() and item.getData()[0] is not None and len(item.getData()[0])
    ]
    return int(max(ends, default=0))


def shows(person: Person, step: int) -> bool:
    """Whether the monitors have come to rest at a step."""
    return person.window.pump.cursor.step == step and person.window.pump.is_idle()


class Held:
    """A run waits before a step until a stop is asked for or it is let go: what a person does meanwhile comes in time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        self._step, self._go = step, threading.Event()
        learn, stop = Trainer._learn, Control.stop

        def learned(trainer: Trainer) -> None:
            if trainer.position.step == self._step:
                assert self._go.wait(PATIENCE / 1000)
            learn(trainer)

        def stopped(control: Control, **how: bool) -> None:
            stop(control, **how)
            self.let_go()

        monkeypatch.setattr(Trainer, "_learn", learned)
        monkeypatch.setattr(Control, "stop", stopped)

    def again(self, step: int) -> None:
        """Wait before this step too."""
        self._step = step
        self._go.clear()

    def let_go(self) -> None:
        """Train on."""
        self._go.set()


def test_stop_quit_come_back_continue_to_the_end(sit_down, monkeypatch):
    Held(monkeypatch, 20)
    person = sit_down(tiny_clip(steps=40, callbacks=EVERY_100))
    uid = start(person)
    wait_for_step(person, uid, 12)
    person.choose("stop")
    person.wait(lambda: person.ended(uid))
    stopped = person.session.facts(uid)
    assert stopped.status == "stopped"
    assert 12 <= stopped.step < 40
    person.close()

    person = sit_down()
    assert [facts.uid for facts in person.runs()] == [uid]
    person.go_to("Runs")
    person.pick_runs(uid)
    person.click(person.button("Continue", person.window.library))
    person.wait(lambda: person.session.watched == uid)
    assert person.window.pages.current == "train"
    person.wait(lambda: person.ended(uid))
    assert (person.session.facts(uid).status, person.session.facts(uid).step) == ("finished", 40)
    assert [step for step, _ in person.losses(uid)] == list(range(1, 41))
    person.go_to("Runs")
    person.pick_runs(uid)
    assert not person.button("Continue", person.window.library).isEnabled()


def test_continue_twice_trains_once(sit_down, monkeypatch):
    held = Held(monkeypatch, 10)
    person = sit_down(tiny_clip(steps=40, callbacks=EVERY_100))
    uid = start(person)
    wait_for_step(person, uid, 6)
    person.choose("stop")
    person.wait(lambda: person.ended(uid))
    held.again(30)
    person.session.go_on(uid)
    person.session.go_on(uid)
    assert "trains already" in person.said[-1]
    held.let_go()
    person.wait(lambda: person.ended(uid))
    assert [step for step, _ in person.losses(uid)] == list(range(1, 41))


def test_replay_play_pause_step_jump_drag_and_back_to_the_end(sit_down):
    person = sit_down(tiny_clip(steps=40, callbacks=EVERY_5))
    uid = finish(person)
    person.go_to("Runs")
    person.pick_runs(uid)
    timeline = person.window.timeline
    timeline.set_speed(0.5)
    person.click(person.button("Replay", person.window.library))
    person.wait(lambda: timeline.is_playing)
    person.wait(lambda: 0 < timeline.step < 40)
    person.press(KEYS.Key_Space, on=person.window)
    assert not timeline.is_playing
    here = timeline.step
    assert 0 < here <= 40
    person.wait(lambda: shows(person, here))
    person.press(KEYS.Key_Home, on=person.window)
    person.press(KEYS.Key_Right, SHIFT, on=person.window)
    person.press(KEYS.Key_Right, on=person.window)
    person.press(KEYS.Key_Right, on=person.window)
    person.press(KEYS.Key_Left, on=person.window)
    person.wait(lambda: shows(person, 11))
    assert loss_points(person) == 11
    kept = {5, 10, 15, 40}
    person.wait(lambda: kept <= {mark.step for mark in timeline.bar.marks if mark.kind == "checkpoint"})
    person.press(KEYS.Key_BracketRight, on=person.window)
    person.wait(lambda: shows(person, 15))
    QTest.mousePress(timeline.bar, LEFT, NO, bar_point(person, 15))
    for step in (18, 24, 30):
        QTest.mouseMove(timeline.bar, bar_point(person, step))
    QTest.mouseRelease(timeline.bar, LEFT, NO, bar_point(person, 30))
    person.wait(lambda: shows(person, 30))
    assert loss_points(person) == 30
    assert not timeline.is_live
    person.press(KEYS.Key_L, on=person.window)
    person.wait(lambda: shows(person, 40))
    assert person.window.pump.cursor.follows_head
    assert loss_points(person) == 40


def test_look_back_while_it_trains_and_return_to_live(sit_down):
    person = sit_down(tiny_clip(steps=100_000))
    uid = start(person)
    person.go_to("Train")
    person.wait(lambda: person.window.pump.head.step >= 20)
    timeline = person.window.timeline
    QTest.mousePress(timeline.bar, LEFT, NO, bar_point(person, person.window.pump.head.step))
    QTest.mouseMove(timeline.bar, bar_point(person, 0))
    QTest.mouseRelease(timeline.bar, LEFT, NO, bar_point(person, 0))
    person.press(KEYS.Key_Home, on=person.window)
    person.press(KEYS.Key_Right, SHIFT, on=person.window)
    there = person.window.pump.head.step
    person.wait(lambda: shows(person, 10))
    wait_for_step(person, uid, there + 20)
    person.wait(lambda: person.window.pump.head.step >= there + 20)
    assert timeline.step == 10
    assert loss_points(person) == 10
    person.press(KEYS.Key_End, on=person.window)
    person.wait(lambda: person.window.pump.cursor.step >= there + 20)
    person.wait(lambda: loss_points(person) >= there + 20)
    before = person.window.pump.cursor.step
    person.wait(lambda: person.window.pump.cursor.step > before)
    person.choose("stop")
    person.wait(lambda: person.ended(uid))


def test_pause_and_go_on_and_another_rate(sit_down):
    person = sit_down(tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}))
    uid = start(person)
    wait_for_step(person, uid, 3)
    person.choose("pause")
    person.wait(lambda: person.runs()[0].status == "paused")
    resting = person.session.library.reader(uid).head().step
    assert person.window.inspector.document_page.change_rate.isVisible()
    person.click(person.window.inspector.document_page.change_rate)
    person.wait(lambda: person.window.findChild(RateSheet) is not None)
    sheet = person.window.findChild(RateSheet)
    assert sheet.rate.text() == "0.001", "it starts from the run's own rate"
    sheet.rate.selectAll()
    QTest.keyClicks(sheet.rate, "0.0005")
    assert "0.001 → 0.0005" in sheet.effect.text()
    assert "by 0 at the end" in sheet.effect.text() or "e-" in sheet.effect.text()
    person.click(sheet.buttons.button(sheet.buttons.StandardButton.Ok))
    reader = person.session.library.reader(uid)
    person.wait(lambda: [mark.text for mark in reader.marks()] == ["learning rate: 0.001 → 0.0005"])  # paused as it is
    assert any("The schedule multiplies it by" in line.text for line in reader.log())
    person.choose("pause")
    person.wait(lambda: person.runs()[0].status == "running")
    wait_for_step(person, uid, resting + 5)
    person.choose("checkpoint")
    person.wait(lambda: person.session.library.reader(uid).checkpoints())
    person.choose("stop")
    person.wait(lambda: person.ended(uid))
    reader = person.session.library.reader(uid)
    _, rates = reader.points("rate/vit")
    drops = [now / before for before, now in pairwise(rates) if now < before]
    assert len(drops) == 1  # in the warm-up, where it only rises otherwise
    assert drops[0] < 0.7  # towards a half


def test_a_run_pauses_at_a_breakpoint_on_a_block_and_points_at_it(sit_down):
    person = sit_down(tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}))
    canvas = person.window.canvas
    item = canvas.board.nodes["info_nce"]
    person.select("info_nce")
    menu = menu_for(canvas, item.box.center())
    assert "pause_when" in [action.objectName() for action in menu.actions()]
    menu.deleteLater()
    person.press(Qt.Key.Key_F9, on=canvas)
    sheet = person.window.findChild(PauseSheet)
    assert sheet.figure.currentText() == "loss · InfoNCE"
    sheet.relation.setCurrentIndex(sheet.relation.findData(">"))
    QTest.keyClicks(sheet.value, "0")
    person.click(person.button("Add the breakpoint", sheet))
    assert person.session.document.recipe.callbacks["breakpoints"] == {"when": "loss/info_nce > 0"}
    person.wait(lambda: person.texts(sheet, "rises above 0"))
    assert item.pauses_at
    assert "breakpoint" in person.window.outline._rows["info_nce"].text(0)
    assert "rises above 0" in person.window.inspector.node_page.pausing.words.text()
    person.click(person.button("Close", sheet))
    canvas.select([])
    uid = start(person)
    person.wait(lambda: person.runs()[0].status == "paused")
    assert "Breakpoint at step 2: loss/info_nce is" in person.window.messages.sentence
    assert "waits: look, change a rate, resume it, or fork it." in person.window.messages.sentence
    person.click(person.button("Show the block", person.window.messages))
    assert canvas.selection() == ["info_nce"]
    assert canvas.board.nodes["info_nce"].waits
    reader = person.session.library.reader(uid)
    assert [mark.kind for mark in reader.marks()] == ["warning"]
    person.choose("pause")
    person.wait(lambda: person.runs()[0].status == "running")
    wait_for_step(person, uid, 5)
    assert not canvas.board.nodes["info_nce"].waits
    person.choose("stop")
    person.wait(lambda: person.ended(uid))


def test_quitting_asks_in_a_bar_and_stopping_saves(sit_down):
    person = sit_down(tiny_clip(steps=100_000, callbacks={"checkpointing": {}}))
    uid = start(person)
    wait_for_step(person, uid, 3)
    person.window.close()
    assert person.window.isVisible()
    assert "training in this window" in person.window.messages.sentence
    person.click(person.window.messages.close_button)
    assert person.window.isVisible()
    assert person.session.here.running() == [uid]
    person.choose("quit")
    person.click(person.button("Stop and close", person.window.messages))
    person.wait(lambda: not person.window.isVisible())
    facts = Library(person.store).facts(uid)
    assert facts.status == "stopped"
    assert [each.step for each in Library(person.store).reader(uid).checkpoints()][-1] == facts.step


def test_quitting_says_where_nothing_would_be_saved(sit_down):
    person = sit_down(tiny_clip(steps=100_000))
    uid = start(person)
    wait_for_step(person, uid, 3)
    person.window.close()
    assert "keeps no checkpoints" in person.window.messages.sentence
    person.click(person.button("Stop and close", person.window.messages))
    person.wait(lambda: not person.window.isVisible())
    assert Library(person.store).facts(uid).status == "stopped"


def test_quitting_lets_the_run_train_on_in_a_process(sit_down):
    person = sit_down(tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}))
    uid = start(person)
    wait_for_step(person, uid, 3)
    person.window.close()
    person.click(person.button("Close and train on", person.window.messages))
    person.wait(lambda: not person.window.isVisible())
    library = Library(person.store)
    left_at = library.reader(uid).checkpoints()[-1].step
    wait_for_step(person, uid, left_at + 20)
    assert library.facts(uid).status == "running"
    ask(person.store, uid, "stop")
    person.wait(lambda: library.facts(uid).status == "stopped")
    person.wait(lambda: person.session.here.children_have_ended())
    steps = [step for step, _ in person.losses(uid)]
    assert steps == list(range(1, steps[-1] + 1))
    assert steps[-1] >= left_at + 20


STARTED_ELSEWHERE = """
import sys
from core.graph.file import loads
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import Event, Mark, Scalars
from core.training.control import Control
from core.training.trainer import Trainer
from core.runs.launch import queue
from tests.documents import captions, tiny_clip
from core.telemetry.events import At, StatusChange
library = Library(Store.open(sys.argv[1]))
uid = queue(library, tiny_clip(steps=8)).uid
library.claim(uid)
recorder = library.recorder(uid)
recorder.say(StatusChange(at=At(step=0, seconds=0.0), status="running"))
recorder.flush()
print(uid, flush=True)
sys.stdin.read()
"""


def test_a_run_whose_process_was_killed_is_interrupted_and_can_be_continued(sit_down):
    person = sit_down(tiny_clip(steps=8))
    with subprocess.Popen(
        [sys.executable, "-c", STARTED_ELSEWHERE, person.session.store.url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as child:  # fmt: skip
        uid = child.stdout.readline().strip()
        person.wait(lambda: person.session.facts(uid) is not None)
        assert person.session.facts(uid).status == "running"
        person.session.go_on(uid)
        assert "trains already" in person.said[-1]
        child.kill()
    person.wait(lambda: person.session.facts(uid).status == "interrupted", 2000 + LIBRARY_PAUSE)
    person.wait(lambda: any("was interrupted; Continue" in said for said in person.said))
    with person.session.store.read() as connection:
        assert connection.exec_driver_sql("SELECT status FROM run").scalar() == "interrupted", "written, not only shown"
    person.session.go_on(uid)
    person.wait(lambda: person.ended(uid))
    assert person.session.facts(uid).status == "finished"


class Counted:
    """Optimiser steps of this process's runs, how many there were when a stop was asked for, and events said after that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps, self.at_stop, self.said = 0, -1, list[object]()
        learn, stop, say = Trainer._learn, Control.stop, Trainer.say

        def learned(trainer: Trainer) -> None:
            self.steps += 1
            learn(trainer)

        def stopped(control: Control, **how: bool) -> None:
            self.at_stop = self.steps if self.at_stop < 0 else self.at_stop
            stop(control, **how)

        def heard(trainer: Trainer, event: Event) -> None:
            if self.at_stop >= 0:
                self.said.append(event)
            say(trainer, event)

        monkeypatch.setattr(Trainer, "_learn", learned)
        monkeypatch.setattr(Control, "stop", stopped)
        monkeypatch.setattr(Trainer, "say", heard)


@pytest.mark.parametrize("way", ["stop", "closing the window"])
def test_between_a_stop_and_the_end_lie_one_step_and_one_checkpoint(sit_down, monkeypatch, way):
    counted = Counted(monkeypatch)
    callbacks = {**EVERY_100, "evaluation": {"every": 1, "most": 100, "train": False}}
    person = sit_down(tiny_clip(steps=100_000, callbacks=callbacks, diagnostics={"attention": {"every": 7}}))
    uid = start(person)
    wait_for_step(person, uid, 2)
    if way == "stop":
        person.choose("stop")
    else:
        person.window.close()
        person.click(person.button("Stop and close", person.window.messages))
    person.wait(lambda: Library(person.store).facts(uid).status == "stopped")
    assert counted.steps - counted.at_stop <= 1
    scores = [e for e in counted.said if isinstance(e, Scalars) and any("retrieval/" in name for name in e.values)]
    assert len(scores) <= 1, "one that was done already may still be said"
    assert [e.kind for e in counted.said if isinstance(e, Mark) and e.kind == "checkpoint"][-1:] == ["checkpoint"]


def test_stop_and_evaluate_ends_with_scores_of_its_last_step(sit_down):
    callbacks = {**EVERY_100, "evaluation": {"every": 50_000, "most": 60, "train": False}}
    person = sit_down(tiny_clip(steps=100_000, callbacks=callbacks))
    uid = start(person)
    wait_for_step(person, uid, 3)
    stop = next(
        b for b in person.window.top.findChildren(QToolButton) if b.defaultAction() is person.window.menus.entry("stop")
    )
    assert [entry.text() for entry in stop.menu().actions()] == ["Stop and evaluate", "Skip this evaluation"]
    person.choose("stop_and_evaluate")
    assert person.window.menus.entry("stop").isEnabled(), "a plain stop still leaves the evaluation out"
    assert not person.window.menus.entry("stop_and_evaluate").isEnabled()
    person.wait(lambda: person.ended(uid))
    reader = person.session.library.reader(uid)
    facts = person.session.facts(uid)
    assert (facts.status, facts.reason) == ("stopped", "stopped by hand")
    steps = reader.points("retrieval/test/image_to_text/R@10")[0].tolist()
    assert steps == [facts.step]
    assert [each.step for each in reader.checkpoints() if each.kept] == [facts.step]
    assert person.window.menus.entry("stop").text() == "Stop"


def test_an_evaluation_is_skipped_beside_stop_and_its_step_has_no_scores(sit_down, monkeypatch):
    heard, split, wish = threading.Event(), Feed.split, Control.skip_evaluation

    def slow(self, *args, **more):
        for number, batch in enumerate(split(self, *args, **more)):
            yield batch
            if number == 0:
                heard.wait(60)

    monkeypatch.setattr(Feed, "split", slow)
    monkeypatch.setattr(Control, "skip_evaluation", lambda self: (wish(self), heard.set()))
    callbacks = {**EVERY_100, "evaluation": {"every": 3, "most": 600, "train": False}}
    person = sit_down(tiny_clip(steps=6, callbacks=callbacks))
    skip = person.window.menus.entry("skip_evaluation")
    assert not skip.isEnabled()
    uid = start(person)
    person.wait(skip.isEnabled)
    assert "evaluating" in person.window.top.run.words()
    person.choose("skip_evaluation")
    person.wait(lambda: person.ended(uid))
    reader = person.session.library.reader(uid)
    assert person.session.facts(uid).status == "finished"
    assert reader.points("retrieval/test/image_to_text/R@10")[0].tolist() == [6]
    assert [(mark.step, mark.text) for mark in reader.marks() if mark.kind == "note"] == [(3, "evaluation skipped")]
    assert not skip.isEnabled()


def test_three_stages_are_chosen_and_run_one_after_the_other(sit_down):
    """Stage 2 cannot begin where stage 1 left nothing; then it begins from its checkpoint. Undo takes the stages away."""
    person = sit_down(edits.set_recipe(captions(steps=3), callbacks=EVERY_100))
    person.analysed()
    page = person.window.inspector.document_page
    page.stages.three.click()
    person.analysed()
    assert [stage.name for stage in person.session.document.recipe.stages] == [
        "connector alone", "connector and decoder", "everything",
    ]  # fmt: skip
    page.stages.cards[1].run.click()
    assert person.session.watched == ""
    assert person.texts(person.window, "has no checkpoint to begin from")
    runs = []
    for number in (0, 1):
        before = person.session.watched
        page.stages.cards[number].run.click()
        person.wait(lambda before=before: person.session.watched != before)
        runs.append(person.session.watched)
        person.wait(lambda: person.ended(runs[-1]))
    first, second = (person.session.facts(uid) for uid in runs)
    assert (first.status, second.status) == ("finished", "finished")
    assert (second.parent, second.parent_step) == (first.uid, 1)
    assert second.name.startswith(f"{person.session.document.name} · 2 connector and decoder")
    person.session.undo()
    assert not person.session.document.recipe.stages
