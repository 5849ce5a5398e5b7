"""ALIGN's towers (arXiv:2102.05918) out of one saved transformers AlignModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.encoders.align_text import AlignText
from core.blocks.encoders.align_vision import AlignVision
from core.blocks.encoders.bert import BERT
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.text_transformer import example_text
from core.problems import Refused


@pytest.fixture(scope="module")
def align(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A tiny random AlignModel and the folder it was saved in."""
    library = transformers_module()
    torch.manual_seed(0)
    text = library.AlignTextConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=12,
    )  # fmt: skip
    vision = library.AlignVisionConfig(image_size=64, width_coefficient=0.1, depth_coefficient=0.1, hidden_dim=32)
    config = library.AlignConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=32)
    model = library.AlignModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    folder = tmp_path_factory.mktemp("align")
    model.save_pretrained(folder)
    return model, folder


def test_both_towers_come_out_of_one_folder_with_its_weights(align: tuple[Any, Path]) -> None:
    model, folder = align
    picture, text = torch.rand(2, 3, 64, 64), example_text()
    vision = AlignVision(AlignVision.Config(source=str(folder)), {"image": picture}).eval()
    words = AlignText(AlignText.Config(source=str(folder)), {"text": text}).eval()
    with torch.no_grad():
        pooled = model.vision_model(pixel_values=picture * 2 - 1).pooler_output
        torch.testing.assert_close(vision(picture)["tokens"].x_BND.mean(1), pooled)
        theirs = model.text_model(input_ids=text.ids_BL, attention_mask=text.mask_BL.long()).last_hidden_state
        torch.testing.assert_close(words(text)["tokens"].x_BND, theirs)
    assert pooled.abs().max() > 1e-3


def test_saving_a_tower_and_loading_it_again_is_the_same_tower(tmp_path: Path) -> None:
    picture = torch.rand(2, 3, 64, 64)
    small = AlignVision(AlignVision.Config(**AlignVision.tiny()), {"image": picture}).eval()
    small.model.save_pretrained(tmp_path)
    again = AlignVision(AlignVision.Config(source=str(tmp_path)), {"image": picture}).eval()
    assert torch.equal(small(picture)["tokens"].x_BND, again(picture)["tokens"].x_BND)


def test_weights_of_another_architecture_are_refused_not_replaced_by_random_ones(align: tuple[Any, Path]) -> None:
    with pytest.raises(Refused, match="lacks"):
        BERT(BERT.Config(source=str(align[1])), {"text": example_text()})
