"""VideoMAE with its decoder (arXiv:2203.12602) from transformers' VideoMAEForPreTraining: hidden tubes are rebuilt from those that are shown.

Tubes of the same cells through all frames are hidden; the encoder sees the others alone, the decoder says the pixels of the hidden ones,
normalised in each cell. In training tubes are drawn for each film; evaluated they are always the same, so a film is rebuilt alike
alone and among others. To be looked at, what the decoder says gets back the mean and the spread that its cell really has, as the paper draws it.
Axes: B batch, T frames, C channels, H height, W width, N cells, P pixels of a cell, D width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_video import HubVideoTower
from core.blocks.encoders.videomae_hub import VideoMAEHub
from core.blocks.values import Frames, full
from core.graph.ports import port
from core.knobs import knob

BRIEF = 1e-6  # what the paper's code adds to a cell's spread


@blocks.register("encoders.videomae_pretraining")
class VideoMAEPretraining(VideoMAEHub):
    """Rebuilds the hidden tubes of videos from those that are shown, with weights from a folder, or small with random ones."""

    title = "VideoMAE pretraining (transformers)"
    model_class = "VideoMAEForPreTraining"
    reconstructs = {"image": "original"}
    gives = {
        **VideoMAEHub.gives,
        "image": port("image", "frames in rows, hidden cells as they were rebuilt"),
        "original": port("image", "the same frames as they are"),
        "loss": port("loss", "mean squared error of normalised pixels over hidden cells"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(HubVideoTower.Config):
        """Weights or sizes, and what is hidden."""

        hidden: float = knob(
            0.9, "Share of the cells of every frame that are hidden: the same through all frames.", low=0.05, high=0.95, title="Hidden tubes",
        )  # fmt: skip

    @property
    def encoder(self) -> Any:
        """The model without its decoder."""
        return self.model.videomae

    def cut(self, frames: int, side: int) -> dict[str, Any]:
        """Two fields, and a decoder of half the width and depth."""
        width, heads, depth = self.config.width, self.config.heads, self.config.depth
        half = width // 2 if width % (2 * heads) == 0 else width
        return super().cut(frames, side) | {
            "decoder_hidden_size": half, "decoder_num_hidden_layers": max(1, depth // 2), "decoder_num_attention_heads": heads,
            "decoder_intermediate_size": 4 * half,
        }  # fmt: skip

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, 3, H, W] to cells [B, N, D] (all, or in training those that are shown), to both sheets of frames and one number."""
        pixels = self._pixels(video)
        hidden_BN, shown_BN = self._drawn(len(pixels), pixels.device)
        real = full(self._unit(pixels)).detach()
        if pixels.device.type == "meta":  # a mask's numbers are not known there
            x_BND = self.encoder(pixel_values=pixels).last_hidden_state
            tokens = self._tokens(
                x_BND[:, : shown_BN.shape[1]] if self.training else x_BND, video, shown_BN if self.training else None
            )
            return {**tokens, "image": _sheet(real), "original": _sheet(real), "loss": x_BND.float().mean()}
        kept: list[Tensor] = []
        hook = self.encoder.register_forward_hook(lambda _m, _i, made: kept.append(made.last_hidden_state))
        try:
            made = self.model(pixel_values=pixels, bool_masked_pos=hidden_BN)
        finally:
            hook.remove()
        rebuilt = self.rebuilt(real, made.logits, hidden_BN)
        tokens = (
            self._tokens(kept[0], video, shown_BN)
            if self.training
            else self._tokens(self.encoder(pixel_values=pixels).last_hidden_state, video)
        )
        return {**tokens, "image": _sheet(rebuilt), "original": _sheet(real), "loss": made.loss}

    def rebuilt(self, real_BTCHW: Tensor, said_BNP: Tensor, hidden_BN: Tensor) -> Tensor:
        """Frames [B, T, C, H, W] whose hidden cells are what was said of them, in their own mean and spread."""
        cells_BNQC = self.cells(real_BTCHW)
        mean = cells_BNQC.mean(-2, keepdim=True)
        spread = cells_BNQC.var(-2, unbiased=True, keepdim=True).sqrt() + BRIEF
        said = torch.zeros_like(cells_BNQC)
        said[hidden_BN] = full(said_BNP).detach().reshape(-1, *cells_BNQC.shape[2:])
        if self.model.config.norm_pix_loss:
            said = said * spread + mean
        return self._frames(torch.where(hidden_BN[..., None, None], said, cells_BNQC), real_BTCHW.shape)

    def cells(self, x_BTCHW: Tensor) -> Tensor:
        """Frames as cells in order, each its pixels over some frames by channel [B, N, P, C]."""
        frames, side, _ = self.tubelet()
        cut = x_BTCHW.unflatten(1, (-1, frames)).unflatten(4, (-1, side)).unflatten(6, (-1, side))  # B t f C h a w b
        return cut.permute(0, 1, 4, 6, 2, 5, 7, 3).flatten(4, 6).flatten(1, 3)

    def _frames(self, cells_BNQC: Tensor, shape: torch.Size) -> Tensor:
        """The inverse of :meth:`cells`."""
        frames, side, _ = self.tubelet()
        sizes = shape[1] // frames, shape[3] // side, shape[4] // side
        apart = cells_BNQC.unflatten(1, sizes).unflatten(4, (frames, side, side))  # B t h w f a b C
        return apart.permute(0, 1, 4, 7, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(1, 2)

    def _drawn(self, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Which cells are hidden [B, N] and which are shown; evaluated always the same ones."""
        if self.training or device.type == "meta":
            shown_BN = self._shown(batch, device)
        else:
            shown_BN = (
                self._shown(1, torch.device("cpu"), torch.Generator().manual_seed(0)).expand(batch, -1).to(device)
            )
        hidden_BN = torch.ones(batch, self._count(), dtype=torch.bool, device=device)
        return hidden_BN.scatter(1, shown_BN, value=False), shown_BN

    def _count(self) -> int:
        return int(self.encoder.embeddings.num_patches)

    def _unit(self, pixels: Tensor) -> Tensor:
        """Back to [0, 1], at the model's size."""
        mean, deviation = (torch.tensor(v, device=pixels.device)[:, None, None] for v in (self.mean, self.deviation))
        return pixels * deviation + mean

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What it gives, and the encoder's maps over all cells."""
        given = self(**incoming)
        _, maps = super().watched(**incoming)
        return given, maps

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        made = self.encoder(pixel_values=self._pixels(incoming["video"]), output_attentions=True)
        return {}, made.attentions


def _sheet(x_BTCHW: Tensor) -> Tensor:
    """Frames in rows that are as long as each other, the first at the upper left [B, C, rows * H, columns * W]."""
    frames = x_BTCHW.shape[1]
    columns = next(count for count in range(math.isqrt(max(frames - 1, 0)) + 1, frames + 1) if frames % count == 0)
    return x_BTCHW.unflatten(1, (-1, columns)).permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
