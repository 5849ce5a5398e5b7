"""Zero-shot classes for the image in the well: their names and prompts, typed or left to the data."""

from __future__ import annotations

import re

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip

_WIDE = str.maketrans({"，": ",", "、": ",", "；": ";", "\n": ","})


def names_of(text: str) -> tuple[str, ...]:
    """Typed class names, each once: parted by semicolons, or where there is none, by commas."""
    text = text.translate(_WIDE)
    found: dict[str, str] = {}
    for part in text.split(";" if ";" in text else ","):
        name = re.sub(r"\s+", " ", part).strip(" ,")
        if name:
            found.setdefault(name.casefold(), name)
    return tuple(found.values())


class ClassesForm(QWidget):
    """Asks for the class of an image, or of audio."""

    classesWanted = Signal(str, str)  # names and prompts as they were typed; empty: the data's own

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names, self.prompts, self.button = QLineEdit(), QLineEdit(), QPushButton(tr("Classify the image"))
        self._title = QLabel(tr("Or classify the image among these classes"))
        self._title.setProperty("muted", True)
        self._title.setWordWrap(True)
        self.names.setPlaceholderText(tr("cat; red heart; empty: the data's classes"))
        self.names.setAccessibleName(tr("Class names, separated by commas or semicolons"))
        self.names.setToolTip(tr("Class names, separated by commas or semicolons"))
        self.prompts.setPlaceholderText(tr("Prompts; empty: those of the run"))
        self.prompts.setAccessibleName(tr("Prompts, separated by semicolons; {} becomes the class name"))
        self.prompts.setToolTip(tr("Prompts, separated by semicolons; {} becomes the class name"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self._title, self.names, self.prompts, self.button):
            column.addWidget(widget)
        for field in (self.names, self.prompts):
            field.setClearButtonEnabled(True)
            field.returnPressed.connect(self._want)
        self.button.clicked.connect(self._want)

    def set_possible(self, why_not: str, *, of_sound: bool = False) -> None:
        """Let it be asked, or say why not."""
        self.button.setText(tr("Classify the audio") if of_sound else tr("Classify the image"))
        self._title.setText(
            tr("Or classify the audio among these classes")
            if of_sound
            else tr("Or classify the image among these classes")
        )
        self.button.setEnabled(not why_not)
        self.button.setToolTip(plain_tip(why_not))

    def _want(self) -> None:
        if self.button.isEnabled():
            self.classesWanted.emit(self.names.text().strip(), self.prompts.text().strip())
