"""A look at a document's dataset: counts, samples, unreadable files and the split check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.compiler.portraits import open_source, portrait
from core.data.base import UNWATCHED, Source, Watch
from core.data.contents import Cancelled
from core.data.report import shared_groups
from core.graph.dataset import DatasetFacts, Specimen
from core.graph.document import Document
from core.problems import Problem

SAMPLES_A_SPLIT, PAIRS = 12, 24


def survey(
    document: Document,
    source_node: str = "",
    *,
    first: Callable[[DatasetFacts], None] = lambda facts: None,
    watch: Watch = UNWATCHED,
) -> DatasetFacts:
    """Open the document's source (of several the named one) and check it. Raises Refused.

    ``first`` is told what tables, folders and names tell and how a few samples look, before every sample is read; where that is
    stopped, this is what is given.
    """
    source = open_source(document, source_node)
    split_of = {index: split for split, indices in source.splits().items() for index in indices}
    chosen = [index for indices in source.splits().values() for index in _spread(indices)]
    groups = shared_groups(source, source.splits().items())
    known = DatasetFacts(
        title=source.title, counts={split: len(indices) for split, indices in source.splits().items()},
        specimens=tuple(specimen for index in chosen if (specimen := portrait(source, index, split_of))),
        problems=source.problems(), left_out=source.left_out(), shared_groups=groups, facts=source.facts(),
        of_frames=source.modality == "video" and "image" in source.compared, is_checked=False,
        mend=mending(source, source_node, bool(groups)),
    )  # fmt: skip
    first(known)
    try:
        report = source.report(watch)
    except Cancelled:
        return known
    return replace(
        known, problems=report.problems, left_out=report.left_out, shared_groups=report.shared_groups,
        exact_duplicates=_pairs(source, report.exact_duplicates, split_of),
        near_duplicates=_pairs(source, report.near_duplicates, split_of), facts=report.facts, sounds=report.sounds,
        is_checked=True, mend=mending(source, source_node, bool(report.shared_groups or report.exact_duplicates)),
    )  # fmt: skip


def mending(source: Source, node: str, leaks: bool) -> Problem | None:
    """What to do where one thing is in two splits."""
    fix = source.mend() if leaks and node else None
    if fix is None:
        return None
    return Problem(
        what="The splits share what they should be told apart by.", node=node, severity="warning",
        hint="Nothing of one recording, and no equal file, is then in two splits.",
        fix=replace(fix, arguments={**fix.arguments, "node": node}),
    )  # fmt: skip


def _spread(indices: Sequence[int]) -> list[int]:
    places = np.linspace(0, len(indices) - 1, min(SAMPLES_A_SPLIT, len(indices))).astype(int)
    return [int(indices[place]) for place in places]


def _pairs(
    source: Source, pairs: Sequence[tuple[int, int]], split_of: dict[int, str]
) -> tuple[tuple[Specimen, Specimen], ...]:
    found = []
    for left, right in list(pairs)[:PAIRS]:
        a, b = portrait(source, left, split_of), portrait(source, right, split_of)
        if a is not None and b is not None:
            found.append((a, b))
    return tuple(found)
