"""The query page: pick a run and a checkpoint, ask with a sentence or a picture, look at the ranked answers.

It asks for an answer and shows one; whoever owns the trained model works in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QProgressBar, QPushButton, QSplitter, QVBoxLayout, QWidget

from core.graph.reel import ReelFrames, ReelSound
from widgets.look.film_player import Answer
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme
from widgets.query.classes import ClassesForm
from widgets.query.columns import muted, new_column
from widgets.query.listening import ListeningForm
from widgets.query.making import MakingForm
from widgets.query.picked import PickedAnswer
from widgets.query.question import PictureWell
from widgets.query.results import Results, scrolled
from widgets.query.run_choice import RunChoice
from widgets.query.values import (
    EITHER,
    Askable,
    Filming,
    FilmLooks,
    FilmLookWish,
    MakingWish,
    QueryAnswer,
    QueryAnswers,
    Sounding,
    Ways,
)
from widgets.query.watching import WatchingForm
from widgets.query.words import (
    found_words,
    invitation,
    makes,
    to_give,
    to_make,
    with_film,
    with_picture,
    with_sentence,
    with_sound,
)
from widgets.query.writing import CaptionForm

LOOKED_INTO = ("sentences", "classes", "actions")  # answers about a video of which is worked out where they come from


class QueryPage(QWidget):
    """Question on the left, answers in the middle, the picked answer on the right."""

    askRequested = Signal(str, int, str, str)  # run uid, checkpoint step, sentence, picture path; one may be empty
    classesRequested = Signal(str, int, str, str, str)  # run uid, step, picture path, class names, prompts
    generateRequested = Signal(str, int, object)  # run uid, step, MakingWish
    guidanceTurned = Signal(float)  # while images are made, too
    reconstructRequested = Signal(
        str, int, int, object, str
    )  # run uid, step, how many, first seed, picture path or empty
    codeBookRequested = Signal(str, int)  # run uid, step
    captionRequested = Signal(str, int, str, float, object)  # run uid, step, picture path, temperature, seed
    soundWanted = Signal(str)  # path: what is in this file?
    filmWanted = Signal(str)  # path: what is in this file?
    lookWanted = Signal(str, int, object)  # run uid, step, FilmLookWish
    reelWanted = Signal(object)  # ReelFrames or ReelSound: what a player needs
    watchRequested = Signal(str, int, str, str)  # run uid, step, kind of answer, video path
    listenRequested = Signal(str, int, str, str, str)  # run uid, step, kind of answer, audio path, sentence or empty
    cancelRequested = Signal()
    waysWanted = Signal(str)  # uid: how can this run be asked?

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ways: dict[str, Ways | None] = {}  # None: not answered yet
        self._path = ""
        self._answered: tuple[str, ...] = ()  # what was given when the present answers came
        self._is_busy = False
        self._looked_for: FilmLookWish | None = None
        self._choice, self._results = RunChoice(), Results(self)
        self._sentence, self._well, self._classes = QLineEdit(), PictureWell(), ClassesForm()
        self._making, self._writing = MakingForm(), CaptionForm()
        self._listening, self._by_sound = ListeningForm(), muted("")
        self._watching, self._by_film = WatchingForm(), muted("")
        self._ask, self._cancel = QPushButton(tr("Search")), QPushButton(tr("Cancel"))
        self._progress, self._line = QProgressBar(), QLabel()
        self._by_sentence, self._by_picture, self._by_both = muted(""), muted(""), muted("")
        self._lay_out()
        self._connect()
        self.set_runs(())

    # Values

    def set_runs(self, runs: Sequence[Askable]) -> None:
        """Runs that can be asked; keeps the choice where it is still there."""
        self._choice.set_runs(runs)

    def choose(self, uid: str, step: int | None = None) -> None:
        """Pick a run, and a checkpoint of it."""
        self._choice.choose(uid, step)

    def set_ways(self, uid: str, ways: Ways) -> None:
        """How a run can be asked."""
        self._ways[uid] = ways
        if uid == self.uid():
            self._set_guidance()
        self._refresh()

    def set_sentence(self, sentence: str) -> None:
        """Put a sentence into its box without asking it."""
        self._sentence.setText(sentence)
        self._refresh()

    def show_answers(self, answers: QueryAnswers) -> None:
        """What the model found."""
        self._results.show_answers(answers)
        self._answered = self._given_now()
        self._set_busy(False)
        self._say(found_words(answers))

    def show_drawn(self, answers: QueryAnswers) -> None:
        """What there is while images are being made: the last is not finished."""
        self._results.show_drawn(answers)

    def show_sound(self, path: str, sound: Sounding | None, refusal: str = "") -> None:
        """What was read of an audio file; it is asked about at once where a run can tell something of it."""
        if path != self._listening.path():
            return
        self._listening.show_sound(path, sound)
        if sound is None:
            self._listening.well.remove()
            self.show_nothing(refusal)
        elif self._way().hears("retrieve"):
            self._ask_again()
        elif kind := self._listening.first_told():
            self._want_told(kind, "")

    def show_film(self, path: str, film: Filming | None, refusal: str = "") -> None:
        """What was read of a video; it is asked about at once where a run can tell something of it."""
        if path != self._watching.path():
            return
        self._watching.show_film(path, film)
        if film is None:
            self._watching.well.remove()
            self.show_nothing(refusal)
        elif self._way().sees("retrieve"):
            self._ask_again()
        elif kind := self._watching.first_told():
            self._want_seen(kind)

    def take_reel(self, wish: ReelFrames | ReelSound, answer: Answer, refusal: str = "") -> None:
        """The answer to ``reelWanted``."""
        for player in self._results.players:
            player.take(wish, answer, refusal)

    def show_looks(self, wish: FilmLookWish, looks: FilmLooks | None) -> None:
        """The answer to ``lookWanted``; one that is no longer looked at is dropped."""
        if wish == self._looked_for:
            self._results.show_looks(looks)

    def show_progress(self, text: str, share: float | None = None) -> None:
        """What is being done, and how far; None: no telling."""
        self._set_busy(True)
        self._progress.setRange(0, 0 if share is None else 100)
        if share is not None:
            self._progress.setValue(round(100 * share))
        self._say(text)

    def show_nothing(self, sentence: str) -> None:
        """Why a question has no answer; answers that are about something else are not left beside it."""
        if self._given_now() != self._answered:
            self._results.forget()
        self.show_refusal(sentence)

    def show_refusal(self, sentence: str) -> None:
        """Why something is not asked, or not taken."""
        self._set_busy(False)
        self._say(sentence, refused=True)

    @property
    def closely(self) -> PickedAnswer:
        """The picked answer."""
        return self._results.closely

    def answers(self) -> QueryAnswers | None:
        """What is shown."""
        return self._results.answers

    def uid(self) -> str:
        """The chosen run."""
        return self._choice.uid()

    def step(self) -> int:
        """The chosen checkpoint's step."""
        return self._choice.step()

    def message(self) -> str:
        """The line under the question."""
        return self._line.text()

    # Inside

    def _connect(self) -> None:
        self._choice.runChanged.connect(self._show_run)
        self._choice.checkpointChanged.connect(self._refresh)
        self._sentence.returnPressed.connect(self._ask_sentence)
        self._sentence.textEdited.connect(self._typing)
        self._ask.clicked.connect(self._ask_again)
        self._cancel.clicked.connect(self.cancelRequested)
        self._well.chosen.connect(self._ask_picture)
        self._well.removed.connect(self._forget_picture)
        self._well.refused.connect(self.show_refusal)
        self._classes.classesWanted.connect(self._want_classes)
        self._making.generateWanted.connect(self._want_images)
        self._making.guidanceTurned.connect(self.guidanceTurned)
        self._making.reconstructWanted.connect(self._want_reconstruction)
        self._making.codeBookWanted.connect(lambda: self.codeBookRequested.emit(self.uid(), self.step()))
        self._listening.soundChosen.connect(self._take_sound)
        self._listening.soundRemoved.connect(self._refresh)
        self._listening.refused.connect(self.show_refusal)
        self._listening.told.connect(self._want_told)
        self._watching.filmChosen.connect(self._take_film)
        self._watching.filmRemoved.connect(self._refresh)
        self._watching.refused.connect(self.show_refusal)
        self._watching.told.connect(self._want_seen)
        self._writing.captionWanted.connect(self._want_caption)
        for player in self._results.players:
            player.wanted.connect(self.reelWanted)
        self._results.answerPicked.connect(self._want_look)
        look.changed.connect(self._relook)

    def _lay_out(self) -> None:
        self._sentence.setPlaceholderText(tr("Type a sentence: a red heart"))
        self._sentence.setAccessibleName(tr("Query"))
        self._sentence.setClearButtonEnabled(True)
        self._ask.setProperty("primary", True)
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(4)
        self._line.setTextFormat(Qt.TextFormat.PlainText)
        self._line.setWordWrap(True)
        parts = QSplitter(Qt.Orientation.Horizontal)
        for part, stretch in ((self._question_side(), 0), (self._results.middle, 1), (self._results.right, 0)):
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, stretch)
        parts.setChildrenCollapsible(False)
        parts.setSizes([300, 700, 320])
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(parts)

    def _question_side(self) -> QWidget:
        side, column = new_column()
        column.addWidget(self._choice)
        column.addSpacing(8)
        column.addWidget(self._by_sentence)
        column.addWidget(self._sentence)
        column.addWidget(self._by_picture)
        column.addWidget(self._well)
        column.addWidget(self._by_both)
        column.addWidget(self._by_sound)
        column.addWidget(self._listening)
        column.addWidget(self._by_film)
        column.addWidget(self._watching)
        buttons = QHBoxLayout()
        buttons.addWidget(self._ask, 1)
        buttons.addWidget(self._cancel)
        column.addLayout(buttons)
        column.addWidget(self._progress)
        column.addWidget(self._line)
        column.addSpacing(8)
        column.addWidget(self._classes)
        column.addWidget(self._making)
        column.addWidget(self._writing)
        column.addStretch(1)
        scroll = scrolled(side)
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(max(220, side.minimumSizeHint().width() + bar))  # nothing of it is cut at the right
        return scroll

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._want_ways()

    def _want_ways(self) -> None:
        """Ask once a run, and only when somebody looks."""
        run = self._choice.run()
        if run is not None and run.uid not in self._ways and self.isVisible() and run.checkpoints:
            self._ways[run.uid] = None
            self.waysWanted.emit(run.uid)

    def _way(self) -> Ways:
        return self._ways.get(self.uid()) or EITHER

    def _show_run(self) -> None:
        self._want_ways()
        self._set_guidance()
        self._refresh()

    def _why_not(self) -> str:
        run = self._choice.run()
        if run is None:
            return tr("No run can be queried yet. Train one; its checkpoints appear here.")
        if run.why_not:
            return run.why_not
        if self.step() < 0:
            return tr("This run has no checkpoint yet, so there is nothing to query.")
        way = self._way()
        return (
            ""
            if way.finds or makes(way) or self._hears(way) or self._sees(way)
            else next(iter(way.why_not.values()), "")
        )

    def _given(self) -> str:
        """What is being asked with: sentence, picture, both, or nothing."""
        sentence, picture = bool(self._sentence.text().strip()), bool(self._path)
        if self._listening.path() and not (sentence or picture) and self._way().of_sound:
            return "sound"
        if self._watching.path() and not (sentence or picture) and self._way().of_film:
            return "film"
        return "both" if sentence and picture else "sentence" if sentence else "picture" if picture else ""

    def _given_now(self) -> tuple[str, ...]:
        """What the fields hold."""
        return self.uid(), self._sentence.text().strip(), self._path, self._listening.path(), self._watching.path()

    def _refresh(self) -> None:
        why_not, given, way = self._why_not(), self._given(), self._way()
        missing = "" if given else to_give(way)
        cannot = "" if not given or given in way.finds else way.why_not.get(given, "")
        missing = (
            missing if way.finds else next(iter(way.why_not.values()), missing)
        )  # what is only made is not searched
        self._ask.setEnabled(not (why_not or missing or cannot or self._is_busy))
        self._ask.setToolTip(plain_tip(why_not or missing or cannot))
        cannot = cannot if way.finds and given not in ("sound", "film") else ""
        self._show_ways(way)
        self._classes.setVisible("sentences" in (way.finds.get("picture"), way.finds.get("sound")))
        no_picture = "" if self._path else tr("Choose an image first.")
        busy = tr("Wait for the present results.") if self._is_busy else ""
        no_file = (
            ""
            if self._named_by()
            else tr("Choose an image first.")
            if way.finds.get("picture")
            else tr("Choose audio first.")
        )
        by_sound = way.finds.get("picture") != "sentences" or self._named_by() == self._listening.path() != ""
        self._classes.set_possible(why_not or no_file or busy, of_sound=by_sound and "sound" in way.finds)
        self._listening.set_possible(way, why_not or busy)
        self._watching.set_possible(way, why_not or busy)
        self._making.set_possible(way, why_not or busy)
        self._writing.set_possible(way, why_not or no_picture or busy)
        self._results.set_ways(way)
        self._cancel.setVisible(self._is_busy)
        self._progress.setVisible(self._is_busy)
        told = "" if self._is_busy else why_not or cannot
        if told:
            self._say(told)
        elif self._line.property("why_not"):
            self._say("")
        self._line.setProperty("why_not", bool(told))
        if self._results.answers is None:
            self._results.show_empty(why_not or invitation(way))

    def _show_ways(self, way: Ways) -> None:
        """The words over the fields say what each finds; a field that nothing can be asked with rests."""
        both = way.finds.get("both", "")
        for name, label, field, words in (
            ("sentence", self._by_sentence, self._sentence, with_sentence),
            ("picture", self._by_picture, self._well, with_picture),
        ):
            finds = way.finds.get(name, "")
            makes = way.paints_sentences if name == "sentence" else way.gives("reconstruct")
            label.setText(words(finds) if finds or both else to_make(name) if makes else way.why_not.get(name, ""))
            has_place = bool(finds or both or makes) or not (self._hears(way) or self._sees(way))
            label.setVisible(bool(way.finds or makes) and has_place)  # where nothing can be asked, it is said once
            field.setEnabled(bool(finds or both or makes))
            field.setVisible(has_place)
        self._by_sound.setText(with_sound(way.finds.get("sound", "")))
        self._by_sound.setVisible(self._hears(way))
        self._by_film.setText(with_film(way.finds.get("film", "")))
        self._by_film.setVisible(self._sees(way))
        pictures = both == "pictures"
        self._by_both.setText(tr("Image and text → images") if pictures else tr("Image and text → captions"))
        self._by_both.setVisible(bool(both))

    def _typing(self) -> None:
        if self._path and "both" not in self._way().finds:
            self._forget_picture()
        self._refresh()

    def _forget_picture(self) -> None:
        self._path = ""
        self._well.clear()
        self._refresh()

    def _ask_sentence(self) -> None:
        if self._sentence.text().strip():
            self._ask_again()

    def _ask_picture(self, path: str) -> None:
        self._path = path
        if "both" not in self._way().finds:
            self._sentence.clear()
        self._ask_again()

    def _ask_again(self) -> None:
        self._refresh()
        if why_not := self._why_not():
            self.show_refusal(why_not)
        elif self._ask.isEnabled() and self._given() == "sound":
            self._want_told("retrieve", "")
        elif self._ask.isEnabled() and self._given() == "film":
            self._want_seen("retrieve")
        elif self._ask.isEnabled():
            self.askRequested.emit(self.uid(), self.step(), self._sentence.text().strip(), self._path)

    def _want_classes(self, names: str, prompts: str) -> None:
        self.classesRequested.emit(self.uid(), self.step(), self._named_by(), names, prompts)

    def _named_by(self) -> str:
        """The file whose class is asked for."""
        finds = self._way().finds
        if self._path and finds.get("picture") == "sentences":
            return self._path
        return self._listening.path() if finds.get("sound") == "sentences" else ""

    @staticmethod
    def _hears(way: Ways) -> bool:
        """Whether anything can be told of audio."""
        return any(way.hears(kind) for kind in way.of_sound)

    @staticmethod
    def _sees(way: Ways) -> bool:
        """Whether anything can be told of videos."""
        return any(way.sees(kind) for kind in way.of_film)

    def _take_film(self, path: str) -> None:
        self._sentence.clear()
        self._forget_picture()
        self._listening.well.remove()
        self.filmWanted.emit(path)

    def _want_seen(self, kind: str) -> None:
        self.watchRequested.emit(self.uid(), self.step(), kind, self._watching.path())

    def _want_look(self, answer: QueryAnswer) -> None:
        """Where in the video the answer that is looked at comes from."""
        answers, self._looked_for = self._results.answers, None
        path = self._watching.path()
        if answers is None or answers.asked.film is None or answers.asked.looks is not None or not path:
            return
        if answers.kind in LOOKED_INTO:
            name = "" if answers.kind == "actions" else answer.sentence
            self._looked_for = FilmLookWish(path=path, kind=answers.kind, answer=name)
            self.lookWanted.emit(self.uid(), self.step(), self._looked_for)

    def _take_sound(self, path: str) -> None:
        self._sentence.clear()
        self._forget_picture()
        self._watching.well.remove()
        self.soundWanted.emit(path)

    def _want_told(self, kind: str, sentence: str) -> None:
        self.listenRequested.emit(self.uid(), self.step(), kind, self._listening.path(), sentence)

    def _set_guidance(self) -> None:
        """As the chosen run is set."""
        guidance = self._way().guidance
        self._making.set_guidance(guidance)
        if guidance is not None:
            self.guidanceTurned.emit(guidance)

    def _want_images(self, wish: MakingWish) -> None:
        sentence = self._sentence.text().strip() if self._way().paints_sentences else ""
        self.generateRequested.emit(self.uid(), self.step(), replace(wish, sentence=sentence))

    def _want_reconstruction(self, count: int, seed: int) -> None:
        self.reconstructRequested.emit(self.uid(), self.step(), count, seed, self._path)

    def _want_caption(self, temperature: float, seed: int) -> None:
        self.captionRequested.emit(self.uid(), self.step(), self._path, temperature, seed)

    @property
    def is_busy(self) -> bool:
        """Whether results are waited for."""
        return self._is_busy

    def _set_busy(self, busy: bool) -> None:
        self._is_busy = busy
        self._refresh()

    def _say(self, text: str, *, refused: bool = False) -> None:
        self._line.setText(said(text))
        self._line.setProperty("refused", refused)
        self._relook()

    def _relook(self) -> None:
        colour = theme().bad if self._line.property("refused") else theme().muted
        self._line.setStyleSheet(f"color: {colour};")
