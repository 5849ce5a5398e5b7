"""Videos of a dataset on its page: the chosen one is played, frame by frame if one likes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QListWidgetItem, QVBoxLayout, QWidget

from core.graph.dataset import Specimen
from widgets.look.film_player import FilmPlayer
from widgets.look.language import tr
from widgets.look.strip import Strip


class FilmShelf(QFrame):
    """The chosen video with its player; its strips stand below, each wherever the page puts it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tile")
        self.player, self._words = FilmPlayer(), QLabel(tr("Click a video below to play it."))
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addWidget(self._words)
        column.addWidget(self.player)
        self.player.hide()

    def strip(self, samples: Sequence[Specimen]) -> Strip:
        """A row of videos to choose from: a click plays, a second one pauses."""
        strip = Strip(samples)
        strip.setCursor(Qt.CursorShape.PointingHandCursor)
        strip.setAccessibleName(tr("Videos; Enter plays the chosen one"))

        def chosen(item: QListWidgetItem) -> None:
            self.choose(samples[strip.row(item)])

        strip.itemClicked.connect(chosen)
        strip.itemActivated.connect(chosen)
        return strip

    def choose(self, sample: Specimen) -> None:
        """Play a video; the one that is here already goes on, or pauses."""
        if sample.reel is None:
            return
        if sample.reel is self.player.reel:
            self.player.toggle()
            return
        length = tr("{seconds} s", seconds=f"{sample.reel.end - sample.reel.begin:.2f}")
        self._words.setText(" · ".join(part for part in (sample.sentence, sample.reel.name, length) if part))
        self.player.show()
        self.player.show_reel(sample.reel)
        self.player.play()
