"""What single samples of a drawing's dataset look like, by their numbers in the source."""

from __future__ import annotations

from collections.abc import Iterable

from core.compiler.build import build_source
from core.data.base import Source
from core.data.catalog import sources
from core.data.media import picture_of
from core.graph.dataset import Specimen
from core.graph.document import Document
from core.problems import Refused, refuse


def open_source(document: Document) -> Source:
    """The document's dataset, its index read. Raises Refused with what is missing."""
    node = next((n for n in document.nodes.values() if n.block in sources and not n.muted), None)
    if node is None:
        raise refuse("This graph has no data source.", hint="Add one from Sources.")
    source = build_source(node)
    source.open()
    return source


def portraits(source: Source, numbers: Iterable[int]) -> dict[int, Specimen]:
    """Picture and caption of each sample that can be read."""
    split_of = {index: split for split, indices in source.splits().items() for index in indices}
    found = {}
    for number in numbers:
        specimen = portrait(source, number, split_of) if 0 <= number < len(source) else None
        if specimen is not None:
            found[number] = specimen
    return found


def portrait(source: Source, number: int, split_of: dict[int, str]) -> Specimen | None:
    """One sample; None where it cannot be read."""
    try:
        values = source.sample(number)
    except Refused:
        return None  # it is among the source's problems
    picture = picture_of(values.values())
    shown = None if picture is None else (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
    return Specimen(
        split=split_of.get(number, ""), sentence=source.label(number), group=source.group(number), picture=shown
    )
