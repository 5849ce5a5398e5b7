"""Whether a run can be shared by several processes: known before the run, from the recipe and the drawing."""

from __future__ import annotations

from core.compiler.resolve import Resolved
from core.data.order import batchings
from core.graph.document import Document
from core.problems import Fix, Problem

ONE = Fix(text="Train in one process", edit="set_recipe", arguments={"processes": 1})
CHUNKS = 4  # of plain accumulation, where it is not said


def dividing_problems(document: Document, resolved: Resolved) -> list[Problem]:
    """Batches that cannot be divided evenly, rows that hold several samples, and what learns from one process's part alone."""
    if (processes := document.recipe.processes) < 2:
        return []
    sources = [key for key in resolved.order if resolved.specs[key].role == "source"]
    found = [problem for source in sources if (problem := _uneven(document, source, processes))]
    batching = document.recipe.batching.key
    if batching in batchings and batchings[batching].packs_rows:
        found.append(
            Problem(
                what="Packed batches cannot be divided among processes: a pack is one row.",
                node="recipe", hint="Choose another way of batching, or one process.", fix=ONE,
            )
        )  # fmt: skip
    return [
        *found,
        *(
            Problem(
                what="An adaptive weight is measured in one process's part of the batch.", node=key,
                hint="Fix the weight, or train in one process.", fix=ONE,
            )
            for key in resolved.order
            if document.nodes[key].knobs.get("adaptive")
        ),
    ]  # fmt: skip


def _parts(document: Document) -> int:
    """Parts that a step is run in, each of which is divided."""
    on = document.recipe.callbacks
    if "accumulation" not in on or "gradient_cache" in on:
        return 1
    chunks = on["accumulation"].get("chunks", CHUNKS)
    return chunks if isinstance(chunks, int) and chunks > 0 else 1


def _uneven(document: Document, source: str, processes: int) -> Problem | None:
    batch = document.recipe.batch_of(source)
    parts = _parts(document)
    even = processes * parts
    if batch >= even and batch % even == 0:
        return None
    nearest = max(batch // even, 1) * even
    what = f"A batch of {batch:,} cannot be divided evenly among {processes:,} processes."
    if parts > 1:
        what = f"A batch of {batch:,} in {parts:,} parts cannot be divided evenly among {processes:,} processes."
    is_own = document.recipe.mix.part(source).batch_size is not None
    fix = Fix(text=f"Use a batch of {nearest:,}", edit="set_recipe", arguments={"batch_size": nearest})
    return Problem(
        what=what, node=source if is_own else "recipe", hint=f"Choose {nearest:,}.", fix=None if is_own else fix
    )
