"""A look at a document's dataset: counts, samples, unreadable files and the split check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.compiler.portraits import open_source, portrait
from core.data.base import Source
from core.graph.dataset import DatasetFacts, Specimen
from core.graph.document import Document

SAMPLES_A_SPLIT, PAIRS = 12, 24


def survey(document: Document, source_node: str = "") -> DatasetFacts:
    """Open the document's source (of several the named one) and check it; seconds for a few thousand pictures. Raises Refused."""
    source = open_source(document, source_node)
    report = source.report()
    split_of = {index: split for split, indices in source.splits().items() for index in indices}
    chosen = [index for indices in source.splits().values() for index in _spread(indices)]
    return DatasetFacts(
        title=source.title, counts={split: len(indices) for split, indices in source.splits().items()},
        specimens=tuple(specimen for index in chosen if (specimen := portrait(source, index, split_of))),
        problems=report.problems, left_out=report.left_out, shared_groups=report.shared_groups,
        exact_duplicates=_pairs(source, report.exact_duplicates, split_of),
        near_duplicates=_pairs(source, report.near_duplicates, split_of), facts=report.facts,
        sounds=report.sounds,
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
