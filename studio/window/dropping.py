"""A folder that is dropped on the data page: the source that reads such files gets it, and is added where there is none."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from core.data.class_folders import is_foreign
from core.data.readers.media_formats import AUDIO, VIDEOS
from core.data.readers.picture_formats import ENDINGS
from core.data.tables import ENDINGS as TABLES
from core.graph import edits
from core.graph.document import Document
from core.graph.vocabulary import Vocabulary

MOST_FILES = 2000  # that are looked at before it is decided
ROOM = 262.0  # beside what is there already


def source_for(folder: Path) -> str:
    """The kind of source that reads most of a folder's files; empty where none does."""
    found = {"sources.sounds": 0, "sources.videos": 0, "sources.image_folders": 0}
    names = (name for _, _, files in os.walk(folder) for name in sorted(files) if not is_foreign(name))
    for name in islice(names, MOST_FILES):
        ending = Path(name).suffix.lower()
        if ending in VIDEOS.endings and ending != ".gif":
            found["sources.videos"] += 1
        elif ending in AUDIO.endings:
            found["sources.sounds"] += 1
        elif ending in ENDINGS:
            found["sources.image_folders"] += 1
    best = max(found, key=lambda key: found[key])
    if not found[best]:
        return ""
    has_table = any(file.suffix.lower() in TABLES for file in folder.iterdir())
    return "sources.caption_table" if best == "sources.image_folders" and has_table else best


def with_folder(document: Document, folder: Path, chosen: str, vocabulary: Vocabulary) -> tuple[Document, str]:
    """The document with the folder in the source that fits, and that source's node; the ``chosen`` one where it fits.

    The node is empty where nothing reads such files.
    """
    kind = source_for(folder)
    if not kind or not vocabulary.spec(kind).known:
        return document, ""
    fitting = [key for key, node in document.nodes.items() if node.block == kind and not node.muted]
    key = chosen if chosen in fitting else next(iter(fitting), "")
    if not key:
        left = min((node.x for node in document.nodes.values()), default=0.0)
        top = min((node.y for node in document.nodes.values()), default=0.0)
        document, key = edits.add_node(document, kind, left - ROOM, top, vocabulary.spec(kind).placed())
    return edits.set_knob(document, key, "folder", str(folder)), key
