"""A small diffusion transformer (DiT, arXiv:2212.09748), with words attended to in every layer (arXiv:2310.00426).

Patches of the noisy image are tokens; time and the condition's vector scale, shift and gate every layer, all gates closed at first.
Axes: B batch, C H W of an image, N patches, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.options import mlp_ratio
from core.blocks.catalog import blocks
from core.blocks.diffusion.generator import Condition, Diffusion
from core.blocks.diffusion.layers import Modulated
from core.blocks.positions import sines
from core.knobs import knob


@blocks.register("generators.dit")
class DiT(Diffusion):
    """Draws images from noise with a small transformer, guided by words where they are wired."""

    title = "Diffusion transformer"

    @dataclass(frozen=True, kw_only=True)
    class Config(Diffusion.Config):
        """Sizes."""

        width: int = knob(128, "Width of the tokens; a multiple of 4.", low=8, high=4096)
        depth: int = knob(6, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=64)
        patch: int = knob(4, "Edge of a patch.", low=1, high=64, unit="px", title="Patch size")
        ratio: float = mlp_ratio()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming, config.width)
        channels, height, width = self.form
        if height % config.patch or width % config.patch:
            raise ValueError(f"The image has {height} × {width} pixels; both must be multiples of {config.patch}.")
        if config.width % 4:
            raise ValueError(f"The width is {config.width}; it must be a multiple of 4.")
        self.first = nn.Conv2d(channels, config.width, config.patch, stride=config.patch)
        rows, columns = height // config.patch, width // config.patch
        place_N2 = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        self.register_buffer("place_ND", sines(place_N2, config.width), persistent=False)
        self.layers = nn.ModuleList(
            Modulated(config.width, config.heads, config.ratio, config.width, self.context) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Linear(config.width, 2 * config.width)
        self.last = nn.Linear(config.width, channels * config.patch**2)
        for layer in (self.modulation, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def network(self, z_BCHW: Tensor, vector_BE: Tensor, condition: Condition) -> Tensor:
        """The prediction at noisy images."""
        x_BDHW = self.first(z_BCHW)
        x_BND = x_BDHW.flatten(2).transpose(1, 2) + self.place_ND.to(x_BDHW)  # type: ignore[operator]
        for layer in self.layers:
            x_BND = layer(x_BND, vector_BE, condition.tokens_BMD, condition.mask_BM)
        shift, scale = self.modulation(F.silu(vector_BE))[:, None].chunk(2, dim=-1)
        x_BND = self.last(self.norm(x_BND) * (1 + scale) + shift)
        x_BCHW = x_BND.transpose(1, 2).unflatten(2, x_BDHW.shape[2:])
        return F.pixel_shuffle(x_BCHW, self.config.patch)

    @property
    def last_weight(self) -> Tensor:
        """The last layer's weight, on which losses that pull on the image are weighed against each other."""
        return self.last.weight

    def attentions(self) -> Mapping[str, nn.Module]:
        """Where patches attend to the condition, layer by layer; to each other where there is none."""
        chosen = [layer.attention if layer.cross is None else layer.cross for layer in self.layers]  # type: ignore[union-attr]
        return {str(number): attention for number, attention in enumerate(chosen)}  # type: ignore[misc]

    def detail(self) -> str:
        """Width, depth and patch."""
        return f"w{self.config.width} d{self.config.depth} p{self.config.patch}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One layer."""
        return {"width": 16, "depth": 1, "heads": 2, "steps": 3}
