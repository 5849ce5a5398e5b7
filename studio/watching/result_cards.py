"""Pictures that say where they came from: exported with a result card, dropped on the window to come back to run and step.

A card of a run that is not here offers its experiment; a run of it that ends is told beside the card's scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtWidgets import QWidget

from core.exploring.card import ResultCard, card_of
from core.exploring.carriers import MOST_BYTES, carried, found_in
from core.graph.differences import drawing_difference, settings_difference
from core.graph.document import Document
from core.graph.file import loads
from core.graph.selection import selecting_series
from core.problems import Refused, refuse
from core.runs.verdict import figure, gap
from core.store.answers import RunFacts
from core.telemetry.events import ENDED
from studio.session import Session
from studio.telling.sentences import refusal
from studio.watching.card_contents import DATA, card_at, picture_of
from studio.window.frame import Frame
from widgets.look.files import save_file
from widgets.look.language import tr
from widgets.look.sides import metric_words
from widgets.monitors.monitor import Monitor

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.library import Library

KINDS = (".png", ".svg", ".gif", ".mp4", ".webm")
FILMS = (".mp4", ".webm")


class ResultCards(QObject):
    """Belongs to the window."""

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self._awaited: list[tuple[ResultCard, Document]] = []  # experiments that were opened to be reproduced
        self._told: set[str] = set()  # runs whose difference was said
        session.runsChanged.connect(self._compare)
        window.wall.when_filled(self._bind)

    def _bind(self) -> None:
        for monitor in self._window.wall.monitors.values():
            monitor.pictureRequested.connect(lambda monitor=monitor: self.save_monitor(monitor))

    # Saving

    def save_monitor(self, monitor: Monitor) -> None:
        """One card of the wall."""
        self.save(monitor, f"{tr(monitor.title)}.png", monitor.key)

    def save(self, widget: QWidget, name: str, shows: str = "") -> None:
        """Ask where to, and write a picture with the card of the watched run at the cursor."""
        path = save_file(
            self._window, tr("Save an image with its result card"), name, "PNG (*.png);;SVG (*.svg)", what="export"
        )
        if path:
            self.write(Path(path), widget, shows)

    def write(self, path: Path, widget: QWidget, shows: str = "") -> None:
        """A picture of a widget; with a card where a run is watched."""
        picture = picture_of(widget, path.suffix.lower())
        uid = self._session.watched
        try:
            if self._session.facts(uid) is not None:
                card = card_at(self._session.library, uid, self._window.cursor_step(), shows)
                picture = carried(picture, card.as_text())
            path.write_bytes(picture)
        except Refused as refused:
            self._session.say(refusal(refused), "error")
            return
        except OSError as error:
            self._session.say(
                tr("{path} cannot be written: {reason}.", path=str(path), reason=error.strerror or str(error)), "error"
            )
            return
        self._session.say(tr("Saved to {path}.", path=str(path)))

    # Opening

    def takes(self, urls: Sequence[QUrl]) -> bool:
        """Whether something that is dragged may carry a card."""
        return len(urls) == 1 and urls[0].isLocalFile() and Path(urls[0].toLocalFile()).suffix.lower() in KINDS

    def open(self, path: Path) -> None:
        """Come back to the run at its step, or offer to reproduce it; what is wrong with the file is said."""
        card = self._session.attempt(lambda: read_card(path))
        if card is None:
            return
        facts = self._session.facts(card.run)
        if facts is not None:
            self._window.show_page("train")
            self._session.watch(card.run, min(card.step, facts.step))
            self._session.say(tr("{name} at step {step}.", name=facts.name, step=f"{card.step:,}"))
            return
        if not card.document:
            self._session.say(
                tr(
                    "The run {run} is not in this library, and its experiment was too large for the image.",
                    run=card.run,
                ),
                "warning",
            )
            return
        document = self._session.attempt(lambda: loads(card.document))
        if document is None:
            return
        self._window.messages.show_message(
            tr("The run {name} is not in this library. Its experiment can be opened and trained again with seed {seed}; the difference is then told.",
               name=card.name or card.run, seed=card.seed),
            "warning",
            ((tr("Open its experiment"), lambda: self.reproduce(card, document)),),
        )  # fmt: skip

    def reproduce(self, card: ResultCard, document: Document) -> None:
        """Put the card's experiment on the canvas and wait for a run of it."""
        self._awaited.append((card, document))
        self._told |= {facts.uid for facts in self._session.runs}
        self._session.open_example(document)
        self._window.show_page("design")
        self._window.canvas.fit_all()

    def _compare(self, runs: Sequence[RunFacts]) -> None:
        """A run of an experiment that was opened from a card has ended: how far it is from the card."""
        if not self._awaited:
            return
        for facts in runs:
            if facts.status not in ENDED or facts.uid in self._told or facts.status != "finished":
                continue
            self._told.add(facts.uid)
            card = self._card_for(facts)
            if card is not None:
                self._session.say(reproduced(card, facts, self._session.library), "hint")

    def _card_for(self, facts: RunFacts) -> ResultCard | None:
        try:
            trained = loads(self._session.library.document_text(facts.uid))
        except Refused:
            return None
        for card, document in self._awaited:
            if not settings_difference([document, trained]) and drawing_difference(document, trained).is_same():
                return card
        return None


def read_card(path: Path) -> ResultCard:
    """The card of a file. Raises Refused."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise refuse(
                "This file is too large for an image with a result card.",
                hint="Drop an image that the studio exported.",
            )
        data = path.read_bytes()
        text = _text_in_film(data) if path.suffix.lower() in FILMS else found_in(data)
    except OSError as error:
        raise refuse(f"{path.name} cannot be read: {error.strerror or error}.") from None
    if not text:
        raise refuse("There is no result card in this file.", hint="Drop an image that the studio exported.")
    return card_of(text)


def reproduced(card: ResultCard, facts: RunFacts, library: Library) -> str:
    """The score of a run beside the card's, at the card's step."""
    series = selecting_series(card.scores) or next((name for name in ("loss", *card.scores) if name in card.scores), "")
    found = library.reader(facts.uid).value_at(series, card.step) if series else None
    data = ", ".join(str(value) for name, value in library.params(facts.uid).items() if name.startswith(DATA))
    if found is None:
        return tr("{name} has ended; the card has no score that it says, too.", name=facts.name)
    words = tr(
        "{name} at step {step}: {metric} {here}, on the card {there} ({difference}).", name=facts.name, step=f"{card.step:,}", metric=metric_words(series),
        here=figure(found[1], series), there=figure(card.scores[series], series), difference=signed(found[1] - card.scores[series], series),
    )  # fmt: skip
    return words if not card.data or card.data == data else f"{words} {tr('It learned from other data.')}"


def signed(value: float, series: str) -> str:
    """A difference with its sign; zero says that nothing differs."""
    if value == 0:
        return tr("the same")
    return f"{'+' if value > 0 else '−'}{gap(abs(value), series)}"


def _text_in_film(data: bytes) -> str:
    from core.exploring.films import text_in_film  # PyAV

    return text_in_film(data)
