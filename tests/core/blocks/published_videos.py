"""Published networks over films with weights and frames that a formula gives, the same on every machine."""

from __future__ import annotations

import torch
from torch import nn

from core.blocks.block import Block
from core.blocks.encoders.s3d import S3D
from core.blocks.encoders.video_resnet import VideoResNet
from core.blocks.values import Frames


def wave(shape: tuple[int, ...], phase: float) -> torch.Tensor:
    """Numbers in [-1, 1] that repeat nowhere nearby."""
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + phase).float().reshape(shape)


def filled(module: nn.Module) -> None:
    """Every weight and statistic by its place among the names, large enough that features stay apart through all layers."""
    for place, (name, value) in enumerate(module.state_dict().items()):
        if value.ndim > 1:
            value.copy_(wave(tuple(value.shape), place) * (6 / value[0].numel()) ** 0.5)
        elif name.endswith("running_var"):
            value.copy_(1 + 0.3 * wave(tuple(value.shape), place))
        elif name.endswith("weight"):
            value.copy_(1 + 0.2 * wave(tuple(value.shape), place))
        elif value.is_floating_point():
            value.copy_(0.1 * wave(tuple(value.shape), place))


def film() -> Frames:
    """Nine frames of 40 by 36 pixels."""
    starts_BT = (torch.arange(9, dtype=torch.float64) / 10)[None]
    x_BTCHW = (wave((1, 9, 3, 40, 36), 0.3) + 1) / 2
    return Frames(x_BTCHW=x_BTCHW, starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 0.1))


def block_for(kind: str) -> Block:
    """As published; ``s3d`` or a kind of residual network."""
    given = {"video": film()}
    return (S3D(S3D.Config(), given) if kind == "s3d" else VideoResNet(VideoResNet.Config(kind=kind), given)).eval()
