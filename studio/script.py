"""Writing a document as a Python script; called on the engine's lane or from the command line."""

from __future__ import annotations

from pathlib import Path

from core.graph.document import Document
from core.problems import refuse


def write_script(document: Document, path: Path) -> Path:
    """Compile and write. Raises Refused where the document cannot run or the place cannot be written."""
    from core.compiler.compile import compile  # torch
    from core.compiler.script import script

    text = script(compile(document), path.name)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise refuse(f"{path} cannot be written: {error.strerror or error}.") from error
    return path
