"""The budget of the drawing behind its sheet: measured in a process of its own, predicted at once, cheaper plans tried and applied."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QObject, Signal

from core.graph.budget.learning import MEMORY, SECONDS, corrected
from core.graph.budget.measured import Measured, budget_key
from core.graph.budget.predicting import MEBIBYTE, Budget, predict
from core.graph.cheaper.plan import Offer, offers
from core.graph.document import Document
from core.problems import Problem, Refused
from core.runs.budget.asking import Cancelled, Measurement
from core.runs.budget.kept import forget_ratios, kept_for, ratios
from studio.session import Session
from studio.telling.sentences import spoken
from widgets.budget.plans import PlanRow
from widgets.budget.sheet import BudgetSheet
from widgets.look import quantities
from widgets.look.language import tr
from widgets.look.titles import titles_of

if TYPE_CHECKING:
    from studio.window.frame import Frame

PHASES = {
    "opening": "Opening the data…", "steps": "Taking training steps…", "looks": "Letting the diagnostics look…",
    "evaluation": "Evaluating once…", "checkpoint": "Saving one checkpoint…", "blocks": "Going block by block…",
}  # fmt: skip


class Budgeting(QObject):
    """One measurement at a time; what was measured is kept for every drawing whose steps cost the same."""

    _told = Signal(int, str)  # turn, phase
    _ended = Signal(int, object, object)  # turn, Measured | None, Problem | None
    measuredAnew = Signal()

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self.sheet: BudgetSheet | None = None
        self._asked: Measurement | None = None
        self._thread: threading.Thread | None = None
        self._turn, self._about = 0, ""  # which measurement, and of which plan
        self._phase, self._beside_a_run = "", False
        self._older: Measured | None = None  # the last that was shown, of a drawing that has changed since
        self._offers: dict[str, Offer] = {}
        self._trouble: Problem | None = None
        self._told.connect(self._tell)
        self._ended.connect(self._end)
        session.documentChanged.connect(lambda _: self._changed())
        session.analysisChanged.connect(lambda _: self.refresh())
        session.runsChanged.connect(lambda _: self.refresh())

    def open(self) -> None:
        """Show the sheet."""
        if self.sheet is None:
            self.sheet = BudgetSheet(self._window)
            self.sheet.measureRequested.connect(self.measure)
            self.sheet.cancelRequested.connect(self.cancel)
            self.sheet.planMeasureRequested.connect(self.measure)
            self.sheet.planApplied.connect(self.apply)
            self.sheet.nodeRequested.connect(self._window.reveal)
            self.sheet.forgetRequested.connect(self._forget)
        self.sheet.show()
        self.sheet.raise_()
        self.sheet.activateWindow()
        self.refresh()

    # Measuring

    def measure(self, plan: str = "") -> None:
        """Measure the drawing, or a plan for it, in a process of its own."""
        if self._asked is not None:
            return
        analysis = self._session.analysis
        if analysis is None or not analysis.is_runnable:
            errors = [problem for problem in analysis.problems if problem.severity == "error"] if analysis else []
            self._trouble = errors[0] if errors else Problem(what="The graph is still being checked.")
            self.refresh()
            return
        document = self._offers[plan].document if plan in self._offers else self._session.document
        self._turn += 1
        self._about, self._phase, self._trouble = plan, "opening", None
        self._beside_a_run = self._session.active is not None
        try:
            self._asked = Measurement(document)
        except Refused as refused:
            self._trouble = refused.problems[0]
        else:
            self._thread = threading.Thread(target=self._wait, args=(self._turn, self._asked), name="crossmodal-budget", daemon=True)  # fmt: skip
            self._thread.start()
        self.refresh()

    def _wait(self, turn: int, asked: Measurement) -> None:
        found: Measured | None = None
        trouble: Problem | None = None
        try:
            found = asked.result(lambda phase: self._told.emit(turn, phase))
        except Cancelled:
            pass
        except Refused as refused:
            trouble = refused.problems[0]
        self._ended.emit(turn, found, trouble)

    def afoot(self) -> str:
        """What would end with the window."""
        return tr("The run's budget is being measured.") if self._asked is not None else ""

    def cancel(self) -> None:
        """End the measurement that is going on."""
        if self._asked is not None:
            self._asked.cancel()

    def _tell(self, turn: int, phase: str) -> None:
        if turn == self._turn:
            self._phase = phase
            self._show_state()

    def _end(self, turn: int, found: Measured | None, trouble: Problem | None) -> None:
        if turn != self._turn:
            return
        self._asked, self._thread, self._trouble, self._phase = None, None, trouble, ""
        self.refresh()
        if found is not None:
            self.measuredAnew.emit()

    # Showing

    def _changed(self) -> None:
        self._trouble = None
        self.refresh()

    def refresh(self) -> None:
        """The sheet as the drawing and what is known of it are now."""
        sheet = self.sheet
        if sheet is None or not sheet.isVisible():
            return
        document, found = self._session.document, kept_for(self._session.document)
        self._older = found or self._older
        budget = None if self._older is None else predict(self._older, document.recipe)
        free = psutil.virtual_memory().available / MEBIBYTE
        sheet.show_budget(budget, self._older, ratios(), titles_of(document), free)
        self._show_state()
        self._show_plans(document, None if found is None else budget)

    def _show_state(self) -> None:
        if self.sheet is None:
            return
        if self._asked is not None:
            words = tr(PHASES.get(self._phase, self._phase))
            about = self._offers.get(self._about)
            self.sheet.set_state(f"{tr(about.title)}: {words}" if about else words, busy=True)
        elif self._trouble is not None:
            self.sheet.set_state(spoken(self._trouble), busy=False, severity="error")
        elif self._older is None:
            self.sheet.set_state(tr("Not measured yet. Measuring takes some of the run's own steps, a few seconds."), busy=False)  # fmt: skip
        elif self._older.key != budget_key(self._session.document):
            self.sheet.set_state(tr("Measured for an older graph: measure again."), busy=False, severity="warning")
        else:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self._older.made))
            words = tr("Measured on this machine, {when}.", when=when)
            beside = tr("A run trained meanwhile, so the times are too long: measure again when it has ended.")
            self.sheet.set_state(f"{words} {beside}" if self._beside_a_run else words, busy=False)

    def _show_plans(self, document: Document, budget: Budget | None) -> None:
        session, titles = self._session, titles_of(document)
        found = () if session.analysis is None else offers(document, session.analysis, session.vocabulary)
        self._offers = {offer.key: offer for offer in found}
        rows = [
            PlanRow(
                key=offer.key, title=offer.title, place=titles.get(offer.node, ""), changes=offer.changes,
                saving=_saving(budget, offer), busy=self._asked is not None and self._about == offer.key,
            )
            for offer in found
        ]  # fmt: skip
        assert self.sheet is not None
        self.sheet.show_plans(rows)

    # Acting

    def apply(self, key: str) -> None:
        """Take a plan as the drawing: one step that can be undone."""
        offer = self._offers.get(key)
        if offer is not None:
            self._session.edit(offer.document, tr(offer.title))

    def _forget(self) -> None:
        forget_ratios()
        self.refresh()
        self.measuredAnew.emit()

    def close(self) -> None:
        """With the window."""
        self._turn += 1
        self.cancel()
        if self._thread is not None:
            self._thread.join(5)
        if self.sheet is not None:
            self.sheet.close()


def _saving(budget: Budget | None, offer: Offer) -> str:
    """What a plan saves, by what was measured of it and of the drawing; empty where either is missing."""
    found = kept_for(offer.document)
    if budget is None or found is None:
        return ""
    learned = ratios()
    now, then = corrected(budget, learned), corrected(predict(found, offer.document.recipe), learned)
    memory, seconds = then[MEMORY] - now[MEMORY], then[SECONDS] - now[SECONDS]
    return tr(
        "Memory {memory} ({memory_change}), time {time} ({time_change})",
        memory=quantities.mebibytes(then[MEMORY]), memory_change=_signed(quantities.mebibytes(abs(memory)), memory),
        time=quantities.duration(then[SECONDS]), time_change=_signed(quantities.duration(abs(seconds)), seconds),
    )  # fmt: skip


def _signed(words: str, value: float) -> str:
    return f"{'−' if value < 0 else '+'}{words}"
