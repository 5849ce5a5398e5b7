"""The picked answer at the right of the query page: its image, its words, and where the model looked."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from core.store.encoding import sound_files
from widgets.look.film_player import FilmPlayer
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.look.sounds import sound_image
from widgets.query.close_look import HeatPicture, HeatWords
from widgets.query.columns import muted
from widgets.query.film_look import FilmLookView
from widgets.query.stage import words_of
from widgets.query.values import FilmLooks, QueryAnswer, QueryAnswers

CLOSE = (
    "made",
    "codes",
    "sounds",
    "transcribed",
    "aligned",
    "events",
    "actions",
    "offsets",
)  # what was made or found, not where was looked
PLAYER = 180  # pixels of a found video's picture


class PickedAnswer(QWidget):
    """One answer closely; of what is made a word can be clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answers: QueryAnswers | None = None
        self._answer: QueryAnswer | None = None
        self.title = muted(tr("Attention map"))
        self.picture, self.words = HeatPicture(), HeatWords()
        self.player, self.play_button = Player(self), QPushButton(tr("Play"))
        self.film, self.look = FilmPlayer(height=PLAYER), FilmLookView()
        self.play_button.clicked.connect(self._play_or_stop)
        self.player.stopped.connect(self._show_player)
        self.about, self.lit = QLabel(), QCheckBox(tr("Show attention"))
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        self.lit.setChecked(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (
            self.title,
            self.picture,
            self.look,
            self.film,
            self.play_button,
            self.words,
            self.about,
            self.lit,
        ):
            column.addWidget(part)
        self.words.wordPicked.connect(lambda _: self._show())
        self.lit.toggled.connect(self._light)
        self.film.hide()
        self.look.hide()
        self._show()
        self._show_player()

    def set_kind(self, kind: str) -> None:
        """What was made is looked at; what was found says where the model looked."""
        self.title.setText(tr("Close up") if kind in CLOSE else tr("Attention map"))

    def show_answer(self, answers: QueryAnswers | None, answer: QueryAnswer | None) -> None:
        """One of some answers; none leaves it empty."""
        self._answers, self._answer = answers, answer
        self.player.stop()
        self.film.show_reel(None if answer is None else answer.reel)
        self.film.setVisible(answer is not None and answer.reel is not None)
        self._show()
        self._show_player()

    def show_looks(self, looks: FilmLooks | None) -> None:
        """In place of some frames of the video that was asked about: those that were looked at, lit."""
        self.look.show_looks(looks)
        self.look.setVisible(looks is not None)
        if looks is not None:
            self.picture.hide()
            self.title.setText(tr("Attention map"))
            self.lit.show()

    def _light(self, lit: bool) -> None:
        self.picture.set_lit(lit)
        self.look.set_lit(lit)
        if self.look.isHidden():
            self._show()

    def _show(self) -> None:
        answers, answer = self._answers, self._answer
        if answers is None or answer is None:
            self.picture.set_picture(None, None)
            self.picture.hide()
            self.words.set_words((), ())
            self.lit.hide()
            self.about.setText(tr("What is picked among the results is shown here closely."))
        elif answer.word_maps is not None or answer.close is not None:
            self.picture.show()
            self._show_made(answer)
        else:
            self._show_found(answers, answer)

    def _show_found(self, asked: QueryAnswers, answer: QueryAnswer) -> None:
        """The answer's picture, or the asked one where answers are sentences."""
        pictured = answer.picture is not None
        fallback_heat = answer.picture_heat if answer.picture_heat is not None else asked.asked_heat
        pixels = answer.picture if pictured else asked.asked.picture
        self.picture.set_picture(pixels, answer.picture_heat if pictured else fallback_heat)
        words, weights = (asked.asked.words, asked.asked_word_heat) if pictured else (answer.words, answer.word_heat)
        self._show_sound(asked, answer)
        self.picture.setVisible(self.picture.has_image())
        self.words.set_words(words, weights if self.lit.isChecked() else ())
        self.lit.setVisible(self.picture.has_heat() or bool(weights))
        same = answer.group.casefold().strip(" .") == answer.sentence.casefold().strip(" .")
        group = "" if same else answer.group
        score = "" if answer.score is None else tr("score {score}", score=f"{answer.score:.3f}")
        said_of = (words_of(answer),) if answer.span is not None else (answer.sentence, group, score)
        self.about.setText(" · ".join(part for part in said_of if part))

    def _show_sound(self, asked: QueryAnswers, answer: QueryAnswer) -> None:
        """A sound that was found; or where in the asked one a word looked."""
        if answer.picture is None and answer.sound is not None:
            self.picture.set_image(sound_image(answer.sound.samples, 320, 200, 60), None)
        heat = asked.asked_heat if answer.picture_heat is None else answer.picture_heat
        if asked.asked.sound is not None and heat is not None and answer.picture is None and answer.sound is None:
            self.picture.set_image(sound_image(asked.asked.sound.samples, 320, 200, 0), heat)
            self.title.setText(tr("Attention map"))

    def _play_or_stop(self) -> None:
        sound = self._answer.sound if self._answer is not None else None
        if self.player.is_playing:
            self.player.stop()
        elif sound is not None:
            self.player.play(sound_files(sound.samples[None], sound.hertz)[0])
        self._show_player()

    def _show_player(self) -> None:
        obstacle = self.player.obstacle()
        self.play_button.setVisible(self._answer is not None and self._answer.sound is not None)
        self.play_button.setText(tr("Stop playing") if self.player.is_playing else tr("Play"))
        self.play_button.setEnabled(not obstacle)
        self.play_button.setToolTip(plain_tip(said(obstacle)))

    def _show_made(self, answer: QueryAnswer) -> None:
        """What was drawn, with where a word of its sentence was attended to once it is clicked; or what lies behind a code."""
        self.words.set_words(answer.words, answer.word_heat, can_pick=answer.word_maps is not None)
        word = self.words.picked()
        heat = answer.word_maps[word] if answer.word_maps is not None and word >= 0 else None
        least, most = (0.0, 0.0) if heat is None else (float(heat.min()), float(heat.max()))
        self.picture.set_picture(
            answer.picture if answer.close is None else answer.close, None if heat is None else heat - least
        )
        self.lit.setVisible(heat is not None)
        if answer.close is not None:
            last = tr("above what it draws alone, below pieces of held-out images that became it")
        elif heat is not None:
            last = tr("{low} to {high} % of a place's attention", low=f"{100 * least:.0f}", high=f"{100 * most:.0f}")
        else:
            last = tr("click a word to see where it was attended to")
        self.about.setText(" · ".join(part for part in (answer.sentence, answer.group, last) if part))
