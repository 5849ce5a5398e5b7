"""NaViT: a Vision Transformer for pictures at their own sizes, several in one row of tokens (arXiv:2307.06304).

A picture's patches look at that picture's alone, and a patch's position is its row and column there. Without packs every
picture has a row of its own, padded to the largest of the batch; both give the same tokens. The choice "resized" with a linear
patch cut and without CLS is SigLIP 2's NaFlex tower (arXiv:2502.14786).

Axes: B batch, N patches of the largest picture, C numbers of a patch, P rows, D width, E width of a head, G cells of a grid's edge.
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
from core.blocks.packing import Documents, laid_out
from core.blocks.positions import angles, resized, sines
from core.blocks.values import Pictures, Tokens
from core.graph.ports import port
from core.knobs import knob

FACTORISED, RESIZED, SINES, ROTARY = "factorised", "resized", "sines", "rotary"


def example_pictures(patch: int = 4) -> Pictures:
    """Three small pictures of two by three, one by two and three by one patches."""
    sizes = torch.tensor([[2, 3], [1, 2], [3, 1]])
    real = torch.arange(6) < sizes.prod(1)[:, None]
    return Pictures(
        patches_BNC=torch.rand(3, 6, 3 * patch * patch) * real[..., None], size_B2=sizes, patch=patch, most=6
    )


@blocks.register("encoders.navit")
class NaViT(Block):
    """Lets the patches of each image attend to each other, whatever the image's size."""

    title = "NaViT"
    modality = "image"
    takes = {"pictures": port("pictures", "images of their own sizes, cut into patches")}
    gives = {"tokens": port("tokens", "one token per patch, after CLS", modality="image")}
    reads_packs = True

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower."""

        width: int = knob(192, "Size of one token.", low=8, high=4096)
        depth: int = knob(6, "Layers; 0 only embeds the patches.", low=0, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        cls: bool = knob(False, "A leading token that stands for the whole image.", title="CLS token")
        positions: str = knob(
            FACTORISED, "Factorised: a learned vector for the row and one for the column. Resized: a learned grid, stretched to "
            "each image. Sines and rotary learn none; rotary turns queries and keys.",
            choices=(FACTORISED, RESIZED, SINES, ROTARY),
        )  # fmt: skip
        grid: int = knob(16, "Resized: edge of the learned grid.", low=1, high=256, unit="cells", advanced=True)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        pictures: Pictures = incoming["pictures"]
        if config.positions == ROTARY and config.width % (4 * config.heads):
            raise ValueError(f"The width {config.width} must be a multiple of 4 x {config.heads} heads.")
        if config.positions == SINES and config.width % 4:
            raise ValueError(f"The width {config.width} must be a multiple of 4 for sines.")
        self.cut = nn.Linear(pictures.patches_BNC.shape[-1], config.width)
        shapes = {FACTORISED: (2, pictures.most, config.width), RESIZED: (1, config.width, config.grid, config.grid)}
        shape = shapes.get(config.positions)
        self.position = nn.Parameter(torch.empty(shape)) if shape is not None else None
        self.cls_D = nn.Parameter(torch.empty(config.width)) if config.cls else None
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, options=config
        )
        for learned in (self.position, self.cls_D):
            if learned is not None:
                nn.init.trunc_normal_(learned, std=0.02)

    def forward(self, pictures: Pictures) -> dict[str, Any]:
        """``pictures`` in [0, 1]."""
        place, real = pictures.place_BN2, pictures.mask_BN
        patches = torch.where(real[..., None], pictures.patches_BNC, 0.0)  # whatever lies behind a picture's own
        position_BND = None if self.config.positions != RESIZED else self._resized(pictures)
        if self.cls_D is not None:  # a token before each picture's own, at no place
            patches, place, real = (
                F.pad(patches, (0, 0, 1, 0)),
                F.pad(place, (0, 0, 1, 0), value=-1),
                F.pad(real, (1, 0), value=True),
            )
            position_BND = None if position_BND is None else F.pad(position_BND, (0, 0, 1, 0))
        documents = None if pictures.pack_B is None else self._documents(pictures)
        if documents is not None:
            patches, place = documents.together(patches), documents.together(place + 1) - 1
            position_BND = None if position_BND is None else documents.together(position_BND)
        x_BND = self._embedded(patches, place, position_BND)
        if self.cls_D is not None:
            is_cls = self._is_cls(place, documents)
            x_BND = torch.where(is_cls[..., None], self.cls_D.to(x_BND.dtype), x_BND)
        mask = real if documents is None else documents.has_PN
        x_BND = self.stack(x_BND, mask, documents, self._angles(place))
        tokens = Tokens(x_BND=x_BND, mask_BN=mask, modality="image", place_BN2=place)
        if documents is not None:
            tokens = tokens.with_x(x_BND, document_BN=documents.document_PN, documents=len(pictures.size_B2))
        return {"tokens": tokens}

    def _documents(self, pictures: Pictures) -> Documents:
        assert pictures.pack_B is not None
        lengths = (pictures.size_B2.prod(1) + int(self.config.cls)).tolist()
        return laid_out(lengths, pictures.pack_B.tolist(), pictures.patches_BNC.device)

    @staticmethod
    def _is_cls(place_BN2: Tensor, documents: Documents | None) -> Tensor:
        """The first token of every picture; padding has no place either."""
        if documents is None:
            first_N = torch.arange(place_BN2.shape[1], device=place_BN2.device) == 0
            return first_N.expand(place_BN2.shape[:2])
        return (place_BN2[..., 0] < 0) & documents.has_PN

    def _embedded(self, patches_BNC: Tensor, place_BN2: Tensor, position_BND: Tensor | None) -> Tensor:
        x_BND: Tensor = self.cut(patches_BNC * 2 - 1)
        rows, columns = place_BN2.clamp_min(0).unbind(-1)
        if self.config.positions == FACTORISED:
            assert self.position is not None
            return x_BND + F.embedding(rows, self.position[0]) + F.embedding(columns, self.position[1])
        if self.config.positions == SINES:
            return x_BND + sines(place_BN2.clamp_min(0), self.config.width).to(x_BND.dtype)
        return x_BND if position_BND is None else x_BND + position_BND

    def _resized(self, pictures: Pictures) -> Tensor:
        """The learned grid at every picture's own size [B, N, D]."""
        assert self.position is not None
        count = pictures.patches_BNC.shape[1]
        if pictures.size_B2.device.type == "meta":
            return self.position.new_empty(len(pictures.size_B2), count, self.config.width)
        sizes = [(int(rows), int(columns)) for rows, columns in pictures.size_B2.tolist()]
        made = {size: resized(self.position, *size) for size in dict.fromkeys(sizes)}
        made = {size: F.pad(x_ND, (0, 0, 0, count - len(x_ND))) for size, x_ND in made.items()}
        return torch.stack([made[size] for size in sizes])

    def _angles(self, place_BN2: Tensor) -> Tensor | None:
        if self.config.positions != ROTARY:
            return None
        angle_BNE = angles(place_BN2.clamp_min(0), self.config.width // self.config.heads)
        return angle_BNE * (place_BN2[..., :1] >= 0)  # CLS is not turned

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width, depth, positions."""
        return f"w{self.config.width} d{self.config.depth} · {self.config.positions}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Three small pictures."""
        return {"pictures": example_pictures()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow layers."""
        return {"width": 24, "depth": 2, "heads": 3}
