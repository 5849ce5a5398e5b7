"""What is open now: the document with its history, the store's runs, the run that is looked at.

The one object that is passed around. It never touches a tensor and draws nothing; widgets are told by its signals.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.graph import file
from core.graph.analysis import Analysis
from core.graph.document import Document, new_id
from core.graph.history import History
from core.graph.subgraphs.flat import flattened
from core.graph.subgraphs.specs import words_of
from core.graph.vocabulary import Vocabulary
from core.problems import Problem, Refused
from core.runs.launch import queue
from core.runs.staging import queue_stage
from core.runs.vocabulary import cached_vocabulary
from core.store.answers import RunFacts
from core.telemetry.events import ENDED
from studio.asking.engine import Engine
from studio.open.journal import Journal, Lost
from studio.open.kept_runs import KeptRuns, trains_the_same
from studio.open.learning import Learning
from studio.open.levels import Levels
from studio.open.preferences import Preferences
from studio.open.queueing import Queueing
from studio.open.runs_here import RunsHere
from studio.open.sweeping import Sweeping
from studio.open.tabs import Tabs
from studio.open.versions import Versions
from studio.telling.sentences import refusal, spoken
from widgets.look.language import said, tr

if TYPE_CHECKING:
    from core.store.database import Store
    from core.store.library import Library

LONGEST_STOP_SECONDS = 30.0
LONGEST_MARK_SECONDS = 12.0  # a store may be locked for so long
JOURNAL_PAUSE, ANALYSIS_PAUSE, LIBRARY_PAUSE = 400, 60, 1000  # milliseconds
MANY_RUNS = 1000  # of a store with more the window does not wait


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A run that would begin at a checkpoint of another."""

    uid: str  # of the other
    step: int  # as asked for
    begins: int  # the newest kept checkpoint at or before it
    before: Document  # what the checkpoint is of
    document: Document  # what the fork would train
    changed: bool  # whether not all of the checkpoint need fit


class Session(QObject):
    """Document, runs and the wishes of a person about both."""

    documentChanged = Signal(object)  # Document
    levelChanged = Signal(object)  # Document: the drawing that is looked at, the whole or an inside
    vocabularyChanged = Signal(object)  # Vocabulary
    analysisChanged = Signal(object)  # Analysis | None
    runsChanged = Signal(object)  # list[RunFacts]
    watchedChanged = Signal(str, int)  # uid, step (-1: live)
    messageRaised = Signal(str, str)  # sentence, severity
    tabsChanged = Signal()  # which documents are open, what they are called, which one is shown
    tabLeft = Signal(object)  # Tab: another one will be shown
    tabEntered = Signal(object)  # Tab: it is shown now
    ownChanged = Signal(object)  # OwnBlocks
    sheetRequested = Signal(str)  # a sheet of the window, by name
    stateChanged = Signal()  # what is possible may have changed
    lookedAgain = Signal()  # what was read from the disk for the graph is to be read once more
    _recordTold = Signal(object)  # Problem; from a run's recorder, on its thread
    _interrupted = Signal(object)  # list[RunFacts]; from the thread that marked them

    def __init__(
        self, store: Store | Callable[[], Store], preferences: Preferences | None = None, parent: QObject | None = None
    ) -> None:
        """``store``, or what opens it when it is first asked for."""
        super().__init__(parent)
        self.kept = KeptRuns(store)
        self.here = RunsHere(self.kept, self._recordTold.emit)
        self.preferences = preferences or Preferences()
        self.engine = Engine(self)
        self.sweeping = Sweeping(self, self)
        self.queueing = Queueing(self, self.sweeping.is_running)
        self.stopping: set[str] = set()  # runs that were asked to stop and have not ended
        self.evaluating: set[str] = set()  # those of them that evaluate before they end
        self.blocks: Vocabulary = cached_vocabulary() or Vocabulary()
        self._words_told = self.blocks
        self.is_engine_ready = False  # whether the blocks have been read from their classes, which takes seconds
        self.analysis: Analysis | None = None
        self.tabs = Tabs()
        self.levels = Levels(self, self)
        self.levels.changed.connect(self.levelChanged)
        self.journal, self.versions, self.learning = Journal(), Versions(), Learning(parent=self)
        self.runs: list[RunFacts] = []
        self._is_reading = False
        self.why_not: Refused | None = None  # no store could be opened
        self.checked: Document | None = None  # the document that the analysis is of
        self.driver = ""  # the script that edits just now
        self.watched = ""  # uid of the run on the monitors
        self.window: Any = None  # the Window, for actions that need it
        self._marking: threading.Thread | None = None
        self._journal_timer = self._timer(JOURNAL_PAUSE, self._write_journal)
        self._analysis_timer = self._timer(ANALYSIS_PAUSE, lambda: self.engine.analyse(self.document))
        self._library_timer = QTimer(self, interval=LIBRARY_PAUSE)
        self._library_timer.timeout.connect(self._look_at_runs)
        self.engine.vocabularyRead.connect(self._take_vocabulary)
        self.engine.ownRead.connect(self.ownChanged)
        self.engine.analysed.connect(self._take_analysis)
        self.engine.failed.connect(lambda sentence: self.say(sentence, "error"))
        self._recordTold.connect(lambda problem: self.say(spoken(problem), problem.severity))
        self._interrupted.connect(self._take_interrupted)

    def _timer(self, milliseconds: int, act: Callable[[], None]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=milliseconds)
        timer.timeout.connect(act)
        return timer

    def start(self) -> bool:
        """Open the store, read the vocabulary behind the window and look at the library; False, and why, where there is no store."""
        try:
            self.kept.store  # noqa: B018
        except Refused as refused:
            self.why_not = refused
            return False
        self.engine.read_vocabulary()
        for problem in self.store.warnings:
            self.say(spoken(problem), "warning")
        self._take_interrupted(self.attempt(self.library.mark_interrupted) or [])
        self.refresh_runs()
        self.sweeping.start()
        self._library_timer.start()
        self.stateChanged.emit()  # what the store allows is known
        return True

    def say(self, sentence: str, severity: str = "hint") -> None:
        """A sentence for the person."""
        self.messageRaised.emit(sentence, severity)

    def attempt(self, act: Callable[[], Any]) -> Any:
        """Do something that may be refused; the refusal is said."""
        try:
            return act()
        except Refused as refused:
            self.say(refusal(refused), "error")
            return None

    # The store

    @property
    def store(self) -> Store:
        """Where runs are kept. Raises Refused where it cannot be opened."""
        return self.kept.store

    @property
    def library(self) -> Library:
        """Its runs."""
        return self.kept.library

    # The document

    @property
    def history(self) -> History:
        """Undo and redo of the one on the canvas."""
        return self.tabs.now.history

    @property
    def path(self) -> Path | None:
        """Its file."""
        return self.tabs.now.path

    @path.setter
    def path(self, path: Path | None) -> None:
        self.tabs.now.path = path

    @property
    def document(self) -> Document:
        """The one on the canvas."""
        return self.history.now

    @property
    def vocabulary(self) -> Vocabulary:
        """The blocks there are for what is shown: all that were read, and the document's subgraphs."""
        return words_of(self.levels.document, self.blocks)

    def edit(self, document: Document, name: str, join: str = "") -> None:
        """Take the next document."""
        if self.driver:  # a script's: one step, by its name
            name, join = f"{self.driver}: {name}" if name else self.driver, ""
        self.learning.saw(self.document, document)
        self.history.do(document, name, join)
        self._document_changed()

    def undo(self) -> None:
        """One step back."""
        if self.history.undo():
            self._document_changed()

    def redo(self) -> None:
        """One step forward."""
        if self.history.redo():
            self._document_changed()

    def _document_changed(self) -> None:
        self._tell_document()
        self._analysis_timer.start()
        if not self._journal_timer.isActive():  # from the first change on: steady work has no pause to wait for
            self._journal_timer.start()
        self.stateChanged.emit()

    def _tell_document(self) -> None:
        self.tell_words()
        self.documentChanged.emit(self.document)
        self.levelChanged.emit(self.levels.document)

    def tell_words(self) -> None:
        """Say which blocks there are for what is shown, where that is news."""
        words = self.vocabulary
        told, self._words_told = self._words_told, words
        if words is not told and (words != told or words.unlisted != told.unlisted or words.options != told.options):
            self.vocabularyChanged.emit(words)

    def look_again(self) -> None:
        """Files may have changed while the graph did not: it is checked anew, and tables are read again."""
        self._analysis_timer.start()
        self.lookedAgain.emit()

    def come_back(self) -> None:
        """The person was elsewhere, perhaps to put a source's files right: a source that was not ready is looked at."""
        problems = self.analysis.problems if self.analysis is not None else ()
        flat = flattened(self.document).document.nodes
        nodes = (flat.get(problem.node) for problem in problems if problem.severity == "error")
        if any(node is not None and node.block.startswith("sources.") for node in nodes):
            self.look_again()

    def show(self, document: Document, path: Path | None = None, *, beside: bool = False) -> None:
        """Put another document on the canvas, in a tab of its own unless nobody touched the one that is there and it need not stay."""
        self._leave_tab()
        tab = self.tabs.make_room(self.journal.begin(), beside)
        tab.history, tab.path = History(document), path
        self._enter_tab()

    def turn_to(self, number: int) -> None:
        """Show another one of the open documents."""
        if 0 <= number < len(self.tabs.all) and number != self.tabs.at:
            self._leave_tab()
            self.tabs.at = number
            self.journal.turn_to(self.tabs.now.drawing)
            self._enter_tab()

    def close_tab(self, number: int) -> None:
        """Let one of the open documents go, saved or not."""
        shown = number == self.tabs.at
        if shown:
            self._leave_tab()
        tab = self.tabs.all[number]
        here = self.tabs.now
        self.journal.turn_to(tab.drawing)
        self.journal.drop(tab.history.now)
        self.tabs.leave(number, self.journal.begin() if len(self.tabs.all) == 1 else 0)
        self.journal.turn_to(self.tabs.now.drawing)
        if shown or self.tabs.now is not here:
            self._enter_tab()
        else:
            self.tabsChanged.emit()

    def move_tab(self, old: int, new: int) -> None:
        """Another order of the open documents."""
        self.tabs.move(old, new)
        self.tabsChanged.emit()

    def _leave_tab(self) -> None:
        """What was changed is kept; whoever shows it remembers from where."""
        self._journal_timer.stop()
        self._write_journal()
        self.tabs.now.level = self.levels.path
        self.tabLeft.emit(self.tabs.now)

    def _enter_tab(self) -> None:
        self.levels.path = self.tabs.now.level
        self.analysis = None
        self.analysisChanged.emit(None)
        self._document_changed()
        self.tabsChanged.emit()
        self.tabEntered.emit(self.tabs.now)

    def tell_all(self) -> None:
        """Say everything again, for a window that is new around what is open."""
        self.documentChanged.emit(self.document)
        self.levelChanged.emit(self.levels.document)
        self.analysisChanged.emit(self.analysis)
        self.runsChanged.emit(self.runs)
        self.tabsChanged.emit()
        self.stateChanged.emit()

    def open(self, path: Path) -> None:
        """Open a file; one that is open already is shown as it is, with what was changed in it. Raises Refused."""
        if (known := self.tabs.with_file(path)) >= 0:
            self.turn_to(known)
            return
        document = file.read(path)
        self.show(document, path)
        self.preferences.add_recent(str(path))

    def open_example(self, document: Document) -> None:
        """A fresh copy of an example: saving asks for a place of its own."""
        self.show(replace(document, id=new_id()))

    def save(self, path: Path | None = None) -> None:
        """Save. Raises Refused."""
        place = path or self.path
        assert place is not None
        file.write(self.document, place)
        self.path = place
        self.history.saved()
        self.versions.keep(self.document, "saved", place)
        self.preferences.add_recent(str(place))
        self.journal.drop(self.document)
        self.tabsChanged.emit()
        self.say(tr("Saved to {path}.", path=str(place)))
        self.stateChanged.emit()

    def apply_fix(self, problem: Problem) -> None:
        """Carry out the remedy of a Problem."""
        if problem.fix is None:
            return
        if problem.fix.sheet:
            self.sheetRequested.emit(problem.fix.sheet)
            return
        try:
            document = self.levels.fixed(problem.fix)
        except Refused as refused:
            self.say(refusal(refused), "warning")
            return
        except (KeyError, TypeError, AttributeError) as error:
            self.say(tr("That can no longer be done here: {reason}", reason=said(str(error))), "warning")
            return
        self.edit(document, problem.fix.text)

    def _take_vocabulary(self, vocabulary: Vocabulary) -> None:
        self.blocks, self.is_engine_ready = vocabulary, True
        self._words_told = self.vocabulary
        self.vocabularyChanged.emit(self.vocabulary)
        self._analysis_timer.start()

    def _take_analysis(self, document: Document, analysis: Analysis) -> None:
        if document is self.document or document == self.document:
            self.analysis, self.checked = analysis, self.document
            self.analysisChanged.emit(analysis)
            self.stateChanged.emit()

    # The journal: what a crash may not take

    def _write_journal(self) -> None:
        if self.history.is_changed:
            self.journal.keep(self.document, self.path)
        else:
            self.journal.drop(self.document)

    def recover(self, lost: Lost) -> None:
        """Put a lost document on the canvas, unsaved: it is never written over its old file by itself."""
        self.show(Document(id=lost.document.id))
        self.edit(lost.document, tr("Recover"))
        self._write_journal()
        self.journal.discard(lost.place)  # it is kept as the drawing that is shown now

    # Runs

    def refresh_runs(self) -> None:
        """Read the library again; say so where something changed. A run whose process died is marked behind the window."""
        try:
            found = self.kept.shelf.look()
            self._mark_the_dead()
        except Refused as refused:
            self.say(refusal(refused), "warning")
            return
        self._take_runs(found)

    def _look_at_runs(self) -> None:
        """Once a second; many runs are read behind the window, piece by piece."""
        if self.kept.shelf.is_whole and len(self.runs) <= MANY_RUNS:
            self.refresh_runs()
        elif not self._is_reading:
            self._is_reading = True
            self.engine.glance(self.kept.shelf.look, self._take_piece)

    def _take_piece(self, found: list[RunFacts] | None, sentence: str) -> None:
        self._is_reading = False
        if found is None:
            self.say(sentence, "warning")
            return
        self._take_runs(found)
        self._mark_the_dead()
        if not self.kept.shelf.is_whole:
            self._look_at_runs()

    def _take_runs(self, found: list[RunFacts]) -> None:
        if found != self.runs:
            self.runs = found
            self.stopping &= {facts.uid for facts in found if facts.status not in ENDED}
            self.runsChanged.emit(found)
            self.stateChanged.emit()
        self.queueing.begin_next()

    def _mark_the_dead(self) -> None:
        """In a thread of its own: the store may be locked, and the window does not wait for it."""
        busy = self._marking is not None and self._marking.is_alive()
        if busy or not self.store.is_writable or not self.library.has_gone():
            return

        def mark() -> None:
            with contextlib.suppress(Refused, RuntimeError):  # locked: the next look tries again; or the window is gone
                self._interrupted.emit(self.library.mark_interrupted())

        self._marking = threading.Thread(target=mark, name="crossmodal-interrupted", daemon=True)
        self._marking.start()

    def _take_interrupted(self, gone: list[RunFacts]) -> None:
        if gone:
            names = ", ".join(facts.name for facts in gone[:3])
            self.say(
                tr("{names} was interrupted; Continue in Runs goes on from its last checkpoint.", names=names),
                "warning",
            )
            self.refresh_runs()

    def facts(self, uid: str) -> RunFacts | None:
        """A run of the library."""
        return next((facts for facts in self.runs if facts.uid == uid), None)

    @property
    def active(self) -> RunFacts | None:
        """The run that trains now: the watched one where it does, else the newest that does."""
        alive = self.queueing.running()
        return next((facts for facts in alive if facts.uid == self.watched), alive[0] if alive else None)

    def run(self, place: str = "") -> str:
        """Train the document; gives the run's uid, or nothing where a Problem stands against it."""
        if self.analysis is not None and not self.analysis.is_runnable:
            first = next(problem for problem in self.analysis.problems if problem.severity == "error")
            self.say(spoken(first), "error")
            return ""
        self.versions.keep(self.document, "run", self.path)
        return self._begin(self.document, place=place or self.preferences.place)

    def run_stage(self, number: int) -> str:
        """Train one stage of the document, from the checkpoint of the one before it; gives the run's uid, or nothing."""
        place = self.preferences.place
        return self._begun(lambda waits: queue_stage(self.library, self.document, number, place=place, waits=waits))

    def _begin(self, document: Document, **options: Any) -> str:
        """A new run of a document."""
        return self._begun(lambda waits: queue(self.library, document, waits=waits, **options))

    def _begun(self, queued: Callable[[bool], RunFacts]) -> str:
        """A new run: begun at once, or put into the queue where another one trains."""
        self.refresh_runs()
        waits = self.queueing.is_busy() or bool(self.queueing.waiting())
        facts = self.attempt(lambda: queued(waits))
        if facts is None:
            return ""
        if waits:
            self.say(tr("{name} waits in the queue until what runs has ended.", name=facts.name))
            self.refresh_runs()
        else:
            self._launch(facts.uid, facts.place)
        return str(facts.uid)

    def go_on(self, uid: str) -> None:
        """Continue a stopped or interrupted run from its newest checkpoint."""
        self.refresh_runs()
        facts = self.facts(uid)
        if facts is None:
            return
        if self.attempt(lambda: self.library.owner_refusal(uid)) is not None or uid in self.here.running():
            self.say(tr("{name} trains already.", name=facts.name), "warning")
            return
        self._launch(uid, facts.place)

    def forkable(self, uid: str, step: int) -> Fork | None:
        """What a fork of a run would be: the graph on the canvas where it came from there, else the run's own. None: it is said why."""
        text = self.attempt(lambda: self.library.reader(uid).document_text())
        started_with = None if text is None else self.attempt(lambda: file.loads(text))
        if started_with is None:
            return None
        kept = [each.step for each in self.library.reader(uid).checkpoints() if each.kept and each.step <= step]
        document = self.document if started_with.id == self.document.id else started_with
        if not kept:
            self.say(tr("There is no checkpoint at or before step {step}.", step=f"{step:,}"), "warning")
            return None
        if document.recipe.steps <= max(kept):
            ends, begins = f"{document.recipe.steps:,}", f"{max(kept):,}"
            self.say(tr("The fork would begin at step {begins} and its recipe ends at {ends}. Set more steps.", begins=begins, ends=ends), "warning")  # fmt: skip
            return None
        changed = not trains_the_same(file.dumps(document), str(text))
        return Fork(uid=uid, step=step, begins=max(kept), before=started_with, document=document, changed=changed)

    def fork(self, wanted: Fork) -> str:
        """A new run from a checkpoint of another; gives its uid, or nothing where a Problem stands against it."""
        title = f"{wanted.document.name} · {wanted.step}"
        return self._begin(
            wanted.document, place=self.preferences.place, parent=wanted.uid, parent_step=wanted.step, title=title
        )  # fmt: skip

    def _launch(self, uid: str, place: str) -> None:
        self.attempt(lambda: self.launch(uid, place))

    def launch(self, uid: str, place: str) -> None:
        """Begin a run and look at it. Raises Refused where it cannot be begun."""
        self.here.begin(uid, place)
        self.refresh_runs()
        self.watch(uid)

    def watch(self, uid: str, step: int = -1) -> None:
        """Put a run on the monitors: live, or at a step."""
        self.watched = uid
        self.watchedChanged.emit(uid, step)
        self.stateChanged.emit()

    def command(self, name: str, **arguments: Any) -> None:
        """Ask the active run for something: pause, resume, stop, checkpoint, rate."""
        facts = self.active
        if facts is not None:
            self.attempt(lambda: self.library.send_command(facts.uid, name, arguments))

    def stop(self, uid: str, *, evaluate: bool = False) -> None:
        """Ask a run to save and end; that it is stopping is said at once, before the run has heard of it.

        With ``evaluate`` it evaluates after the checkpoint; a plain stop ends that.
        """
        self.stopping.add(uid)
        if evaluate:
            self.evaluating.add(uid)
            self.say(tr("Stopping: the step is finished, a checkpoint saved, then all splits are evaluated."))
        else:
            self.evaluating.discard(uid)
            self.say(tr("Stopping: the step is finished and a checkpoint saved."))
        self.stateChanged.emit()
        self.attempt(lambda: self.library.send_command(uid, "stop", {"evaluate": evaluate}))

    def stop_here(self) -> list[str]:
        """Ask this window's runs to save and stop; gives them."""
        self.queueing.is_closed = True  # nothing else begins while this window closes
        uids = self.here.stop()
        self.stopping |= set(uids)
        self.evaluating -= set(uids)
        self.stateChanged.emit()
        return uids

    def close(self) -> None:
        """Let everything go; called once, by the window."""
        self._journal_timer.stop()
        self._analysis_timer.stop()
        self._library_timer.stop()
        self._write_journal()
        self.learning.close()
        self.sweeping.close()
        self.stop_here()
        self.here.wait(LONGEST_STOP_SECONDS)
        if self._marking is not None:
            self._marking.join(LONGEST_MARK_SECONDS)
        self.engine.close()
        self.preferences.sync()
