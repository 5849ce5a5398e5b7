"""Who hears whom about sweeps: the page, the plan beside the drawing, the inspector's and the canvas's wishes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from core.graph import edits
from core.graph.configurations import sweep_problems, trial_count
from core.graph.document import Document
from core.graph.sweep import Sweep
from core.problems import Refused
from core.runs.ablation import Ablation, ablation
from core.store.answers import SweepFacts
from studio.session import Session
from studio.telling.sentences import refusal, spoken
from widgets.look.language import tr
from widgets.sweeps.plan_form import PlanForm, first_axis
from widgets.sweeps.sweeps import SweepsView
from widgets.sweeps.words import plan_words


class SweepPage(QObject):
    """Ends with the window; the sweeps themselves belong to the session."""

    def __init__(
        self, session: Session, show_page: Callable[[str], None], show_beside: Callable[[QWidget | None], None]
    ) -> None:
        self.view, self.form = SweepsView(), PlanForm()
        super().__init__(self.view)
        self._session, self._show_page, self._show_beside = session, show_page, show_beside
        self._drawn: dict[str, int] = {}
        self._bind_page()
        self._bind_plan()
        self._take_document(session.document)

    def _bind_page(self) -> None:
        view, sweeping = self.view, self._session.sweeping
        sweeping.sweepsChanged.connect(self._take_sweeps)
        view.sweepChosen.connect(self._draw)
        view.newRequested.connect(sweeping.begin)
        view.planRequested.connect(self.show_plan)
        view.goOnRequested.connect(sweeping.go_on)
        view.pauseRequested.connect(sweeping.pause)
        view.stopRequested.connect(sweeping.stop)
        view.deleteRequested.connect(sweeping.delete)
        view.moveSweepRequested.connect(sweeping.move_sweep)
        view.continueOnErrorChanged.connect(sweeping.set_continue_on_error)
        view.skipRequested.connect(sweeping.skip)
        view.requeueRequested.connect(sweeping.requeue)
        view.moveRequested.connect(sweeping.move)
        view.exportRequested.connect(sweeping.export)
        view.openRunRequested.connect(self._open_run)
        self._take_sweeps(sweeping.found)

    def _bind_plan(self) -> None:
        session, form = self._session, self.form
        session.documentChanged.connect(self._take_document)
        session.vocabularyChanged.connect(form.set_vocabulary)
        session.vocabularyChanged.connect(lambda _: self._take_document(session.document))
        form.set_vocabulary(session.vocabulary)
        form.planChanged.connect(self._change_plan)
        form.runRequested.connect(session.sweeping.begin)
        form.closed.connect(lambda: self._show_beside(None))

    # The plan

    def sweep_setting(self, path: str) -> None:
        """A setting becomes an axis of the sweep, around what it is now."""
        document = self._session.document
        try:
            path = self._session.levels.setting(path)
        except Refused as refused:
            self._session.say(refusal(refused), "warning")
            return
        sweep = document.sweep or Sweep()
        if all(axis.path != path for axis in sweep.axes):
            try:
                axis = first_axis(document, path, self._session.vocabulary)
            except Refused as refused:
                self._session.say(refusal(refused), "warning")
                return
            self._session.edit(edits.set_sweep(document, sweep.with_axis(axis)), tr("Sweep a setting"))
        self.show_plan()

    def try_alternatives(self, node: str) -> None:
        """A block's place becomes an axis of the sweep: what is there, and all that could stand there and run."""
        session = self._session
        document, words = session.document, session.vocabulary

        def make() -> Ablation:
            from core.runs.alternatives import with_alternatives  # torch

            return with_alternatives(document, node, words)

        session.say(tr("Making the configurations…"))
        session.engine.ask(make, partial(self._take_family, document, tr("Try other blocks")))

    def _change_plan(self, sweep: Sweep | None) -> None:
        self._session.edit(edits.set_sweep(self._session.document, sweep), tr("Change the sweep"))

    def show_plan(self) -> None:
        """The plan in the place of the settings."""
        self._show_page("design")
        self._show_beside(self.form)

    def ablate(self, nodes: list[str]) -> None:
        """The selected blocks become a family of runs; shapes are asked for behind the window."""
        session = self._session
        if session.levels.path:
            session.say(
                tr("Blocks inside a subgraph are disabled in all its copies: leave it and ablate a copy."), "warning"
            )
            return
        document, words = session.document, session.vocabulary

        def make() -> Ablation:
            from core.compiler.compile import analyse  # torch

            return ablation(document, nodes, words, analyse)

        session.say(tr("Making the configurations…"))
        session.engine.ask(make, partial(self._take_family, document, tr("Ablate: disable blocks")))

    def _take_family(self, document: Document, step: str, made: Ablation | None, sentence: str) -> None:
        if made is None or document is not self._session.document:
            self._session.say(sentence or tr("The graph was changed meanwhile."), "warning")
            return
        self._session.edit(made.document, step)
        self.show_plan()
        count = trial_count(made.document.sweep)[0] if made.document.sweep else 0
        said = tr("{n} configurations; Run sweep trains them.", n=count)
        left = " ".join(spoken(problem) for problem in made.left_out)
        self._session.say(f"{said} {left}".strip(), "warning" if left else "hint")

    def _take_document(self, document: Document) -> None:
        self.form.set_document(document)
        sweep, words = document.sweep, self._session.vocabulary
        if sweep is None or not sweep.axes:
            self.view.set_own(document.name, "", "")
            return
        problems = sweep_problems(document, words) if len(words) else []
        why_not = spoken(problems[0]) if problems else ""
        self.view.set_own(document.name, plan_words(sweep, *trial_count(sweep)), why_not)

    # The page

    def _take_sweeps(self, found: list[SweepFacts]) -> None:
        self.view.set_sweeps(found)
        self._draw(self.view.chosen())

    def _draw(self, uid: str) -> None:
        """Draw the chosen sweep again where something changed."""
        if not uid or not self.view.isVisible():
            return
        result = self._session.sweeping.result(uid)
        if result is not None:
            self.view.show_sweep(uid, *result)

    def shown(self) -> None:
        """The page came to the front."""
        self._session.sweeping.refresh()
        self._take_sweeps(self._session.sweeping.found)

    def show_begun(self, uid: str) -> None:
        """A sweep began: it is looked at."""
        self.view.choose(uid)
        self._show_page("sweeps")

    def _open_run(self, uid: str) -> None:
        self._session.refresh_runs()
        self._session.watch(uid)
        self._show_page("train")
