"""Published OpenCLIP sizes: parameter counts against the model cards and against open_clip's own configurations."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from core.blocks.encoders.open_clip_sizes import CONTEXT, FILES, SIZES, VOCABULARY
from core.blocks.encoders.open_clip_text import OpenCLIPText
from core.blocks.encoders.open_clip_vision import OpenCLIPVision
from core.blocks.values import Text
from studio.benches import open_clip_alone


def counted(preset: str) -> int:
    """Parameters of both towers, both projections and the temperature, from meta tensors."""
    size = SIZES[preset]
    with torch.device("meta"):
        picture = torch.empty(1, 3, size.side, size.side)
        ids = torch.empty(1, CONTEXT, dtype=torch.long)
        text = Text(ids_BL=ids, mask_BL=ids.bool(), vocabulary=VOCABULARY)
        towers = [
            OpenCLIPVision(OpenCLIPVision.Config(preset=preset), {"image": picture}),
            OpenCLIPText(OpenCLIPText.Config(preset=preset), {"text": text}),
        ]
    own = sum(p.numel() for tower in towers for p in tower.parameters())
    return own + (size.vision.width + size.text.width) * size.shared + 1


@pytest.mark.parametrize(
    ("preset", "million"),
    [
        ("ViT-B/32", 151.28), ("ViT-B/16", 149.62), ("ViT-L/14", 427.62), ("ViT-L/14 336", 427.94),
        ("ViT-H/14", 986.11), ("ViT-g/14", 1366.68), ("ViT-bigG/14", 2539.57),
    ],
)  # fmt: skip
def test_parameters_equal_the_model_cards(preset: str, million: float) -> None:
    assert round(counted(preset) / 1e6, 2) == million == SIZES[preset].million_parameters


@pytest.mark.long
@pytest.mark.parametrize("preset", list(SIZES))
def test_parameters_equal_open_clips_own_configuration(preset: str) -> None:
    found = open_clip_alone.load()
    if found is None:
        pytest.skip("open_clip is not installed")
    folder = Path(sys.modules["open_clip"].__path__[0]) / "model_configs"
    config = json.loads((folder / f"{FILES[preset]}.json").read_text())
    with torch.device("meta"):
        theirs = found[0].CLIP(**{key: config[key] for key in ("embed_dim", "vision_cfg", "text_cfg")})
    assert counted(preset) == sum(p.numel() for p in theirs.parameters())
