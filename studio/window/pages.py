"""The pages in the middle of the window, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtWidgets import QStackedWidget, QWidget

from core.graph import edits
from core.graph.document import Document
from core.graph.mixing import source_nodes
from studio.asking.advising import Sources, sources_of
from studio.asking.looking import DataLook
from studio.open.documents import examples, in_language
from studio.session import Session
from studio.window.cards import gallery_cards
from studio.window.dropping import with_folder
from widgets.canvas.view import CanvasView
from widgets.data_panel import DataPanel
from widgets.gallery import Gallery
from widgets.look.language import tr
from widgets.look.titles import titles_of


@dataclass
class Pages:
    """Design, data, train, inspect, query, runs, sweeps and the gallery."""

    session: Session
    canvas: CanvasView
    others: Mapping[str, QWidget]  # page -> what fills it; the data page and the gallery are made here
    late: Mapping[str, Callable[[], QWidget]]  # page -> what makes it, when it is first shown
    first: Mapping[
        str, Callable[[], QWidget]
    ]  # page -> who gets the keys when it is opened, where that is not the whole page
    show_page: Callable[[str], None]
    current: str = ""
    before: str = "design"  # the page that the gallery was opened from
    _looked_at: Sources = ()
    TITLES: ClassVar[dict[str, str]] = {
        "design": "Design", "data": "Data", "train": "Train", "inspect": "Inspect", "query": "Query", "runs": "Runs", "sweeps": "Sweeps",
    }  # fmt: skip

    def fill(self, stack: QStackedWidget) -> None:
        """Put the pages on the stack that are there from the start."""
        self.data = DataPanel()
        self._look = DataLook(self.session.engine, self.data)
        self._widgets: dict[str, QWidget] = {"design": self.canvas, "data": self.data, **self.others}
        for widget in self._widgets.values():
            stack.addWidget(widget)
        self.data.checkRequested.connect(self.session.look_again)
        self.session.lookedAgain.connect(self._look_again)
        self.data.folderDropped.connect(self.take_folder)
        self.data.cancelRequested.connect(self._look.stop)
        self.data.fixRequested.connect(self.session.apply_fix)
        self._look.began.connect(self.data.show_first)
        self._look.went.connect(self.data.show_progress)
        self.session.documentChanged.connect(self.document_changed)

    @cached_property
    def gallery(self) -> Gallery:
        """Made when it is first shown."""
        gallery = Gallery()
        gallery.chosen.connect(self.open_example)
        gallery.left.connect(lambda: self.show_page(self.before))
        return gallery

    def _page(self, key: str, stack: QStackedWidget) -> QWidget:
        if key not in self._widgets:
            self._widgets[key] = page = self.gallery if key == "gallery" else self.late[key]()
            stack.addWidget(page)
        return self._widgets[key]

    def show(self, key: str, stack: QStackedWidget) -> None:
        """Bring a page to the front and fill it where it is filled late."""
        if key == "gallery" and self.current and self.current != "gallery":
            self.before = self.current
        self.current = key
        stack.setCurrentWidget(self._page(key, stack))
        if key == "gallery":
            self.gallery.set_cards(gallery_cards(self.session.vocabulary))
        if key == "data":
            self.check_data()

    def focus(self, key: str) -> QWidget:
        """Who gets the keys when a page is opened."""
        return self.first[key]() if key in self.first else self._widgets[key]

    def open_example(self, key: str) -> None:
        """A fresh copy of an example on the page Design."""
        found = next((example for example in examples() if example.key == key), None)
        if found is not None:
            self.session.open_example(in_language(found.document))
            self.show_page("design")
            self.canvas.fit_all()

    def check_data(self) -> None:
        """Look at the document's dataset, behind the window."""
        document = self.session.document
        self._looked_at = sources_of(document)
        titles = titles_of(document)
        self.data.set_sources({key: titles[key] for key in source_nodes(document)})
        source = self.data.source
        if not source:
            self._look.stop()
            self.data.show_absent()
            return
        self.data.show_busy(titles.get(source, ""))
        self._look.start(document, source, partial(self._show_data, self._looked_at, source))

    def take_folder(self, folder: str, table: str = "") -> None:
        """A folder was dropped: the source that reads it gets it, with the table where one is named, and is looked at."""
        session, levels = self.session, self.session.levels
        *way, chosen = levels.place_of(self.data.source)
        levels.go_to(way)
        document, source = with_folder(levels.document, Path(folder), chosen, session.vocabulary)
        if not source:
            session.say(tr("There are no images, audio or videos in that folder."), "warning")
            return
        names = {knob.name for knob in session.blocks.spec(document.nodes[source].block).knobs}
        if table and "table" in names:
            document = edits.set_knob(document, source, "table", table)
        levels.edit(document, tr("Choose a folder"))
        self.canvas.reveal(source)  # on the page of the design it is seen, and its settings with it
        self.check_data()
        self.data.choose_source(levels.flat_of(source))
        self.check_data()

    def _look_again(self) -> None:
        if self.current == "data":
            self.check_data()

    def document_changed(self, document: Document) -> None:
        """Another dataset while the page is open: it is looked at."""
        if self.current == "data" and sources_of(document) != self._looked_at:
            self.check_data()

    def _show_data(self, looked_at: Sources, source: str, value: Any, sentence: str) -> None:
        if looked_at != self._looked_at or source != self.data.source:
            return  # another drawing or source is looked at meanwhile
        if sentence:
            self.data.show_refusal(sentence)
        else:
            self.data.show_dataset(value)
