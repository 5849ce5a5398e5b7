"""The panel that looks inside: what it wishes is computed behind the window, and what has become stale is dropped."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.graph.document import Document
from core.graph.inside import FRESH, Inside, StepTold, Weights, Wish
from core.graph.subgraphs.flat import flattened
from core.graph.upstream import experiment_key
from core.problems import Problem, Refused
from core.runs.loading import load_engine
from core.store.places import located
from studio.session import Session
from studio.telling.sentences import spoken
from widgets.look.language import tr
from widgets.look.titles import titles_of

if TYPE_CHECKING:
    from core.inference.inside import Insides
    from core.training.by_hand import StepsByHand
    from studio.window.frame import Frame

PAUSE = 90  # milliseconds after the last change
MOST_RUNS, MOST_STEPS = 12, 6  # whose checkpoints are offered


class Seeing(QObject):
    """Between the canvas, the panel and the engine's lane for looking inside."""

    stepTaken = Signal(object)  # StepTold | None
    wishChanged = Signal()  # another sample or other weights
    _told = Signal(int, object)  # which question, Inside

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window, self._panel = session, window, window.inside
        self._node, self._wish, self._turn, self._with_costs = "", Wish(node=""), 0, False
        self._insides: Insides | None = None  # the engine's lane only
        self._steps: StepsByHand | None = None  # the engine's lane only
        self._steps_uid, self._taken, self.is_stepping = "", 0, False
        self._told_by_block: Mapping[str, str] = {}
        self._timer = QTimer(self, singleShot=True, interval=PAUSE)
        self._timer.timeout.connect(self.look)
        self._told.connect(self._show_first)
        self._bind()

    def _bind(self) -> None:
        panel, session, canvas = self._panel, self._session, self._window.canvas
        canvas.selectionChanged.connect(self._select)
        canvas.insideRequested.connect(self.run_to)
        session.documentChanged.connect(lambda _: self._later())
        session.vocabularyChanged.connect(lambda _: self._later())
        session.levelChanged.connect(lambda _: self._show_told())
        session.lookedAgain.connect(self._forget_data)
        panel.shown.connect(self._later)
        panel.shown.connect(self.offer_weights)
        panel.sampleChosen.connect(self._choose_sample)
        panel.sourceChosen.connect(lambda source: self._change(source=source, place=0))
        panel.weightsChosen.connect(lambda weights: self._change(weights=weights))
        panel.weightsWanted.connect(self.offer_weights)
        panel.runRequested.connect(lambda: self.run_to(self._node))
        panel.stepRequested.connect(self.step)
        panel.forgetRequested.connect(self.forget)
        panel.nodeRequested.connect(self._window.reveal)
        panel.fixRequested.connect(session.apply_fix)

    # Wishes

    def _select(self, nodes: Sequence[str]) -> None:
        self._node = self._session.levels.flat_of(nodes[0]) if len(nodes) == 1 else ""
        self._with_costs = False
        self._later()

    def _choose_sample(self, split: str, place: int) -> None:
        self._change(
            split=split or (self._panel.inside.wish.split if self._panel.inside is not None else ""), place=place
        )

    def _change(self, **fields: Any) -> None:
        self._wish = replace(self._wish, **fields)
        self.wishChanged.emit()
        self.look()

    def _later(self) -> None:
        self._turn += 1  # whatever is under way is stale
        if self._panel.isVisible():
            self._timer.start()

    def _forget_data(self) -> None:
        self._session.engine.look_inside(self._read_again, lambda *_: self._later())

    def run_to(self, node: str) -> None:
        """Run what leads to a node and show what each block of it took."""
        node = self._session.levels.flat_of(node)
        if node in self._drawn.nodes:
            self._node, self._with_costs = node, True
            self._window.show_inside()
            self.look()

    # Looking

    def look(self) -> None:
        """Show what flows out of the selected node; a newer wish makes this one stale."""
        self._timer.stop()
        self._turn += 1
        session, node, turn = self._session, self._node, self._turn
        document, wish = self._drawn, replace(self._wish, node=self._node)
        if node not in document.nodes:
            self._panel.show_nothing()
            return
        title = titles_of(session.document)[node]
        if not session.is_engine_ready:
            self._panel.show_busy(title, tr("The engine is loading (PyTorch, a few seconds)."))
            return
        self._panel.show_busy(title)
        session.engine.look_inside(
            lambda: self._look(document, wish, turn), lambda value, why: self._show(turn, value, why)
        )

    def _look(self, document: Document, wish: Wish, turn: int) -> Inside | tuple[Problem, ...] | None:
        """On the lane; None where nobody wants to know any more."""
        from core.inference.answering import Cancelled  # torch

        def go_on() -> bool:
            return turn == self._turn and not self._session.engine.is_closed

        if not go_on():
            return None
        words = self._session.engine.words()
        by_hand = wish.weights.by_hand
        if by_hand and (self._steps is None or wish.weights.uid != self._steps_uid):
            return (Problem(what="The steps by hand were forgotten.", node=wish.node, hint="Choose other weights."),)
        state = self._steps.state() if by_hand and self._steps is not None else None
        try:
            return self._opened(document.recipe.device).look(
                document, wish, words, state=state, go_on=go_on, first=lambda inside: self._told.emit(turn, inside)
            )
        except Cancelled:
            return None
        except Refused as refused:
            return refused.problems

    @property
    def wish(self) -> Wish:
        """Which sample is looked at, and with which weights."""
        return self._wish

    def glimpse(self, document: Document, wish: Wish, go_on: Callable[[], bool]) -> Inside:
        """On the lane: what flows out of a node, without its neighbours. Raises Refused and Cancelled."""
        state = self._steps.state() if wish.weights.by_hand and self._steps is not None else None
        words = self._session.engine.words()
        return self._opened(document.recipe.device).glimpse(document, wish, words, state=state, go_on=go_on)

    def _opened(self, wished: str) -> Insides:
        """On the lane: what is kept, on the device that the recipe wishes for. Raises Refused where it is not here."""
        load_engine()
        from core.inference.inside import Insides  # torch
        from core.training.device import choose_device

        device = choose_device(wished)
        if self._insides is None or self._insides.device != device:
            self._insides = Insides(device)
        return self._insides

    def _read_again(self) -> None:
        if self._insides is not None:
            self._insides.forget()

    def _show_first(self, turn: int, inside: Inside) -> None:
        if turn == self._turn:
            self._panel.show_inside(inside, titles_of(self._session.document), with_costs=self._with_costs)

    def _show(self, turn: int, value: Inside | tuple[Problem, ...] | None, sentence: str) -> None:
        if turn != self._turn or self._node not in self._drawn.nodes:
            return
        titles = titles_of(self._session.document)
        if isinstance(value, Inside):
            self._panel.show_inside(value, titles, with_costs=self._with_costs)
        elif sentence or value is not None:
            problems = value if isinstance(value, tuple) else (Problem(what=sentence, node=self._node),)
            self._panel.show_problems(problems, titles[self._node], titles)

    def _show_told(self) -> None:
        self._window.canvas.set_told(self._session.levels.here(self._told_by_block))

    @property
    def _drawn(self) -> Document:
        """The graph with its subgraphs written out: what is looked into."""
        return flattened(self._session.document).document

    # Weights

    def offer_weights(self) -> None:
        """Fresh ones, those after the steps by hand, and those of the newest checkpoints."""
        seed = self._session.document.recipe.seed
        found = [(tr("Fresh weights, seed {seed}", seed=seed), FRESH)]
        if self._taken:
            after = Weights(uid=self._steps_uid, step=self._taken, by_hand=True)
            found.append((tr("After {n} steps by hand", n=self._taken), after))
        newest = sorted(self._session.runs, key=lambda facts: -facts.created)[:MOST_RUNS]
        for facts in newest:
            kept = [each for each in self._session.library.reader(facts.uid).checkpoints() if each.kept]
            for each in sorted(kept, key=lambda each: -each.step)[:MOST_STEPS]:
                folder = str(located(self._session.store.files, each.path))
                words = tr("{name}, step {step}", name=facts.name, step=f"{each.step:,}")
                found.append((words, Weights(uid=facts.uid, step=each.step, folder=folder)))
        self._panel.offer_weights(found, self._wish.weights)

    # Steps by hand

    def step(self) -> None:
        """One training step of the drawing, in memory; of a drawing that is another now it begins anew."""
        session, document = self._session, self._drawn
        if self.is_stepping:
            session.say(tr("The step before is still being taken."))
            return
        self.is_stepping = True
        self._window.show_inside()
        self._panel.state.setText(tr("Taking one step…"))
        alone = not session.here.running()
        session.engine.look_inside(lambda: self._step(document, alone), self._show_step)

    def _step(self, document: Document, alone: bool) -> tuple[StepTold, bool] | tuple[Problem, ...]:
        """On the lane: what was told, and whether it began anew though steps had been taken."""
        load_engine()
        from core.training.by_hand import StepsByHand  # torch

        try:
            others = self._steps is not None and experiment_key(self._steps.document) != experiment_key(document)
            if others:
                self._let_go()
            if self._steps is None:
                self._steps = StepsByHand(document, self._session.engine.words(), sets_threads=alone)
                self._steps_uid = uuid.uuid4().hex[:8]
            return self._steps.step(), others
        except Refused as refused:
            return refused.problems

    def _let_go(self) -> None:
        if self._steps is not None:
            self._steps.forget()
            self._steps = None

    def _show_step(self, value: Any, sentence: str) -> None:
        self.is_stepping = False
        titles = titles_of(self._session.document)
        if sentence or isinstance(value[0], Problem):
            problems = (Problem(what=sentence),) if sentence else value
            self._session.say(spoken(problems[0]), "error")
            self._panel.show_problems(problems, tr("One step"), titles)
            return
        told, anew = value
        self._taken = told.step
        if anew:
            self._session.say(tr("The graph is another one than before: its steps begin anew."))
        self._panel.show_step(told, titles)
        self._told_by_block = told_by_block(told)
        self._show_told()
        self.stepTaken.emit(told)
        self._session.stateChanged.emit()
        if self._wish.weights.by_hand:
            self._wish = replace(self._wish, weights=Weights(uid=self._steps_uid, step=told.step, by_hand=True))
        self.offer_weights()
        self.look()

    def forget(self) -> None:
        """Let the steps go."""
        self._taken = 0
        if self._wish.weights.by_hand:
            self._wish = replace(self._wish, weights=FRESH)
        self._panel.show_step(None, {})
        self._told_by_block = {}
        self._show_told()
        self.offer_weights()
        self._session.engine.look_inside(self._let_go, lambda *_: None)
        self.stepTaken.emit(None)
        self._session.stateChanged.emit()
        self.look()

    @property
    def taken(self) -> int:
        """How many steps by hand there are to forget."""
        return self._taken


def told_by_block(told: StepTold) -> Mapping[str, str]:
    """What the canvas says at each block of a step."""
    return {node: f"∇ {norm:.2g} · Δ {told.ratios.get(node, 0.0):.1g}" for node, norm in told.gradients.items()}
