"""Vision Transformer: cuts a picture into patches and lets them look at each other (arXiv:2010.11929).

With patch dropout it is FLIP's image tower (arXiv:2212.00794): patches are dropped before the first layer, in training
only, so 50 % costs about half. Images of another size than the tower was built for are taken too: learned positions are stretched to
their grid (as timm's and DeiT's towers, arXiv:2012.12877), CLS keeps its own; rotary ones (RoPE in two dimensions,
arXiv:2403.13298) and sines need nothing. Axes: B batch, C channels, H height, W width, N tokens, D width, E width of a head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.positions import angles, places, resized, sines
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

LEARNED, BY_NUMBER, SINES, ROTARY = "learned", "learned by number", "sines", "rotary"


@blocks.register("encoders.vit")
class ViT(Block):
    """Cuts an image into patches and lets them attend to each other."""

    title = "ViT"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1]")}
    gives = {"tokens": port("tokens", "one token per patch, after CLS", modality="image")}
    any_size = True

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower."""

        patch_size: int = knob(8, "Side of one patch; must divide the image's side.", low=2, high=64, unit="px")
        width: int = knob(192, "Size of one token.", low=8, high=4096)
        depth: int = knob(6, "Layers; 0 only cuts the image into patches.", low=0, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        patch_dropout: float = knob(0.0, "Share of patches dropped in training (FLIP).", low=0, high=0.95)
        unmasked: float = knob(
            0.0,
            "Share of the run, at its end, in which no patch is dropped.",
            low=0,
            high=1,
            title="Unmasked tuning",
            advanced=True,
        )
        cls: bool = knob(True, "A leading token that stands for the whole image.", title="CLS token")
        convolutional_stem: bool = knob(
            False,
            "Small convolutions instead of one linear patch cut (arXiv:2106.14881); learns faster on little data.",
        )
        positions: str = knob(
            LEARNED, "Learned: a vector for each cell, stretched to the grid of images of another size; by number: not stretched, the "
            "first rows of the table. Sines and rotary learn none; rotary turns queries and keys.",
            choices=(LEARNED, BY_NUMBER, SINES, ROTARY), advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        _, channels, height, width = incoming["image"].shape
        p = config.patch_size
        self.cells = self._cells(height, width)
        if config.positions in (SINES, ROTARY) and config.width % (4 * config.heads):
            raise ValueError(
                f"The width {config.width} must be a multiple of 4 x {config.heads} heads for these positions."
            )
        self.drops = True
        self.cut = (
            _stem(channels, config.width, p) if config.convolutional_stem else nn.Conv2d(channels, config.width, p, p)
        )
        count = self.cells[0] * self.cells[1]
        learned = config.positions in (LEARNED, BY_NUMBER)
        self.position_1ND = nn.Parameter(torch.empty(1, count + config.cls, config.width)) if learned else None
        self.cls_11D = nn.Parameter(torch.empty(1, 1, config.width)) if config.cls else None
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, options=config
        )
        for table in (self.position_1ND, self.cls_11D):
            if table is not None:
                nn.init.trunc_normal_(table, std=0.02)

    def set_progress(self, share: float) -> None:
        """Whether patches are still dropped: FLIP tunes on whole pictures at the end."""
        super().set_progress(share)
        self.drops = share < 1 - self.config.unmasked  # a switch, not a number: compiled towers look at it

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, C, H, W] in [0, 1], of any size that the patch divides."""
        grid_cells = self._cells(*image.shape[-2:])
        x_BND = self.cut(image * 2 - 1).flatten(2).transpose(1, 2)
        position_ND = self._positions(grid_cells, x_BND)
        x_BND = x_BND if position_ND is None else x_BND + position_ND
        angle_BNE, cells = self._angles(grid_cells, image.device), None
        if self.training and self.config.patch_dropout and self.drops:
            x_BND, cells = _drop_patches(x_BND, self.config.patch_dropout)
            angle_BNE = None if angle_BNE is None else angle_BNE[0][cells]
        if self.cls_11D is not None:
            place_11D = 0 if self.position_1ND is None else self.position_1ND[:, :1]
            cls = (self.cls_11D + place_11D).expand(x_BND.shape[0], -1, -1)
            x_BND = torch.cat([cls.to(x_BND.dtype), x_BND], 1)
            angle_BNE = None if angle_BNE is None else F.pad(angle_BNE, (0, 0, 1, 0))  # CLS is not turned
        grid = Grid(kind="patches", sizes=grid_cells, extra=int(self.cls_11D is not None))
        x_BND = self.stack(x_BND, None, None, angle_BNE)
        return {"tokens": Tokens(x_BND=x_BND, modality="image", grid=grid, cells_BN=cells)}

    def _cells(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches. Raises ValueError where they are no whole number."""
        p = self.config.patch_size
        if height % p or width % p:
            raise ValueError(f"Patch size {p} does not divide the image, {height} x {width}.")
        return height // p, width // p

    def _positions(self, cells: tuple[int, int], x_BND: Tensor) -> Tensor | None:
        """What is added to the patches, [1, N, D]; None for rotary."""
        if self.position_1ND is None:
            if self.config.positions == ROTARY:
                return None
            return sines(places(*cells, x_BND.device), self.config.width).to(x_BND.dtype)[None]
        table_1ND = self.position_1ND[:, int(self.config.cls) :]
        if cells == self.cells:
            return table_1ND
        if self.config.positions == BY_NUMBER:
            count = cells[0] * cells[1]
            return F.pad(table_1ND[:, :count], (0, 0, 0, max(count - table_1ND.shape[1], 0)))
        table_1DGG = table_1ND.transpose(1, 2).unflatten(2, self.cells)
        return resized(table_1DGG.float(), *cells, mode="bicubic").to(table_1ND.dtype)[None]

    def _angles(self, cells: tuple[int, int], device: torch.device) -> Tensor | None:
        """What queries and keys are turned by, [1, N, E]."""
        if self.config.positions != ROTARY:
            return None
        return angles(places(*cells, device), self.config.width // self.config.heads)[None]

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width, depth, patch."""
        c = self.config
        return f"w{c.width} d{c.depth} p{c.patch_size}" + (f" · FLIP {c.patch_dropout:.0%}" if c.patch_dropout else "")

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 16, 16)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """A 16 px picture in four patches."""
        return {"width": 24, "depth": 2, "heads": 3}


def _stem(channels: int, width: int, patch: int) -> nn.Module:
    """Stride-2 convolutions down to one cell a patch; the patch must be a power of two."""
    if patch & (patch - 1):
        raise ValueError(f"A convolutional stem needs a patch size that is a power of two; it is {patch}.")
    layers: list[nn.Module] = []
    stages = patch.bit_length() - 1
    for stage in range(stages):
        out = max(width >> (stages - stage), 16)
        layers += [nn.Conv2d(channels, out, 3, 2, 1, bias=False), nn.GroupNorm(1, out), nn.GELU()]
        channels = out
    return nn.Sequential(*layers, nn.Conv2d(channels, width, 1))


def _drop_patches(x_BND: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Keep a random (1 - share) of the tokens, a choice of its own for each sample; order is kept."""
    batch, count, _ = x_BND.shape
    kept = max(1, round(count * (1 - share)))
    if x_BND.device.type == "meta":
        return x_BND[:, :kept], torch.empty(batch, kept, dtype=torch.long, device="meta")
    chosen_BK = torch.rand(batch, count, device=x_BND.device).topk(kept).indices.sort().values
    return x_BND.gather(1, chosen_BK[..., None].expand(-1, -1, x_BND.shape[-1])), chosen_BK
