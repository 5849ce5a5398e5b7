"""A look at a document's dataset: counts, samples, unreadable files and the split check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.compiler.build import build_source
from core.data.base import Source
from core.data.catalog import sources
from core.graph.dataset import DatasetFacts, Specimen
from core.graph.document import Document
from core.problems import Refused, refuse

SAMPLES_A_SPLIT, PAIRS = 12, 24


def survey(document: Document) -> DatasetFacts:
    """Open the document's source and check it; seconds for a few thousand pictures. Raises Refused."""
    node = next((n for n in document.nodes.values() if n.block in sources and not n.muted), None)
    if node is None:
        raise refuse("This drawing has no data source.", hint="Add one from Sources.")
    source = build_source(node)
    source.open()
    report = source.report()
    split_of = {index: split for split, indices in source.splits().items() for index in indices}
    chosen = [index for indices in source.splits().values() for index in _spread(indices)]
    return DatasetFacts(
        title=source.title, counts={split: len(indices) for split, indices in source.splits().items()},
        specimens=tuple(specimen for index in chosen if (specimen := _specimen(source, index, split_of))),
        problems=report.problems, shared_groups=report.shared_groups,
        exact_duplicates=_pairs(source, report.exact_duplicates, split_of),
        near_duplicates=_pairs(source, report.near_duplicates, split_of), facts=report.facts,
    )  # fmt: skip


def _spread(indices: Sequence[int]) -> list[int]:
    places = np.linspace(0, len(indices) - 1, min(SAMPLES_A_SPLIT, len(indices))).astype(int)
    return [int(indices[place]) for place in places]


def _pairs(
    source: Source, pairs: Sequence[tuple[int, int]], split_of: dict[int, str]
) -> tuple[tuple[Specimen, Specimen], ...]:
    found = []
    for left, right in list(pairs)[:PAIRS]:
        a, b = _specimen(source, left, split_of), _specimen(source, right, split_of)
        if a is not None and b is not None:
            found.append((a, b))
    return tuple(found)


def _specimen(source: Source, index: int, split_of: dict[int, str]) -> Specimen | None:
    try:
        values = source.sample(index)
    except Refused:
        return None  # it is among the problems
    picture = next((v for v in values.values() if isinstance(v, torch.Tensor) and v.ndim == 3), None)
    shown = None if picture is None else (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
    return Specimen(
        split=split_of.get(index, ""), sentence=source.label(index), group=source.group(index), picture=shown
    )
