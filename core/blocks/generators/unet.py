"""A small U-Net that draws by taking noise away (DDPM, arXiv:2006.11239; with words, arXiv:2112.10752).

Blocks of pixels are channels before the first convolution (``patch``), so that little is computed at full size. Residual blocks as
in ADM (arXiv:2105.05233); places attend to each other and to the condition at the coarser maps. Axes: B batch, C H W of a map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.diffusion.generator import Condition, Diffusion
from core.blocks.diffusion.layers import PlaceAttention, Residual, groups
from core.knobs import knob


@blocks.register("generators.unet")
class UNet(Diffusion):
    """Draws images from noise with a small U-Net, guided by words where they are wired."""

    title = "Diffusion U-Net"

    @dataclass(frozen=True, kw_only=True)
    class Config(Diffusion.Config):
        """Sizes."""

        width: int = knob(64, "Channels of the finest map.", low=8, high=1024, unit="channels")
        levels: int = knob(
            2, "Maps, each half as fine as the one before and, after the first, twice as wide.", low=1, high=5,
            title="Resolutions",
        )  # fmt: skip
        patch: int = knob(2, "Edge of the blocks of pixels that are channels of one place.", low=1, high=8, unit="px")
        heads: int = knob(4, "Attention heads; must divide the widths.", low=1, high=64)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        vector = 4 * config.width
        super().__init__(config, incoming, vector)
        channels, *edges = self.form
        coarsest = config.patch * 2 ** (config.levels - 1)
        if any(edge % coarsest for edge in edges):
            raise ValueError(f"The image has {edges[0]} × {edges[1]} pixels; both must be multiples of {coarsest}.")
        pixels = channels * config.patch**2
        widths = [config.width * min(2**level, 2) for level in range(config.levels)]
        self.first = nn.Conv2d(pixels, widths[0], 3, padding=1)
        self.down, self.halvings, self.up, self.doublings = (nn.ModuleList() for _ in range(4))
        now = widths[0]
        for level, width in enumerate(widths):
            self.down.append(_Stage(now, width, vector, self._heads(level), self.context))
            if level < config.levels - 1:
                self.halvings.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
            now = width
        self.middle = _Stage(now, now, vector, config.heads, self.context)
        for level, width in reversed(list(enumerate(widths))):
            self.up.append(_Stage(now + width, width, vector, self._heads(level), self.context))
            if level:
                self.doublings.append(nn.Conv2d(width, width, 3, padding=1))
            now = width
        self.norm = nn.GroupNorm(groups(now), now)
        self.last = nn.Conv2d(now, pixels, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(_bias(self.last))

    def _heads(self, level: int) -> int:
        """Where places attend: everywhere but at the finest of several maps."""
        return self.config.heads if level or self.config.levels == 1 else 0

    def network(self, z_BCHW: Tensor, vector_BE: Tensor, condition: Condition) -> Tensor:
        """The prediction at noisy images."""
        x_BCHW, aside = self.first(F.pixel_unshuffle(z_BCHW, self.config.patch)), []
        for level, stage in enumerate(self.down):
            x_BCHW = stage(x_BCHW, vector_BE, condition)
            aside.append(x_BCHW)
            x_BCHW = self.halvings[level](x_BCHW) if level < len(self.halvings) else x_BCHW
        x_BCHW = self.middle(x_BCHW, vector_BE, condition)
        for level, stage in enumerate(self.up):
            x_BCHW = stage(torch.cat([x_BCHW, aside.pop()], 1), vector_BE, condition)
            if level < len(self.doublings):
                x_BCHW = self.doublings[level](F.interpolate(x_BCHW, scale_factor=2.0, mode="nearest"))
        return F.pixel_shuffle(self.last(F.silu(self.norm(x_BCHW))), self.config.patch)

    @property
    def last_weight(self) -> Tensor:
        """The last layer's weight, on which losses that pull on the image are weighed against each other."""
        return self.last.weight

    def attentions(self) -> Mapping[str, nn.Module]:
        """Where places attend to the condition, from the finest way down to the finest way up."""
        stages = [*self.down, self.middle, *self.up]
        found = [stage.attention.cross for stage in stages if stage.attention is not None]  # type: ignore[union-attr]
        return {str(number): cross for number, cross in enumerate(found) if cross is not None}  # type: ignore[misc]

    def detail(self) -> str:
        """Width, maps and patch."""
        return f"w{self.config.width} d{self.config.levels} p{self.config.patch}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two maps of eight channels."""
        return {"width": 8, "heads": 2, "steps": 3}


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


class _Stage(nn.Module):
    """A residual block and, with heads, attention."""

    def __init__(self, channels: int, out: int, vector: int, heads: int, context: int | None) -> None:
        super().__init__()
        self.residual = Residual(channels, out, vector)
        self.attention = PlaceAttention(out, heads, context) if heads else None

    def forward(self, x_BCHW: Tensor, vector_BE: Tensor, condition: Condition) -> Tensor:
        """A map of ``out`` channels."""
        x_BCHW = self.residual(x_BCHW, vector_BE)
        if self.attention is not None:
            x_BCHW = self.attention(x_BCHW, condition.tokens_BMD, condition.mask_BM)
        return x_BCHW
