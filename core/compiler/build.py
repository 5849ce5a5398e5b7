"""One node from its catalogue class: a source, a transform, or a module (N of them in a row where it repeats)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import AnySize
from core.data.base import Source, Transform, Wired
from core.data.catalog import sources, transforms
from core.graph.document import Document, End, Node
from core.knobs import configure
from core.problems import Refused, refuse


class Chain(nn.Module):
    """The same kind of block N times, each with weights of its own; what one gives the next takes."""

    def __init__(self, cls: type[Block], config: Any, incoming: Mapping[str, Any], count: int) -> None:
        super().__init__()
        ways = [(taken, given) for taken, t in cls.takes.items() for given, g in cls.gives.items() if t.kind == g.kind]
        if not ways:
            raise ValueError(f"{cls.title} cannot stand in a row: it gives nothing of the kind it takes.")
        self.entry, self.exit = ways[0]
        self.reads_packs = cls.reads_packs
        self.links = nn.ModuleList()
        values = dict(incoming)
        for _ in range(count):
            link = cls(config, values)
            self.links.append(link)
            values = {**values, self.entry: link(**values)[self.exit]}

    def forward(self, **values: Any) -> dict[str, Any]:
        """What the last one gives."""
        given: dict[str, Any] = {}
        for link in self.links:
            given = link(**values)
            values = {**values, self.entry: given[self.exit]}
        return given

    def after_update(self) -> None:
        """Tell every link."""
        for link in self.links:
            link.after_update()  # type: ignore[operator]

    def curves(self) -> dict[str, Any]:
        """What the last link says."""
        return dict(self.links[-1].curves())  # type: ignore[operator]

    def watched(self, **values: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Every link's attention maps, numbered through."""
        found: dict[str, Tensor] = {}
        given: dict[str, Any] = {}
        for number, link in enumerate(self.links):
            given, maps = link.watched(**values)  # type: ignore[operator]
            found.update({f"{number}.{layer}": rows for layer, rows in maps.items()})
            values = {**values, self.entry: given[self.exit]}
        return given, found

    def detail(self) -> str:
        """The first link's line, N times."""
        return f"{self.links[0].detail()} · ×{len(self.links)}"  # type: ignore[operator]


def build_block(node: Node, incoming: Mapping[str, Any]) -> nn.Module:
    """The module of a node, on the current default device. Raises Refused with what is wrong with its settings."""
    cls = blocks[node.block]
    config = configure(cls.Config, node.knobs, node.id)
    if any(isinstance(value, AnySize) for value in incoming.values()):
        raise refuse(
            "These images differ in size, and this block takes images of one size.", node=node.id,
            hint="Put Resize images before it, or Keep image sizes and a NaViT.",
        )  # fmt: skip
    try:
        return Chain(cls, config, incoming, node.repeat) if node.repeat > 1 else cls(config, incoming)
    except Refused:
        raise
    except Exception as error:  # whatever a block or a library behind it says about these settings
        raise refuse(_sentence(error), node=node.id) from error


def build_source(document: Document, key: str, inputs: Mapping[str, End] | None = None) -> Source:
    """The dataset of a node; nothing is read yet. ``inputs``: what is led into it, where the drawing is resolved. Raises Refused."""
    node = document.nodes[key]
    cls = sources[node.block]
    config: Any = configure(cls.Config, node.knobs, node.id)
    return _made(cls, replace(config, wired=led_in(document, key, inputs)) if cls.takes else config, node)


def source_meta(node: Node, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
    """A batch of what a source gives, on meta tensors; one that others lead into passes on what comes in. Raises Refused."""
    cls = sources[node.block]
    source = _made(cls, configure(cls.Config, node.knobs, node.id), node)
    return {**incoming, **source.meta(batch)}


def led_in(document: Document, key: str, inputs: Mapping[str, End] | None = None) -> tuple[Wired, ...]:
    """The sources that lead into another one, as values; what leads there and is none is told elsewhere (core/compiler/tasks.py)."""
    ends = {wire.target.port: wire.source for wire in document.wires_into(key)} if inputs is None else inputs
    return tuple(
        Wired(
            port=port, node=end.node, block=document.nodes[end.node].block, given=end.port,
            knobs=tuple(sorted(document.nodes[end.node].knobs.items())),
        )
        for port, end in sorted(ends.items())
        if document.nodes[end.node].block in sources
    )  # fmt: skip


def build_transform(node: Node) -> Transform:
    """The per-sample step of a node. Raises Refused."""
    cls = transforms[node.block]
    return _made(cls, configure(cls.Config, node.knobs, node.id), node)


def _made(cls: Any, config: Any, node: Node) -> Any:
    try:
        return cls(config)
    except Refused:
        raise
    except Exception as error:
        raise refuse(_sentence(error), node=node.id) from error


def _sentence(error: BaseException) -> str:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if not isinstance(error, (ValueError, RuntimeError, OSError)):  # these are written for people, others are not
        text = f"{type(error).__name__}: {text}"
    return text[0].upper() + text[1:300] + ("" if text.endswith((".", "!", "?")) else ".")
