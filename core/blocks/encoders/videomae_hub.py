"""VideoMAE's encoder (arXiv:2203.12602) from transformers' VideoMAEModel: tubelets that all attend to each other, without CLS.

In training it may be shown a part of the cells only, as when it was pretrained: tubes of the same cells through all frames, drawn for each
film, so that what is hidden in one frame is not seen in the next. What is drawn follows the run's seed. Axes: B batch, N tokens, G cells of a frame, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_video import HubVideoTower
from core.blocks.values import Frames
from core.knobs import knob

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@blocks.register("encoders.videomae_hub")
class VideoMAEHub(HubVideoTower):
    """A video transformer that was taught by hidden parts, with weights from a folder, or small with random ones."""

    title = "VideoMAE (transformers)"
    model_class, config_class = "VideoMAEModel", "VideoMAEConfig"
    mean, deviation = IMAGENET_MEAN, IMAGENET_DEVIATION

    @dataclass(frozen=True, kw_only=True)
    class Config(HubVideoTower.Config):
        """Weights or sizes, and what training hides."""

        hidden: float = knob(
            0.0, "In training, share of the cells of every frame that are not shown: the same through all frames.", low=0, high=0.95,
            title="Tubes hidden",
        )  # fmt: skip

    @property
    def encoder(self) -> Any:
        """What sees the cells."""
        return self.model

    def cut(self, frames: int, side: int) -> dict[str, Any]:
        """Two fields."""
        return {"tubelet_size": frames, "patch_size": side}

    def tubelet(self) -> tuple[int, int, int]:
        """Square patches of some frames."""
        known = self.model.config
        return known.tubelet_size, known.patch_size, known.patch_size

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, 3, H, W] to cells [B, N, D]: all, or in training those that are shown."""
        pixels = self._pixels(video)
        if not (self.training and self.config.hidden):
            return self._tokens(self.model(pixel_values=pixels).last_hidden_state, video)
        shown_BN = self._shown(len(pixels), pixels.device)
        if pixels.device.type == "meta":  # a mask's numbers are not known there, how many are shown is
            x_BND = self.model(pixel_values=pixels).last_hidden_state[:, : shown_BN.shape[1]]
        else:
            count = self.encoder.embeddings.num_patches
            hidden_BN = torch.ones(len(pixels), count, dtype=torch.bool, device=pixels.device)
            hidden_BN = hidden_BN.scatter(1, shown_BN, value=False)
            x_BND = self.model(pixel_values=pixels, bool_masked_pos=hidden_BN).last_hidden_state
        return self._tokens(x_BND, video, shown_BN)

    def _shown(self, batch: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
        """Which cells are shown [B, N]: of each film as many, at least one a frame, the same in all frames."""
        frames = self.model.config.num_frames // self.model.config.tubelet_size
        cells = self.encoder.embeddings.num_patches // frames
        kept = max(1, round(cells * (1 - self.config.hidden)))
        tubes_BG = torch.rand(batch, cells, device=device, generator=generator).topk(kept).indices.sort().values
        first_F = torch.arange(frames, device=device) * cells
        return (first_F[:, None] + tubes_BG[:, None]).flatten(1)
