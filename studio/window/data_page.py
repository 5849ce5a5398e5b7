"""The page of the data: a document's sources are looked at behind the window; a folder that is dropped becomes one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from core.graph import edits
from core.graph.document import Document
from core.graph.mixing import source_nodes
from studio.asking.advising import Sources, sources_of
from studio.asking.looking import DataLook
from studio.asking.playing_films import serve_reels
from studio.session import Session
from studio.window.dropping import with_folder
from widgets.data_panel import DataPanel
from widgets.look.language import tr
from widgets.look.titles import titles_of


class DataPage:
    """Fills the panel; ``reveal`` shows a node on the canvas."""

    def __init__(self, session: Session, reveal: Callable[[str], None]) -> None:
        self.panel = DataPanel()
        self._session, self._reveal = session, reveal
        self._look = DataLook(session.engine, self.panel)
        self._looked_at: Sources = ()
        self.panel.checkRequested.connect(session.look_again)
        session.lookedAgain.connect(self._look_again)
        self.panel.folderDropped.connect(self.take_folder)
        self.panel.cancelRequested.connect(self._look.stop)
        serve_reels(session.engine, self.panel.reelWanted, self.panel.take_reel)
        self.panel.fixRequested.connect(session.apply_fix)
        self._look.began.connect(self.panel.show_first)
        self._look.went.connect(self.panel.show_progress)
        session.documentChanged.connect(self.document_changed)

    def check(self) -> None:
        """Look at the document's dataset, behind the window."""
        document = self._session.document
        self._looked_at = sources_of(document)
        titles = titles_of(document)
        self.panel.set_sources({key: titles[key] for key in source_nodes(document)})
        source = self.panel.source
        if not source:
            self._look.stop()
            self.panel.show_absent()
            return
        self.panel.show_busy(titles.get(source, ""))
        self._look.start(document, source, partial(self._show_data, self._looked_at, source))

    def take_folder(self, folder: str, table: str = "") -> None:
        """A folder was dropped: the source that reads it gets it, with the table where one is named, and is looked at."""
        session, levels = self._session, self._session.levels
        *way, chosen = levels.place_of(self.panel.source)
        levels.go_to(way)
        document, source = with_folder(levels.document, Path(folder), chosen, session.vocabulary)
        if not source:
            session.say(tr("There are no images, audio or videos in that folder."), "warning")
            return
        names = {knob.name for knob in session.blocks.spec(document.nodes[source].block).knobs}
        if table and "table" in names:
            document = edits.set_knob(document, source, "table", table)
        levels.edit(document, tr("Choose a folder"))
        self._reveal(source)  # on the page of the design it is seen, and its settings with it
        self.check()
        self.panel.choose_source(levels.flat_of(source))
        self.check()

    def _look_again(self) -> None:
        if self.panel.isVisible():
            self.check()

    def document_changed(self, document: Document) -> None:
        """Another dataset while the page is open: it is looked at."""
        if self.panel.isVisible() and sources_of(document) != self._looked_at:
            self.check()

    def _show_data(self, looked_at: Sources, source: str, value: Any, sentence: str) -> None:
        if looked_at != self._looked_at or source != self.panel.source:
            return  # another drawing or source is looked at meanwhile
        if sentence:
            self.panel.show_refusal(sentence)
        else:
            self.panel.show_dataset(value)
