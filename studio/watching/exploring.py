"""What the table of runs needs read: names, settings and figures, behind the window; and the view that a person left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from core.exploring.fields import Known
from core.exploring.ledger import Ledger, Values
from core.exploring.views import MOST_BYTES, MOST_LETTERS, MOST_VIEWS, View, dumped, loaded
from core.graph.file import loads
from core.problems import Refused
from studio.session import Session
from studio.watching.parallel_runs import ParallelRuns
from widgets.library.library import LibraryView
from widgets.library.setting_names import Titles
from widgets.look.language import tr
from widgets.look.titles import titles_of

KEPT_MILLISECONDS = 500  # after the last change of a view
LAST = ""  # the name of the view that was left


class Exploring(QObject):
    """One question at a time; a newer one makes the one that is being answered stop early."""

    def __init__(self, session: Session, library: LibraryView) -> None:
        super().__init__(library)
        self._session, self._library = session, library
        self._ledger = Ledger(session.store)
        self.parallel = ParallelRuns(library.groups)
        self._known, self._titles = Known(), Titles()
        self._newest, self._is_busy, self._waits = 0, False, False
        self._keep = QTimer(self, singleShot=True, interval=KEPT_MILLISECONDS)
        self._keep.timeout.connect(self.keep)
        self.views = self._kept()
        last = next((view for view in self.views if view.name == LAST), None)
        library.namesWanted.connect(self.read)
        library.fieldsWanted.connect(self.read)
        if last is not None:
            library.apply_view(last)
        library.viewChanged.connect(self._keep.start)
        library.views_button.set_views(self.views)
        library.views_button.saveRequested.connect(self.save)
        library.views_button.removeRequested.connect(self.remove)
        library.views_button.exportRequested.connect(self.export)
        library.views_button.importRequested.connect(self.bring)
        session.vocabularyChanged.connect(lambda _: self.read() if library.fields() else None)

    def read(self, *_: object) -> None:
        """Names, and what is needed of every run."""
        self._newest += 1
        if self._is_busy:
            self._waits = True
            return
        self._is_busy = True
        turn, fields, runs = self._newest, self._library.fields(), tuple(self._session.runs)
        words = self._session.vocabulary

        def goes_on() -> bool:
            return turn == self._newest and not self._session.engine.is_closed

        def question() -> tuple[Known, tuple[str, ...], Titles, Values]:
            known = self._ledger.known()
            read = self._ledger.read(fields, runs, words, goes_on)
            return known, self._ledger.varied(), self._titled(known, words), read

        self._session.engine.glance(question, self._answered)

    def _answered(self, found: tuple[Known, tuple[str, ...], Titles, Values] | None, sentence: str) -> None:
        self._is_busy = False
        if found is None:
            self._session.say(sentence, "warning")
            return
        known, varied, self._titles, values = found
        self._known = known
        self._library.set_values(values, self._titles)
        self._library.set_known(known, self._titles, varied)
        if self._waits:
            self._waits = False
            self.read()

    def _titled(self, known: Known, words: object) -> Titles:
        """What blocks are called by the newest document that has them; read once for each name."""
        nodes = {name.partition(".")[0] for name in known.settings if "." in name}
        if nodes <= set(self._titles.nodes) and self._titles.words is words:
            return self._titles
        titles: dict[str, str] = {}
        blocks: dict[str, str] = {}
        for text in dict.fromkeys(self._ledger.documents(sorted(nodes)).values()):
            try:
                document = loads(text)
            except Refused:
                continue
            titles |= titles_of(document)
            blocks |= {key: node.block for key, node in document.nodes.items()}
        return Titles(nodes=titles, blocks=blocks, words=self._session.vocabulary)

    # Views

    def _kept(self) -> tuple[View, ...]:
        text = self._session.preferences.runs_view
        try:
            return loaded(text) if text else ()
        except Refused:
            return ()

    def keep(self) -> None:
        """Write down what is looked at, beside the views with a name."""
        self._put(replace(self._library.view_now(), name=LAST, grouped=False))

    def save(self, name: str) -> None:
        """What is looked at, under a name; the same name again replaces it."""
        self._put(self._library.view_now(name[:MOST_LETTERS]))
        self._session.say(tr("The view {name} is kept.", name=name))

    def remove(self, name: str) -> None:
        """A view that is no longer wanted."""
        self._take(tuple(view for view in self.views if view.name != name))

    def export(self, path: str) -> None:
        """Every view with a name, as a file."""
        named = [view for view in self.views if view.name]
        try:
            Path(path).write_text(dumped(named), encoding="utf-8")
        except OSError as error:
            self._session.say(
                tr("{path} cannot be written: {reason}.", path=path, reason=error.strerror or str(error)), "error"
            )
            return
        self._session.say(tr("{n} views were written to {path}.", n=len(named), path=path))

    def bring(self, path: str) -> None:
        """The views of a file, beside those that are here; of one name the file's."""
        try:
            size = Path(path).stat().st_size
            text = "" if size > MOST_BYTES else Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            self._session.say(
                tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror or str(error)), "error"
            )
            return
        found = self._session.attempt(lambda: loaded(text))
        if found is not None:
            named = [view for view in found if view.name]
            for view in named:
                self._put(view)
            self._session.say(tr("{n} views were read.", n=len(named)))

    def _put(self, view: View) -> None:
        self._take((view, *(other for other in self.views if other.name != view.name)))

    def _take(self, views: tuple[View, ...]) -> None:
        self.views = views[:MOST_VIEWS]
        self._library.views_button.set_views(sorted(self.views, key=lambda view: view.name.casefold()))
        self._session.preferences.runs_view = dumped(self.views)

    def close(self) -> None:
        """Whatever is read stops soon."""
        self._newest += 1
        if self._keep.isActive():
            self._keep.stop()
            self.keep()
