"""One stage of a document as a run of its own, which begins from the checkpoint of the stage before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.graph.document import Document
from core.graph.file import loads
from core.graph.staging import alone, is_stage_of
from core.problems import Refused, refuse
from core.runs.launch import queue
from core.store.answers import RunFacts

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.library import Library


def queue_stage(
    library: Library, document: Document, number: int, *, name: str = "", place: str = "thread", waits: bool = False
) -> RunFacts:
    """A new run of a stage (0 is the first). Raises Refused where there is no such stage, or the one before it left no checkpoint."""
    stages = document.recipe.stages
    if not 0 <= number < len(stages):
        raise refuse(
            f"There is no stage {number + 1}: the training recipe has {len(stages)}.",
            hint="Add stages to the training recipe, or name one that is there.",
        )
    parent, step = _left_by(library, document, number - 1) if number else ("", 0)
    title = f"{document.name} · {number + 1} {stages[number].name}"
    return queue(
        library, alone(document, number), name=name, title=title, place=place, waits=waits, parent=parent, parent_step=step
    )  # fmt: skip


def _left_by(library: Library, document: Document, number: int) -> tuple[str, int]:
    """The newest run of a stage that kept a checkpoint, and the step of its last."""
    for facts in library.runs():
        if facts.document_id != document.id or not _trained(library, facts.uid, document, number):
            continue
        kept = [each.step for each in library.reader(facts.uid).checkpoints() if each.kept]
        if kept:
            return facts.uid, max(kept)
    name = document.recipe.stages[number].name
    raise refuse(
        f"Stage {number + 1}, {name}, has no checkpoint to begin from.", hint=f"Run stage {number + 1} by itself first."
    )


def _trained(library: Library, uid: str, document: Document, number: int) -> bool:
    try:
        return is_stage_of(loads(library.document_text(uid)), document, number)
    except Refused:  # a document of a later version
        return False
