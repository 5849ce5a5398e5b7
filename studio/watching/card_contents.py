"""What a result card says of a run at a step, and the picture that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QSize
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from core.exploring.card import MOST_DOCUMENT, MOST_SCORES, ResultCard, document_hash

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.library import Library

FAMILIES = ("selection/", "retrieval/", "score/", "loss")
DATA = "data fingerprint"  # core.runs.execute.DATA, without the engine
KEPT_VERSIONS = ("python", "platform", "torch", "transformers", "numpy", "crossmodal-studio")


def card_at(library: Library, uid: str, step: int, shows: str = "") -> ResultCard:
    """The card of a run at a step. Raises Refused where the store cannot be read."""
    reader, facts = library.reader(uid), library.facts(uid)
    text, params = reader.document_text(), library.params(uid)
    names = [name for name in facts.last if name.startswith(FAMILIES) and "chance" not in name]
    names.sort(key=lambda name: (not name.startswith("selection/"), name))
    found = {name: reader.value_at(name, step) for name in names[:MOST_SCORES]}
    environment = library.environment(uid)
    return ResultCard(
        run=uid, step=step, name=facts.name[:300], seed=facts.seed, document_hash=document_hash(text),
        document=text if len(text) <= MOST_DOCUMENT else "", shows=shows,
        data=", ".join(str(value) for name, value in params.items() if name.startswith(DATA))[:300],
        scores={name: value[1] for name, value in found.items() if value is not None},
        versions={name: str(environment[name])[:300] for name in KEPT_VERSIONS if name in environment},
    )  # fmt: skip


def picture_of(widget: QWidget, ending: str) -> bytes:
    """What a widget shows, as PNG or as SVG."""
    if ending == ".svg":
        return _as_svg(widget)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    return bytes(data.data())


def _as_svg(widget: QWidget) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(widget.width(), widget.height()))
    generator.setViewBox(widget.rect())
    painter = QPainter(generator)
    widget.render(painter, QPoint())
    painter.end()
    return bytes(data.data())
