"""Sounds of a dataset on its page: small spectrograms to choose from, the chosen one large, played and stopped; lengths as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.graph.dataset import DatasetFacts, SoundsReport, Specimen
from core.store.encoding import sound_files
from widgets.look.files import save_file
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.look.sounds import paint_seconds, sound_image
from widgets.look.strip import Strip
from widgets.look.theme import look, theme

WIDTH, HEIGHT = 168, 64  # of a small one
LARGE, WAVE, AXIS = 150, 48, 18  # heights: of the large one, of its waveform, of the seconds below
BARS = 72  # height of the bars
MOST_NAMED = 5


def clips_in(sample: Specimen) -> bool:
    """Whether a sample can be heard and has no picture of its own."""
    return sample.sound is not None and sample.picture is None and sample.reel is None


def words_of(facts: DatasetFacts, found: SoundsReport) -> list[tuple[bool, str]]:
    """What a look at the sounds found, each with whether that is well."""
    exact, near = len(facts.exact_duplicates), len(facts.near_duplicates)
    silent, clipped = (", ".join(names[:MOST_NAMED]) for names in (found.silent, found.clipped))
    return [
        (not exact, _number(exact, tr("No clip is in two splits."), tr("One clip is in two splits."), tr("{n} clips are in two splits.", n=exact))),
        (not near, _number(near, tr("No two splits share clips that sound nearly the same."), tr("One pair of clips that sound nearly the same lies in different splits."), tr("{n} pairs of clips that sound nearly the same lie in different splits.", n=near))),
        (not silent, _number(len(found.silent), tr("No clip is silent."), tr("One clip is silent: {name}.", name=silent), tr("{n} clips are silent: {names}.", n=len(found.silent), names=silent))),
        (not clipped, _number(len(found.clipped), tr("No clip is cut off at full scale."), tr("One clip is cut off at full scale: {name}.", name=clipped), tr("{n} clips are cut off at full scale: {names}.", n=len(found.clipped), names=clipped))),
    ]  # fmt: skip


def _number(count: int, none: str, one: str, many: str) -> str:
    return many if count > 1 else one if count else none


class ClipStrip(Strip):
    """Clips as spectrograms under their waveforms."""

    def __init__(self, samples: Sequence[Specimen]) -> None:
        super().__init__(samples, width=WIDTH, height=HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(tr("Clips; Enter plays the chosen one"))

    def image(self, sample: Specimen) -> QImage | None:
        """Its waveform over its spectrogram."""
        return super().image(sample) if not clips_in(sample) else clip_image(sample, WIDTH, HEIGHT, HEIGHT // 3)


def clip_image(sample: Specimen, width: int, height: int, wave: int) -> QImage:
    """A waveform of so many pixels over a spectrogram."""
    assert sample.sound is not None
    return sound_image(sample.sound, width, height, wave)


class ClipShelf(QFrame):
    """The chosen clip large, with play, stop and save; its strips stand below, each wherever the page puts it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tile")
        self._sample: Specimen | None = None
        self.player = Player(self)
        self.player.stopped.connect(self._show_state)
        self.play_button, self.save_button = QPushButton(tr("Play")), QPushButton(tr("Save…"))
        self.play_button.clicked.connect(self.play_or_stop)
        self.save_button.clicked.connect(self.save)
        self._words, self._picture = QLabel(tr("Click a clip below to see and hear it.")), _Large()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self._words, 1)
        row.addWidget(self.play_button)
        row.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self._picture)
        self._picture.hide()
        self._show_state()

    def strip(self, samples: Sequence[Specimen]) -> ClipStrip:
        """A row of clips to choose from: a click plays, a second one stops."""
        strip = ClipStrip(samples)

        def chosen(item: QListWidgetItem) -> None:
            self.choose(samples[strip.row(item)])

        strip.itemClicked.connect(chosen)
        strip.itemActivated.connect(chosen)
        return strip

    def choose(self, sample: Specimen) -> None:
        """Show a clip large and play it; the one that plays is stopped."""
        if not clips_in(sample):
            return
        if sample is self._sample and self.player.is_playing:
            self.player.stop()
            self._show_state()
            return
        self._sample = sample
        self._picture.show_clip(sample)
        self._picture.show()
        self.play()

    def play_or_stop(self) -> None:
        """What the button says."""
        if self.player.is_playing:
            self.player.stop()
            self._show_state()
        else:
            self.play()

    def play(self) -> None:
        """The chosen clip from its start; where nothing can be heard, why not."""
        sample = self._sample
        if sample is not None and sample.sound is not None and not self.player.obstacle():
            self.player.play(sound_files(sample.sound[None], sample.hertz)[0])
        self._show_state()

    def save(self) -> None:
        """The chosen clip as FLAC."""
        sample = self._sample
        if sample is None or sample.sound is None:
            return
        path = save_file(self, tr("Save the audio"), "clip.flac", "FLAC (*.flac)", what="clip")
        if path:
            try:
                Path(path).write_bytes(sound_files(sample.sound[None], sample.hertz)[0])
            except OSError:
                self._words.setText(tr("{path} cannot be written.", path=path))

    def _show_state(self) -> None:
        sample = self._sample
        self.play_button.setText(tr("Stop playing") if self.player.is_playing else tr("Play"))
        self.play_button.setEnabled(sample is not None and not self.player.obstacle())
        self.save_button.setEnabled(sample is not None)
        if sample is not None:
            length = tr("{seconds} s", seconds=f"{sample.seconds:.2f}")
            parts = [sample.sentence, length, f"{sample.hertz:,} Hz", said(self.player.obstacle())]
            self._words.setText(" · ".join(part for part in parts if part))


class _Large(QWidget):
    """One clip: waveform, spectrogram, seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._sample: Specimen | None = None
        self.setFixedHeight(LARGE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Waveform and spectrogram of the chosen clip"))
        look.changed.connect(self.update)

    def show_clip(self, sample: Specimen) -> None:
        """Another one."""
        self._sample = sample
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        sample = self._sample
        if sample is None or sample.sound is None:
            return
        painter = QPainter(self)
        painter.drawImage(QPointF(0, 0), clip_image(sample, self.width(), LARGE - AXIS, WAVE))
        paint_seconds(painter, QRectF(0, LARGE - AXIS, self.width(), AXIS), len(sample.sound) / sample.hertz)
        painter.end()


class LengthBars(QWidget):
    """How many clips are how long."""

    def __init__(self, found: SoundsReport) -> None:
        super().__init__()
        self._found = found
        self.setFixedHeight(BARS + AXIS)
        self.setMaximumWidth(560)
        self.setMinimumWidth(240)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        minutes = found.together / 60
        words = tr("{shortest} to {longest} s, half of them up to {median} s, {minutes} minutes together",
                   shortest=f"{found.shortest:.2f}", longest=f"{found.longest:.2f}", median=f"{found.median:.2f}", minutes=f"{minutes:.1f}")  # fmt: skip
        self.setToolTip(plain_tip(words))
        self.setAccessibleName(words)
        self.words = words
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(560, BARS + AXIS)

    def bars(self) -> list[QRectF]:
        """Where each bar stands."""
        most, width = max(self._found.counts), self.width() / len(self._found.counts)
        heights = [(BARS - 4) * count / most for count in self._found.counts]
        return [
            QRectF(n * width + 1, BARS - max(height, 1.0 if height else 0.0), max(1.0, min(width - 2, 60.0)), height)
            for n, height in enumerate(heights)
        ]  # fmt: skip

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for bar in self.bars():
            painter.fillRect(bar, QColor(theme().accent))
        painter.setPen(QColor(theme().line))
        painter.drawLine(0, BARS, self.width(), BARS)
        painter.setPen(QColor(theme().muted))
        painter.drawText(QRectF(0, BARS + 2, self.width(), AXIS), Qt.AlignmentFlag.AlignLeft, self.words)
        painter.end()
