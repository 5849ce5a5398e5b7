"""What single samples of a drawing's dataset look like, by their numbers in the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.compiler.build import build_source
from core.data.base import Source
from core.data.catalog import sources
from core.data.films.footage import Footage
from core.data.media import Wave, picture_of, pixels_of
from core.graph.dataset import Specimen
from core.graph.document import Document
from core.graph.subgraphs.flat import flat_document
from core.problems import Refused, refuse

MOST_SECONDS = 30  # of a sound that is shown


def open_source(document: Document, source_node: str = "") -> Source:
    """The document's dataset (of several the named one, else the first), its index read. Raises Refused with what is missing."""
    document = flat_document(document)
    known = [key for key, node in document.nodes.items() if node.block in sources and not node.muted]
    if not known:
        raise refuse("This graph has no data source.", hint="Add one from Sources.")
    source = build_source(document, source_node if source_node in known else known[0])
    source.open()
    return source


def fingerprints(document: Document) -> list[str]:
    """What tells each of a document's datasets from others. Raises Refused where one cannot be opened, or there is none."""
    document = flat_document(document)
    keys = [key for key, node in document.nodes.items() if node.block in sources and not node.muted]
    return [open_source(document, key).fingerprint() for key in keys or [""]]


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
    shown = None if picture is None else pixels_of(picture)
    wave = next((value for value in values.values() if isinstance(value, Wave) and value.real), None)
    sound = None if wave is None else wave.own_S[: MOST_SECONDS * wave.hertz].numpy()
    hertz = wave.hertz if wave is not None else 0
    film = next((value for value in values.values() if isinstance(value, Footage)), None)
    return Specimen(
        split=split_of.get(number, ""), sentence=source.label(number), group=source.group(number), picture=shown,
        sound=sound, hertz=hertz, seconds=wave.real / wave.hertz if wave is not None else 0.0,
        reel=None if film is None else replace(film.reel(), samples_S=sound, hertz=hertz),
    )  # fmt: skip
