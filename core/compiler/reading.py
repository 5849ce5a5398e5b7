"""What the sources of a drawing hold, counted for the advisor without reading every sample."""

from __future__ import annotations

from dataclasses import replace

from core.compiler.portraits import open_source
from core.compiler.survey import mending
from core.data.catalog import sources
from core.data.counting import counted
from core.graph.dataset import DataReading
from core.graph.document import Document
from core.graph.subgraphs.flat import flattened
from core.problems import Refused


def readings(document: Document) -> dict[str, DataReading]:
    """Each source that can be opened, by its node; what cannot be is told elsewhere."""
    found = {}
    for key, node in flattened(document).document.nodes.items():
        if node.muted or node.block not in sources:
            continue
        try:
            source = open_source(document, key)
            reading = counted(source)
            found[key] = replace(reading, mend=mending(source, key, reading.leaks > 0))
        except Refused:
            continue
    return found
