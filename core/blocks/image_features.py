"""Fixed networks that pictures are compared by: a distance between pictures, and features whose distribution is compared.

Two can be named. *random features*: five convolutions with weights from a fixed seed; they see edges and colours, and nothing was
learned. *EfficientNet-Lite0*: ImageNet's, where its packages are installed. Neither is VGG, so figures are not those of papers.
They are no part of a model: nothing here is trained or saved. Axes: B batch, C channels, H height, W width, F features.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.encoders.efficientnet_lite import EfficientNetLite

RANDOM, EFFICIENTNET = "random features", "EfficientNet-Lite0"
EXTRACTORS = (RANDOM, EFFICIENTNET)
WIDTHS = (3, 32, 64, 64, 96, 128)
SMALLEST_SIDE = 64  # pixels at which EfficientNet-Lite0 still sees something
TINY = 1e-10


class RandomFeatures(nn.Module):
    """Convolutions with He's weights (arXiv:1502.01852) from one seed; each but the first halves the map while it can be halved."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        with torch.device("cpu"):
            for level, (now, out) in enumerate(itertools.pairwise(WIDTHS)):
                weight = torch.randn(out, now, 3, 3, generator=draw) * (2 / (now * 9)) ** 0.5
                self.register_buffer(f"weight_{level}", weight, persistent=False)

    def maps(self, image: Tensor) -> Iterator[Tensor]:
        """[B, 3, H, W] in [0, 1] to feature maps, fine to coarse."""
        x_BCHW = image * 2 - 1
        for level in range(len(WIDTHS) - 1):
            if level and min(x_BCHW.shape[-2:]) >= 4:
                x_BCHW = F.avg_pool2d(x_BCHW, 2)
            x_BCHW = F.relu(F.conv2d(x_BCHW, self.get_buffer(f"weight_{level}").to(x_BCHW), padding=1))
            yield x_BCHW


class EfficientNetFeatures(nn.Module):
    """The maps of EfficientNet-Lite0 before each halving. Raises Refused where the packages are not installed."""

    def __init__(self, side: int) -> None:
        super().__init__()
        with torch.device("cpu"):
            whole = EfficientNetLite(EfficientNetLite.Config(side=max(side, SMALLEST_SIDE)), {})
        self._kept = (
            whole.net.eval().requires_grad_(False),
            max(side, SMALLEST_SIDE),
        )  # in a tuple, so it is not saved

    def maps(self, image: Tensor) -> Iterator[Tensor]:
        """[B, 3, H, W] in [0, 1] to feature maps, fine to coarse."""
        net: Any = self._kept[0].to(image.device)
        side = self._kept[1]
        seen = F.interpolate(image, (side, side), mode="bilinear") if image.shape[-2:] != (side, side) else image
        x_BCHW = net._swish(net._bn0(net._conv_stem((seen * 255 - 127) / 128)))
        for block in net._blocks:
            if block._depthwise_conv.stride[0] > 1:
                yield x_BCHW
            x_BCHW = block(x_BCHW)
        yield net._swish(net._bn1(net._conv_head(x_BCHW)))


class ImageFeatures(nn.Module):
    """A named extractor."""

    def __init__(self, name: str, side: int) -> None:
        super().__init__()
        self.name = name
        self.extractor = RandomFeatures() if name == RANDOM else EfficientNetFeatures(side)

    def distance(self, made: Tensor, real: Tensor) -> Tensor:
        """How different pictures look, [B]: LPIPS (arXiv:1801.03924) with equal weights; 0 for equal pictures.

        At every place of every map, the squared distance of unit feature vectors; the mean over places, then over maps.
        """
        if made.is_meta:  # weights lie on the processor
            return (made - real).flatten(1).mean(1)
        pairs = zip(self.extractor.maps(made), self.extractor.maps(real))
        return torch.stack([(_unit(one) - _unit(other)).pow(2).sum(1).mean((1, 2)) for one, other in pairs]).mean(0)

    def vectors(self, image: Tensor) -> Tensor:
        """[B, F]: the last map's mean over places."""
        *_, last = self.extractor.maps(image)
        return last.mean((2, 3))


def _unit(x_BCHW: Tensor) -> Tensor:
    return x_BCHW / (x_BCHW.pow(2).sum(1, keepdim=True) + TINY).sqrt()
