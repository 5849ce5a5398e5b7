"""OpenCLIP's picture towers at their published sizes (arXiv:2212.07143, 2103.00020), through transformers' CLIPVisionModel.

Drawing one costs nothing: its shapes, parameters and FLOPs come from meta tensors. Running one needs the machine for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.clip_vision import CLIPVision
from core.blocks.encoders.hub import local_only_knob, source_knob
from core.blocks.encoders.open_clip_sizes import SIZES
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Published(Block.Config):
    """Which published size, and where its weights are."""

    preset: str = knob("ViT-B/32", "A published OpenCLIP size.", choices=tuple(SIZES), title="Size")
    source: str = source_knob("A folder or hub id with these weights in transformers' form, such as laion/CLIP-ViT-H-14-laion2B-s32B-b79K. Empty: random weights.")  # fmt: skip
    local_only: bool = local_only_knob()
    layers: int = knob(
        0, "Only so many of its layers, to try it out; 0 is all.", low=0, high=64, unit="layers", advanced=True
    )


@blocks.register("encoders.open_clip_vision")
class OpenCLIPVision(CLIPVision):
    """CLIP's image tower at a published OpenCLIP size, B/32 to bigG/14."""

    title = "OpenCLIP vision"
    Config = Published  # type: ignore[assignment]

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """The published size."""
        size = SIZES[self.config.preset]
        tower = size.vision
        return library.CLIPVisionConfig(
            hidden_size=tower.width, num_hidden_layers=self.config.layers or tower.depth,
            num_attention_heads=tower.heads, intermediate_size=tower.hidden, image_size=size.side,
            patch_size=size.patch, hidden_act="gelu", projection_dim=size.shared,
        )  # fmt: skip

    def detail(self) -> str:
        """The size, and where the weights are from."""
        return f"{self.config.preset} · " + (self.config.source.rsplit("/", 1)[-1] or "random")

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One layer of the smallest."""
        return {"layers": 1}
