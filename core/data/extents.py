"""How large samples are, before they are grouped: subwords of a sentence, patches of a picture. Measured once, as in evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.data.base import Patches, Pieces
from core.data.batch import Key
from core.data.order import Extent
from core.data.pipeline import SampleGraph
from core.problems import Refused, refuse

ONE_SIZE = "Samples here all have one size, so batches cannot go by it."
ONE_SIZE_HINT = "Choose fixed batches, keep image sizes, or cut captions into subwords."
MEASURED = ("pictures", "text")  # kinds of ends whose size counts, the first that a batch carries


def extents(graph: SampleGraph, indices: Sequence[int]) -> list[Extent]:
    """Of these samples, in this order. Raises Refused where a batch carries nothing whose size differs.

    A sample that cannot be read is set aside and counts one token: another takes its place.
    """
    end = measured_end(graph)
    known = graph.extents
    for index in indices:
        if index not in known:
            try:
                known[index] = _from_size(graph, index, end) or _extent(graph.value(index, end))
            except Refused as refused:
                graph.set_aside(index, str(refused))
                known[index] = Extent(tokens=1)
    return [known[index] for index in indices]


def measured_end(graph: SampleGraph) -> Key:
    """The end whose size counts: pictures of their own sizes, else sentences."""
    found = graph.kinds()
    for kind in MEASURED:
        for end in graph.wanted:
            if found.get(end) == kind:
                return end
    raise refuse(ONE_SIZE, hint=ONE_SIZE_HINT)


def _from_size(graph: SampleGraph, index: int, end: Key) -> Extent | None:
    """Of a picture whose size is known without decoding it, where what cuts it stands right behind the source."""
    step, source = graph.transforms.get(end[0]), graph.source
    wires = graph.wires(end[0])
    while step is not None and len(wires) == 1:
        before = next(iter(wires.values()))
        if before[0] == graph.parts[0][0]:
            size = source.size(index) if before[1] == "image" else None
            cells = step.cells(*size) if size is not None else None
            return None if cells is None else Extent(tokens=cells[0] * cells[1], aspect=cells[1] / cells[0])
        if not graph.transforms[before[0]].only_in_training:
            return None
        wires = graph.wires(before[0])  # an augmentation does nothing here
    return None


def _extent(value: Any) -> Extent:
    if isinstance(value, Patches):
        return Extent(tokens=value.rows * value.columns, aspect=value.columns / value.rows)
    assert isinstance(value, Pieces)
    return Extent(tokens=value.real)
