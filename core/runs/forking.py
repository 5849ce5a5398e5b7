"""What a run's checkpoint would give to a fork with another drawing, read before anything is begun."""

from __future__ import annotations

from pathlib import Path

from core.compiler.compile import compile
from core.compiler.weights import read_state
from core.graph.document import Document
from core.graph.file import loads
from core.graph.inheritance import Inheritance
from core.graph.subgraphs.flat import flat_document
from core.problems import refuse
from core.store.library import Library
from core.store.resuming import saved_at
from core.training.fitting import kept_at
from core.training.forking import foreseen


def foreseen_fork(library: Library, uid: str, step: int, document: Document) -> Inheritance:
    """Every part of the newest checkpoint at or before a step, and of the drawing. Raises Refused where there is none."""
    found = saved_at(library, uid, step)
    if found is None:
        raise refuse(f"The run {uid} has no checkpoint at or before step {step}.")
    folder = Path(found.path)
    before = flat_document(loads(library.document_text(uid)))
    return foreseen(compile(document), kept_at(folder, read_state(folder), before))
