"""What was found: over the answers what was asked about where it has a time, the answers, and at the right the picked one closely."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QWidget

from widgets.look.language import tr
from widgets.query.columns import muted, new_column
from widgets.query.kinds import KindList
from widgets.query.picked import PickedAnswer
from widgets.query.stage import SoundStage
from widgets.query.tiles import AnswerTiles, is_tiled
from widgets.query.values import FilmLooks, QueryAnswers, Ways
from widgets.query.words import title_of


class Results(QObject):
    """The two columns ``middle`` and ``right``; a sentence stands where there is no answer."""

    answerPicked = Signal(object)  # QueryAnswer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answers: QueryAnswers | None = None
        self.stage, self.tiles, self.closely = SoundStage(), AnswerTiles(), PickedAnswer()
        self.title, self.empty = muted(tr("Results, by score")), QLabel()
        self.players = (self.stage.film, self.closely.film)
        self._kinds = KindList()
        self.empty.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("muted", True)
        self._scroll = scrolled(self.tiles)
        self.middle, self.right = self._middle(), self._right()
        self.stage.spanPicked.connect(self.tiles.pick)
        self.tiles.answerPicked.connect(self._pick)
        self.closely.look.mapChanged.connect(self._light_stage)

    def show_answers(self, answers: QueryAnswers) -> None:
        """What the model found."""
        self.answers = answers
        self.title.setText(title_of(answers.kind))
        self.stage.show_answers(answers)
        self.closely.set_kind(answers.kind)
        self.tiles.set_answers(answers.answers, as_tiles=is_tiled(answers))
        self.show_empty("" if answers.answers else tr("Nothing was found."))
        if not answers.answers:
            self.closely.show_answer(None, None)

    def show_drawn(self, answers: QueryAnswers) -> None:
        """What there is while images are being made: the last is not finished."""
        self.answers = answers
        picked = self.tiles.picked()
        self.title.setText(tr("Made images"))
        self.closely.set_kind("made")
        self.tiles.set_answers(answers.answers, as_tiles=True)
        self.tiles.pick(picked if 0 <= picked < len(answers.answers) - 1 else len(answers.answers) - 1)
        self.show_empty("")

    def forget(self) -> None:
        """No answers: those that stood here were to another question."""
        self.answers = None
        self.stage.forget()
        self.tiles.set_answers((), as_tiles=False)
        self.closely.show_answer(None, None)
        self.title.setText(tr("Results, by score"))

    def show_empty(self, text: str) -> None:
        """A sentence where the answers would be; an empty one makes room for them."""
        self.empty.setText(text)
        self.empty.setVisible(bool(text))
        self._scroll.setVisible(not text)
        if text:
            self.closely.lit.setVisible(False)

    def set_ways(self, ways: Ways) -> None:
        """What the chosen run can be asked for."""
        self._kinds.set_ways(ways)

    def _pick(self, index: int) -> None:
        self.stage.pick(index)
        if self.answers is not None:
            answer = self.answers.answers[index]
            self.closely.show_answer(self.answers, answer)
            self.show_looks(self.answers.asked.looks)
            if self.answers.kind == "written" and self.answers.asked.looks is not None:
                self.closely.look.choose_word(index)
            self.answerPicked.emit(answer)

    def show_looks(self, looks: FilmLooks | None) -> None:
        """Where in the video the picked answer comes from; None: that is not known, or not yet."""
        self.stage.times.show_looks(looks)
        self.closely.show_looks(looks)

    def _light_stage(self, lit: object) -> None:
        self.stage.times.light(lit)

    def _middle(self) -> QWidget:
        side, column = new_column()
        column.addWidget(self.stage)
        column.addWidget(self.title)
        column.addWidget(self.empty, 1)
        column.addWidget(self._scroll, 1)
        return side

    def _right(self) -> QWidget:
        side, column = new_column()
        column.addWidget(self.closely)
        column.addStretch(1)
        column.addWidget(self._kinds)
        scroll = scrolled(side)  # in a low window all of it can be read
        scroll.setMinimumWidth(200)
        return scroll


def scrolled(inside: QWidget) -> QScrollArea:
    """Scrolls up and down only."""
    scroll = QScrollArea()
    scroll.setWidget(inside)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return scroll
