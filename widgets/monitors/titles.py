"""The titles that a run's blocks had on the canvas when it began, read once from the document in the store."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from core.graph.document import Document
from core.graph.file import loads
from core.graph.selection import BETWEEN, task_of, without_task
from core.problems import Refused
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.titles import titles_of

_documents: WeakKeyDictionary[RunReader, Document] = WeakKeyDictionary()  # the reader's thread only


def run_titles(reader: RunReader) -> dict[str, str]:
    """A title for every block of a run, by node; empty where its document cannot be read any more."""
    if reader not in _documents:
        try:
            _documents[reader] = loads(reader.document_text())
        except Refused:
            _documents[reader] = Document()
    return titles_of(_documents[reader])


def title(titles: Mapping[str, str], node: str) -> str:
    """A block as it is called on the canvas, with the task that is told of it; its key in words where the document lacks it."""
    if task := task_of(node):
        return f"{title(titles, without_task(node))}{BETWEEN}{tr(task)}"
    return titles.get(node) or node.replace("_", " ")
