"""ConvNeXt V2 is transformers' on the same weights, read from a folder, at any image size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.blocks.encoders.convnext_v2 import ConvNeXtV2
from core.blocks.encoders.hub_image import IMAGENET_DEVIATION, IMAGENET_MEAN
from core.blocks.encoders.hub_loading import transformers_module


def test_tokens_are_the_cells_of_transformers_model(tmp_path: Path) -> None:
    library = transformers_module()
    torch.manual_seed(0)
    config = library.ConvNextV2Config(hidden_sizes=[4, 8, 12, 16], depths=[1, 1, 2, 1], patch_size=2, image_size=32)
    theirs = library.ConvNextV2Model(config).eval()
    for name, parameter in theirs.named_parameters():
        if ".grn." in name:
            torch.nn.init.normal_(parameter)  # zero at first: it would hide what it does
    theirs.save_pretrained(tmp_path)
    image = torch.rand(2, 3, 48, 32)
    ours = ConvNeXtV2(ConvNeXtV2.Config(source=str(tmp_path)), {"image": image}).eval()
    tokens = ours(image)["tokens"]
    assert tokens.grid is not None
    assert tokens.grid.sizes == (3, 2)
    mean, deviation = (torch.tensor(row)[:, None, None] for row in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    expected = theirs((image - mean) / deviation)
    torch.testing.assert_close(tokens.x_BND, expected.last_hidden_state.flatten(2).transpose(1, 2), atol=1e-6, rtol=0)
    pooled = theirs.layernorm(tokens.x_BND.mean(1))
    torch.testing.assert_close(pooled, expected.pooler_output, atol=1e-5, rtol=0)


def test_an_image_that_would_vanish_is_told() -> None:
    small = torch.rand(1, 3, 8, 8)
    with pytest.raises(ValueError, match="below 32 pixels; these have 8"):
        ConvNeXtV2(ConvNeXtV2.Config(), {"image": torch.empty(1, 3, 64, 64)})(small)
