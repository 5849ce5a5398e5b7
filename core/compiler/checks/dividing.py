"""Whether a run can be shared by several processes: known before the run, from the recipe and the drawing."""

from __future__ import annotations

from core.blocks.catalog import blocks
from core.compiler.resolve import Resolved
from core.data.order import packs_rows
from core.graph.document import Document
from core.problems import Fix, Problem

ONE = Fix(text="Train in one process", edit="set_recipe", arguments={"processes": 1})
CHUNKS = 4  # of plain accumulation, where it is not said


def dividing_problems(document: Document, resolved: Resolved) -> list[Problem]:
    """Batches that cannot be divided evenly, and what would learn from one process's part alone."""
    if (processes := document.recipe.processes) < 2:
        return []
    if packs_rows(document.recipe.batching.key):
        return [*_packs(document, resolved), *_adaptive(document, resolved)]
    sources = [key for key in resolved.order if resolved.specs[key].role == "source"]
    found = [problem for source in sources if (problem := _uneven(document, source, processes))]
    return [*found, *_adaptive(document, resolved)]


def _adaptive(document: Document, resolved: Resolved) -> list[Problem]:
    """Weights that are measured at a layer of which no process has all."""
    return [
        Problem(
            what="An adaptive weight is measured at a last layer, of which sharded weights leave each process a part.", node=key,
            hint="Fix the weight, or keep whole weights in each process.",
        )
        for key in resolved.order
        if document.recipe.sharded and document.nodes[key].knobs.get("adaptive")
    ]  # fmt: skip


def _packs(document: Document, resolved: Resolved) -> list[Problem]:
    """Processes have unequal numbers of samples: whatever takes a mean of its own part, or as many turns as it has parts, is refused."""
    on, found = document.recipe.callbacks, []
    if "accumulation" in on and "gradient_cache" not in on:
        found.append(Problem(
            what="Plain accumulation cuts packs, and processes with fewer samples would have fewer parts.", node="recipe",
            hint="Use gradient caching, or one process.", fix=ONE,
        ))  # fmt: skip
    if "gradient_cache" in on and document.recipe.sharded:
        found.append(Problem(
            what="With packs processes run unequal numbers of parts, and sharded weights are gathered for each of them.", node="recipe",
            hint="Switch gradient caching off, or keep whole weights in each process.", fix=ONE,
        ))  # fmt: skip
    read = {end.node for ends in resolved.inputs.values() for port, end in ends.items() if port == "loss"}
    for key in resolved.order:
        block = document.nodes[key].block
        if key in read or (block in blocks and getattr(blocks[block], "opposed", False)):
            found.append(Problem(
                what="What this block gives is a mean over one process's part, and packs make parts unequal.", node=key,
                hint="Choose another way of batching, or one process.", fix=ONE,
            ))  # fmt: skip
    return found


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
