"""The run's stages in order: name, what it trains, share of the steps, learning rate; add, move, remove, run one by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from core.graph.recipe import Recipe, Stage
from core.knobs import Knob, Value
from widgets.inspector.form import KnobForm
from widgets.inspector.parts import heading, text_label
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme


class StageCard(QFrame):
    """One stage."""

    changed = Signal(object)  # Stage
    removed = Signal()
    moved = Signal(int)
    runWanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._stage = Stage(name="")
        self.setObjectName("stage")
        self.setStyleSheet(f"#stage {{ border: 1px solid {theme().line}; border-radius: 6px; }}")
        self.name, self.form, self.span = QLineEdit(), KnobForm(), text_label("", muted=True)
        self.name.setAccessibleName(tr("Name of the stage"))
        self.name.setMaxLength(80)
        self.name.editingFinished.connect(self._rename)
        self.form.changed.connect(lambda name, value: self.changed.emit(replace(self._stage, **{name: value})))
        self.run = _button("▶", tr("Run this stage by itself, from the last checkpoint of the stage before it"))
        self.up, self.remove = _button("↑", tr("Earlier")), _button("×", tr("Remove the stage"))
        self.run.clicked.connect(self.runWanted)
        self.up.clicked.connect(lambda: self.moved.emit(-1))
        self.remove.clicked.connect(self.removed)
        row = QHBoxLayout()
        for widget, stretch in ((self.name, 1), (self.run, 0), (self.up, 0), (self.remove, 0)):
            row.addWidget(widget, stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(5)
        layout.addLayout(row)
        layout.addWidget(self.span)
        layout.addWidget(self.form)

    def show_stage(self, stage: Stage, first: int, last: int, rate: float, is_first: bool, trains: str) -> None:
        """Show a stage that runs from step ``first`` to ``last``; ``trains`` says what learns in it, empty where nobody knows yet."""
        self._stage = stage
        if not (self.name.hasFocus() and self.name.isModified()):
            self.name.setText(stage.name)
        self.up.setEnabled(not is_first)
        frozen = sum(1 for rule in stage.rules.values() if rule.frozen)
        parts = [tr("steps {first} to {last}", first=f"{first:,}", last=f"{last:,}")]
        parts += [tr("{n} frozen", n=frozen)] if frozen else []
        self.span.setText(" · ".join(parts) + (f"\n{trains}" if trains else ""))
        values: dict[str, Value] = {"share": stage.share, "learning_rate": stage.learning_rate}
        self.form.show_knobs(_knobs(rate), values)

    def _rename(self) -> None:
        if self.name.isModified() and self.name.text().strip():
            self.name.setModified(False)
            self.changed.emit(replace(self._stage, name=self.name.text().strip()))


class Stages(QWidget):
    """All stages."""

    changed = Signal(tuple)
    runWanted = Signal(int)  # one of them, by itself
    threeWanted = Signal()  # those of a language model that sees

    def __init__(self) -> None:
        super().__init__()
        self._stages: tuple[Stage, ...] = ()
        self.cards: list[StageCard] = []
        self._note = text_label(
            tr("One stage: all steps alike. With stages, blocks can be frozen first and trained later."), muted=True
        )
        self.add = QPushButton(tr("Add a stage"))
        self.add.clicked.connect(self._append)
        self.three = QPushButton(tr("Connector, decoder, everything"))
        self.three.setToolTip(plain_tip(tr(
            "Stage 1 trains the connector alone, stage 2 the connector and the decoder, stage 3 everything: encoders at 1e-5, the "
            "connector at 1e-4, the decoder at 2e-5."
        )))  # fmt: skip
        self.three.clicked.connect(self.threeWanted)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        for widget in (heading(tr("Stages")), self._note, self.add, self.three):
            self._layout.addWidget(widget)

    def show_stages(self, recipe: Recipe, trains: Sequence[str] = (), *, may_be_three: bool = False) -> None:
        """Show a recipe's stages, and of each what it ``trains``."""
        self._stages = recipe.stages
        self.three.setVisible(may_be_three and not recipe.stages)
        while len(self.cards) > len(self._stages):
            card = self.cards.pop()
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
        while len(self.cards) < len(self._stages):
            self._add_card(len(self.cards))
        edges = recipe.stage_starts()
        for index, (card, stage) in enumerate(zip(self.cards, self._stages)):
            said = trains[index] if index < len(trains) else ""
            card.show_stage(stage, edges[index], edges[index + 1], recipe.learning_rate, index == 0, said)
        self._note.setVisible(not self._stages)

    def _add_card(self, index: int) -> None:
        card = StageCard()
        card.changed.connect(lambda stage: self._replace(index, stage))
        card.removed.connect(lambda: self._send([s for i, s in enumerate(self._stages) if i != index]))
        card.moved.connect(lambda by: self._move(index, by))
        card.runWanted.connect(lambda: self.runWanted.emit(index))
        self.cards.append(card)
        self._layout.insertWidget(self._layout.count() - 2, card)

    def _append(self) -> None:
        number = len(self._stages) + 1
        fresh = Stage(name=tr("stage {n}", n=number))
        both = [Stage(name=tr("stage {n}", n=1)), Stage(name=tr("stage {n}", n=2))]
        self._send([*self._stages, fresh] if self._stages else both)

    def _replace(self, index: int, stage: Stage) -> None:
        self._send([stage if i == index else s for i, s in enumerate(self._stages)])

    def _move(self, index: int, by: int) -> None:
        stages = list(self._stages)
        stages.insert(index + by, stages.pop(index))
        self._send(stages)

    def _send(self, stages: list[Stage]) -> None:
        self.changed.emit(tuple(stages) if len(stages) > 1 else ())


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(tip)
    return button


def _knobs(rate: float) -> tuple[Knob, ...]:
    return (
        Knob(name="share", kind="number", default=1.0, low=0.01, high=100, title=tr("Share"),
             help=tr("Of all steps, relative to the other stages.")),
        Knob(name="learning_rate", kind="number", default=None, optional=True, low=0, high=10, logarithmic=True,
             title=tr("Learning rate"), help=tr("Empty: the training recipe's rate, {rate}.", rate=f"{rate:g}")),
    )  # fmt: skip
