"""Small blocks that make images, for tests: one from a caption and noise, one that rebuilds an image; and their loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block, Objective
from core.blocks.catalog import blocks
from core.graph import edits
from core.graph.document import Document
from core.graph.ports import port
from tests.documents import Drawing

SIDE, WIDTH, NOISE = 16, 12, 4


class Paint(Block):
    """Paints an image from a vector and noise of its own."""

    title = "Paint"
    takes = {"embedding": port("embedding", "what to paint")}
    gives = {"image": port("image", "the painting")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """None."""

    def __init__(self, config: Any, incoming: Any) -> None:
        super().__init__(config, incoming)
        self.norm = nn.BatchNorm1d(incoming["embedding"].shape[-1] + NOISE)
        self.out = nn.Linear(incoming["embedding"].shape[-1] + NOISE, 3 * SIDE * SIDE)

    def forward(self, embedding: Tensor) -> dict[str, Any]:
        noise = torch.randn(len(embedding), NOISE, device=embedding.device)
        made = self.out(self.norm(torch.cat([embedding, noise], -1)))
        return {"image": made.sigmoid().reshape(-1, 3, SIDE, SIDE)}


class Rebuild(Paint):
    """Rebuilds the image that a vector was made from."""

    title = "Rebuild"
    reconstructs = {"image": "embedding"}
    gives = {"image": port("image", "as the one that came in")}


class Pixels(Objective):
    """Squared difference of two images."""

    title = "Pixels"
    modality = "loss"
    takes = {"made": port("image", "made"), "real": port("image", "real")}
    gives = {"loss": port("loss", "mean")}

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Any]:
        return {"loss": F.mse_loss(made, real)}


class Hum(Block):
    """Hums a waveform from a vector and noise of its own."""

    title = "Hum"
    takes = {"embedding": port("embedding", "what to hum")}
    gives = {"waveform": port("waveform", "the hum")}
    hertz = 8000

    def __init__(self, config: Any, incoming: Any) -> None:
        super().__init__(config, incoming)
        self.out = nn.Linear(incoming["embedding"].shape[-1], 400)

    def forward(self, embedding: Tensor) -> dict[str, Any]:
        noise = torch.randn(len(embedding), 400, device=embedding.device)
        return {"waveform": (self.out(embedding) + 0.1 * noise).tanh()}


class Quiet(Objective):
    """Mean square of a waveform."""

    title = "Quiet"
    modality = "loss"
    takes = {"made": port("waveform", "made")}
    gives = {"loss": port("loss", "mean")}

    def forward(self, made: Tensor) -> dict[str, Any]:
        return {"loss": made.square().mean()}


@contextmanager
def made_blocks() -> Iterator[None]:
    """The three are in the catalogue inside."""
    keys = {
        "generators.paint": Paint,
        "generators.rebuild": Rebuild,
        "objectives.pixels": Pixels,
        "generators.hum": Hum,
        "objectives.quiet": Quiet,
    }
    blocks.walk()
    for key, cls in keys.items():
        blocks.register(key)(cls)
    try:
        yield
    finally:
        for key in keys:
            blocks._entries.pop(key)


def painter(**recipe: Any) -> Document:
    """Captions are painted, and images rebuilt, side by side."""
    draw = Drawing("painter")
    draw.add("sources.emoji", image_size=SIDE, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.text_transformer", width=WIDTH, depth=1, heads=2, dropout=0.1)
    draw.add("connectors.pool")
    draw.add("generators.paint")
    draw.add("objectives.pixels")
    draw.add("encoders.vit", patch_size=8, width=WIDTH, depth=1, heads=2, dropout=0.1)
    draw.add("connectors.pool")
    draw.add("generators.rebuild")
    draw.add("objectives.pixels")
    for source, target in (
        ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("text_transformer.tokens", "pool.tokens"), ("pool.embedding", "paint.embedding"), ("paint.image", "pixels.made"),
        ("emoji.image", "pixels.real"), ("emoji.image", "vit.image"), ("vit.tokens", "pool_2.tokens"),
        ("pool_2.embedding", "rebuild.embedding"), ("rebuild.image", "pixels_2.made"), ("emoji.image", "pixels_2.real"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {"made": {"every": 2, "samples": 4}}, "threads": 1, "steps": 5, **recipe}
    return edits.set_recipe(draw.document, batch_size=8, **recipe)


def hummer(**recipe: Any) -> Document:
    """Captions are hummed."""
    draw = Drawing("hummer")
    draw.add("sources.emoji", image_size=SIDE, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.text_transformer", width=WIDTH, depth=1, heads=2)
    draw.add("connectors.pool")
    draw.add("generators.hum")
    draw.add("objectives.quiet")
    for source, target in (
        ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("text_transformer.tokens", "pool.tokens"), ("pool.embedding", "hum.embedding"), ("hum.waveform", "quiet.made"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {"made": {"samples": 3}}, "threads": 1, "steps": 2, **recipe}
    return edits.set_recipe(draw.document, batch_size=8, **recipe)
