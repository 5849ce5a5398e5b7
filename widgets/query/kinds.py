"""Every kind of answer with whether this run can give it, and why or why not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.theme import look, theme
from widgets.query.values import Ways

KINDS = ("retrieve", "classify", "caption", "generate", "transcribe", "localise", "reconstruct", "align")


class KindList(QWidget):
    """A mark, a word and a sentence for each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ways = Ways(finds={})
        self._marks = {kind: QLabel() for kind in KINDS}
        self._words = {kind: QLabel() for kind in KINDS}
        title = QLabel(tr("What this run can answer"))
        title.setProperty("muted", True)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, kind in enumerate(KINDS):
            self._words[kind].setTextFormat(Qt.TextFormat.PlainText)
            self._words[kind].setWordWrap(True)
            self._words[kind].setMinimumWidth(1)
            grid.addWidget(self._marks[kind], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self._words[kind], row, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(title)
        column.addLayout(grid)
        look.changed.connect(self._show)

    def set_ways(self, ways: Ways) -> None:
        """Show a run's; hidden until they are known."""
        self._ways = ways
        self.setVisible(bool(ways.answers))
        self._show()

    def sentences(self) -> dict[str, str]:
        """What stands beside each mark."""
        return {kind: label.text() for kind, label in self._words.items()}

    def _show(self) -> None:
        names, why, heard_by, seen_by = _names(), _why(), _heard(), _seen()
        for kind in KINDS:
            can, heard = self._ways.gives(kind), self._ways.hears(kind)
            told = seen_by if self._ways.sees(kind) else heard_by if heard else why
            reason = told.get(kind, "") if can else self._why_not(kind)
            self._marks[kind].setText("✓" if can else "–")
            self._marks[kind].setStyleSheet(f"color: {theme().good if can else theme().muted};")
            self._words[kind].setText(tr("{name}: {text}", name=names[kind], text=reason))
            self._words[kind].setStyleSheet("" if can else f"color: {theme().muted};")

    def _why_not(self, kind: str) -> str:
        """Of a run that is asked with a video or audio, what lacks for these; else for sentences and images."""
        ways = self._ways
        asked = next((of for of in (ways.of_film, ways.of_sound) if "" in of.values()), ways.answers)
        return asked.get(kind) or ways.answers.get(kind, "")


def _names() -> dict[str, str]:
    """Each kind in a word."""
    return {
        "retrieve": tr("Search"), "classify": tr("Classify"), "caption": tr("Caption"), "generate": tr("Make images"),
        "transcribe": tr("Transcribe"), "localise": tr("Localise"), "reconstruct": tr("Reconstruct"), "align": tr("Align in time"),
    }  # fmt: skip


def _heard() -> dict[str, str]:
    """Why those can be given that can, where they are told of audio."""
    return {
        "retrieve": tr("it compares what you give with held-out samples."),
        "classify": tr("it names the class of audio."),
        "caption": tr("a block writes about audio, word by word."),
        "transcribe": tr("a block writes down what is said."),
        "localise": tr("a block says what is heard, and when."),
        "align": tr("each piece of a sentence is laid onto the audio."),
    }


def _seen() -> dict[str, str]:
    """Why those can be given that can, where they are told of a video."""
    return {
        "retrieve": tr("it compares what you give with held-out samples."),
        "classify": tr("it names the class of a video."),
        "caption": tr("a block writes about a video, word by word."),
        "localise": tr("a block says what is done, and when."),
        "align": tr("a block says by how much the audio of a video is late."),
    }


def _why() -> dict[str, str]:
    """Why those can be given that can."""
    return {
        "retrieve": tr("it compares what you give with held-out samples."),
        "classify": tr("it compares an image with the names of classes."),
        "caption": tr("a block writes about an image, word by word."),
        "generate": tr("a block makes images from seeds."),
        "reconstruct": tr("a block rebuilds the image that came in."),
        "align": tr("a block says by how much the audio of a video is late."),
    }
