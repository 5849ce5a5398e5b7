"""Runs leave the library as programs and towers: asked on the engine's lane, told in the message bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QInputDialog

from core.graph.file import loads
from core.graph.subgraphs.flat import flattened
from core.problems import Refused
from studio.asking.script import write_model, write_tower
from studio.telling.sentences import refusal
from widgets.look.language import tr

if TYPE_CHECKING:
    from studio.session import Session


def export_model(session: Session, uid: str, path: str) -> None:
    """Write a run's towers as one program."""
    session.engine.ask(
        lambda: write_model(session.library, uid, Path(path)),
        lambda _, why: session.say(why or tr("Written to {path}.", path=path), "error" if why else "hint"),
    )


def export_tower(session: Session, uid: str, folder: str) -> None:
    """Let the person choose a tower of the run and write it."""
    try:
        document = loads(session.library.document_text(uid))
    except Refused as refused:
        session.say(refusal(refused), "error")
        return
    towers = [key for key, node in flattened(document).document.nodes.items() if node.block.startswith("encoders.")]
    node, chosen = QInputDialog.getItem(session.window, tr("Export"), tr("Which tower?"), towers, 0, False)
    if chosen and node:
        session.engine.ask(
            lambda: write_tower(session.library, uid, node, Path(folder)),
            lambda loader, why: session.say(
                why or tr("Written to {path}; load it with {loader}.", path=folder, loader=str(loader)),
                "error" if why else "hint",
            ),
        )
