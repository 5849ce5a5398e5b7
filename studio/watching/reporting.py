"""The report of a library: pinned from its pages with the runs, steps and data they show; kept beside the runs, and exported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from core.exploring.pages import as_html, as_markdown
from core.exploring.report import MOST_BYTES, MOST_SOURCES, Figure, Report, Source, dumped, loaded
from core.problems import Refused, refuse
from core.store.answers import RunFacts
from studio.session import Session
from studio.telling.sentences import refusal
from studio.watching.card_contents import DATA, picture_of
from widgets.library.library import LibraryView
from widgets.look.language import tr

KEPT_MILLISECONDS = 800  # after the last change
NAME = "report.json"  # in the folder of the store's files


class Reporting(QObject):
    """Belongs to the window."""

    def __init__(self, session: Session, library: LibraryView) -> None:
        super().__init__(library)
        self._session, self._library = session, library
        self._own_place: Path | None = None  # where it is kept since another window wrote the report of this store
        self._stamp = _stamp(self.place)
        self._keep = QTimer(self, singleShot=True, interval=KEPT_MILLISECONDS)
        self._keep.timeout.connect(self.keep)
        report = library.report
        library.pinRequested.connect(self.pin)
        report.changed.connect(lambda _: self._keep.start())
        report.exportRequested.connect(lambda path: self.export(Path(path)))
        report.saveRequested.connect(
            lambda path: self._written(
                Path(path), lambda place: place.write_text(dumped(report.report()), encoding="utf-8")
            )
        )
        report.openRequested.connect(lambda path: self.open(Path(path)))
        if self.place.is_file():
            self.open(self.place)

    @property
    def place(self) -> Path:
        """Where the report lies between sessions; once two windows have written one, each has its own."""
        return self._own_place or self._session.store.files / NAME

    def pin(self, page: QWidget, caption: str, runs: Sequence[RunFacts]) -> None:
        """A page of the library as it is seen now, at the end of the report."""
        told = tuple(self._source(facts) for facts in runs[:MOST_SOURCES])
        figure = Figure(
            caption=caption, png=picture_of(page, ".png"), sources=told, more=max(0, len(runs) - MOST_SOURCES),
            pinned=time.strftime("%Y-%m-%d %H:%M"),
        )  # fmt: skip
        report = self._library.report
        report.set_report(report.report())  # nothing is chosen: it goes to the end
        report.add(figure)
        self._session.say(tr("Pinned to the report."))

    def _source(self, facts: RunFacts) -> Source:
        try:
            params = self._session.library.params(facts.uid)
        except Refused:
            params = {}
        data = ", ".join(str(value) for name, value in params.items() if name.startswith(DATA))
        return Source(run=facts.uid, name=facts.name, step=facts.step, data=data)

    def keep(self) -> None:
        """Write it down beside the runs."""
        report = self._library.report.report()
        if report == Report() and not self.place.exists():
            return
        if _stamp(self.place) != self._stamp:
            self._part_ways()
        try:
            part = self.place.with_suffix(".part")
            part.write_text(dumped(report), encoding="utf-8")
            part.replace(self.place)
            self._stamp = _stamp(self.place)
        except OSError as error:
            self._session.say(
                tr("{path} cannot be written: {reason}.", path=str(self.place), reason=error.strerror or str(error)),
                "warning",
            )

    def _part_ways(self) -> None:
        """Another window has written this report since: neither is lost, and it is said where this one is now."""
        theirs = self.place
        names = (theirs.with_name(f"{theirs.stem}-{n}{theirs.suffix}") for n in range(2, 10_000))
        self._own_place = next(place for place in names if not place.exists())
        self._session.say(
            tr(
                "Another window has changed the report of this store, which stays as it is. This one is kept in {path}.",
                path=str(self._own_place),
            ),
            "warning",
        )

    def open(self, path: Path) -> None:
        """Another report; what is wrong with the file is said."""
        try:
            if path.stat().st_size > MOST_BYTES:
                raise refuse("This file is too large for a report.", hint="Choose a report that the studio wrote.")
            found = loaded(path.read_text(encoding="utf-8", errors="replace"))
        except Refused as refused:
            self._session.say(refusal(refused), "error")
            return
        except OSError as error:
            self._session.say(
                tr("{path} cannot be read: {reason}.", path=str(path), reason=error.strerror or str(error)), "error"
            )
            return
        self._library.report.set_report(found)

    def export(self, path: Path) -> None:
        """One HTML file, or Markdown with its figures beside it."""
        report = self._library.report.report()

        def write(place: Path) -> None:
            if place.suffix.lower() != ".md":
                place.write_text(as_html(report), encoding="utf-8")
                return
            text, files = as_markdown(report, place.stem)
            for name, data in files.items():
                (place.parent / name).write_bytes(data)
            place.write_text(text, encoding="utf-8")

        self._written(path, write)

    def _written(self, path: Path, write: Callable[[Path], object]) -> None:
        try:
            write(path)
        except OSError as error:
            self._session.say(
                tr("{path} cannot be written: {reason}.", path=str(path), reason=error.strerror or str(error)), "error"
            )
            return
        self._session.say(tr("Saved to {path}.", path=str(path)))

    def close(self) -> None:
        """What was not yet written is written."""
        if self._keep.isActive():
            self._keep.stop()
            self.keep()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells one writing of a file from another; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
