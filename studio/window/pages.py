"""The pages in the middle of the window, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from PySide6.QtWidgets import QStackedWidget, QWidget

from studio.open.documents import examples, in_language
from studio.session import Session
from studio.window.cards import gallery_cards
from widgets.canvas.view import CanvasView
from widgets.gallery import Gallery


@dataclass
class Pages:
    """Design, data, train, inspect, query, runs, sweeps and the gallery."""

    session: Session
    canvas: CanvasView
    others: Mapping[str, QWidget]  # page -> what fills it
    late: Mapping[str, Callable[[], QWidget]]  # page -> what makes it, when it is first shown
    first: Mapping[
        str, Callable[[], QWidget]
    ]  # page -> who gets the keys when it is opened, where that is not the whole page
    show_page: Callable[[str], None]
    current: str = ""
    before: str = "design"  # the page that the gallery was opened from
    TITLES: ClassVar[dict[str, str]] = {
        "design": "Design", "data": "Data", "train": "Train", "inspect": "Inspect", "query": "Query", "runs": "Runs", "sweeps": "Sweeps",
    }  # fmt: skip

    def fill(self, stack: QStackedWidget) -> None:
        """Put the pages on the stack that are there from the start."""
        self._widgets: dict[str, QWidget] = {"design": self.canvas, **self.others}
        for widget in self._widgets.values():
            stack.addWidget(widget)

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
