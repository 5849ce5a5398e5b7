"""What video towers from transformers share: frames at the model's size and in its number, and cells of time, rows and columns as tokens.

A clip with another number of frames is refused, not cut: the model has a place for each. Axes: B batch, T frames, C channels, H height,
W width, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.encoders.hub import HubTower
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port

HALF = (0.5, 0.5, 0.5)


class HubVideoTower(HubTower):
    """Films to tokens through a transformers video model."""

    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per cell of time, height and width", modality="video")}
    mean: tuple[float, float, float] = HALF
    deviation: tuple[float, float, float] = HALF

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self._want_frames(incoming["video"])

    def extra(self, incoming: Mapping[str, Any]) -> dict[str, Any]:
        """The clip's own frames and side, in tubelets of two frames and patches of 8."""
        frames, _, _, side = incoming["video"].x_BTCHW.shape[1:]
        return {"image_size": side, "num_frames": frames, **self.cut(2 if frames % 2 == 0 else 1, 8)}

    def cut(self, frames: int, side: int) -> dict[str, Any]:
        """Configuration fields of the tubelets."""
        raise NotImplementedError

    def tubelet(self) -> tuple[int, int, int]:
        """Frames, rows and columns of one token."""
        raise NotImplementedError

    def _want_frames(self, video: Frames) -> None:
        frames, wanted = video.x_BTCHW.shape[1], self.model.config.num_frames
        if frames != wanted:
            raise ValueError(f"{self.title} sees {wanted} frames; clips have {frames}. Sample as many.")

    def _pixels(self, video: Frames) -> Tensor:
        x_BTCHW, side = video.in_unit_range(), self.model.config.image_size
        if x_BTCHW.shape[-2:] != (side, side):
            smooth = x_BTCHW.device.type != "meta"
            flat = F.interpolate(x_BTCHW.flatten(0, 1), (side, side), mode="bilinear", antialias=smooth)
            x_BTCHW = flat.unflatten(0, x_BTCHW.shape[:2])
        mean, deviation = (torch.tensor(v, device=x_BTCHW.device)[:, None, None] for v in (self.mean, self.deviation))
        return (x_BTCHW - mean) / deviation

    def _tokens(self, x_BND: Tensor, video: Frames, cells_BN: Tensor | None = None) -> dict[str, Any]:
        frames, rows, columns = self.tubelet()
        known = self.model.config
        sizes = (known.num_frames // frames, known.image_size // rows, known.image_size // columns)
        whole = sizes[0] * sizes[1] * sizes[2]
        extra = 0 if cells_BN is not None else x_BND.shape[1] - whole
        grid = Grid(kind="frames", sizes=sizes, extra=extra)
        spans_BT2 = video.spans(frames)
        tokens = Tokens(x_BND=x_BND, modality="video", grid=grid, spans_BT2=spans_BT2, cells_BN=cells_BN)
        return {"tokens": tokens}

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        made = self.model(pixel_values=self._pixels(incoming["video"]), output_attentions=True)
        return self._tokens(made.last_hidden_state, incoming["video"]), made.attentions

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short films."""
        starts_BT = (torch.arange(4, dtype=torch.float64) / 10).expand(2, -1)
        durations_BT = torch.full_like(starts_BT, 0.1)
        return {"video": Frames(x_BTCHW=torch.rand(2, 4, 3, 16, 16), starts_BT=starts_BT, durations_BT=durations_BT)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 16, "depth": 1, "heads": 2}
