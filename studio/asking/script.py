"""Writing a document as a script, a run as a program, a tower as a folder; on the engine's lane or from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.graph.document import Document
from core.graph.file import loads
from core.problems import refuse
from core.store.places import checkpoint_folder

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.library import Library


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


def write_model(library: Library, uid: str, path: Path) -> Path:
    """A run's towers as one program, ``.pt2`` or ``.onnx``. Raises Refused."""
    from core.inference.export import export_model  # torch

    return export_model(run_folder(library, uid), path, loads(library.document_text(uid)))


def write_tower(library: Library, uid: str, node: str, folder: Path) -> str:
    """One tower of a run as a transformers folder; gives the class that loads it. Raises Refused."""
    from core.inference.export import export_tower  # torch

    return export_tower(run_folder(library, uid), node, folder, loads(library.document_text(uid)))


def run_folder(library: Library, uid: str) -> Path:
    """Where a run's checkpoints lie."""
    return checkpoint_folder(library.store, uid)
