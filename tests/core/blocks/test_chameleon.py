"""Chameleon's classes as a block: transformers' own forward with its placeholders, a folder, an image that is masked out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.text_transformer import example_text
from core.blocks.generators.chameleon import Chameleon
from core.blocks.objectives.next_word import NextWord
from core.blocks.values import Text
from core.problems import Refused

transformers = transformers_module()


def given() -> dict[str, Any]:
    torch.manual_seed(1)
    return Chameleon.example()


def block(**knobs: Any) -> Chameleon:
    torch.manual_seed(0)
    made = Chameleon(Chameleon.Config(**{**Chameleon.tiny(), "depth": 2, **knobs}), given()).eval()
    for parameter in made.model.model.layers.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    vq = made.model.model.vqmodel
    with torch.no_grad():  # every cell of the example is a code of its own
        cells = vq.quant_conv(vq.encoder(given()["image"] * 2 - 1)).permute(0, 2, 3, 1).flatten(0, 2)
        vq.quantize.embedding.weight.copy_(cells)
    return made


def test_it_says_what_transformers_says_with_the_image_in_its_place() -> None:
    """Their placeholders and pixels; ours reads the first word from the image's end."""
    ours, example = block(), given()
    image, text = example["image"], example["text"]
    model, cells = ours.model, 4
    holds = model.config.vocabulary_map["<image>"]
    for row in range(2):
        real = int(text.mask_BL[row].sum())
        ids = text.ids_BL[row, :real].tolist()
        laid = [ids[0], ours.begins, *[holds] * cells, ours.ends, *ids[1:]]
        with torch.no_grad():
            theirs = model(input_ids=torch.tensor([laid]), pixel_values=image[row : row + 1] * 2 - 1).logits[0]
            mine = ours(image=image, text=text)
        assert mine["codes"].ids_BN.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert (mine["logits"][row, :real] - theirs[-real:, : ours.known]).abs().max() < 1e-5
        assert not mine["tokens"].zeroed().x_BND[row, real:].any()
    assert (mine["codes"].grid.sizes, mine["codes"].books) == ((2, 2), (8,))


def test_words_look_at_the_image_and_another_image_says_something_else() -> None:
    ours, example = block(), given()
    with torch.no_grad():
        made, maps = ours.watched(**example)
        assert maps["1"].shape == (2, 2, 6, 4)
        torch.testing.assert_close(maps["1"].sum(-1), torch.ones(2, 2, 6))
        other = ours(image=1 - example["image"], text=example["text"])
    assert (other["codes"].ids_BN != made["codes"].ids_BN).any()
    assert (other["logits"] - made["logits"]).abs().max() > 1e-3


def test_what_comes_later_is_not_seen_and_codes_are_never_words() -> None:
    ours, example = block(), given()
    text = example["text"]
    ids = text.ids_BL.clone()
    ids[:, 4:] = 7
    with torch.no_grad():
        one, other = (ours(image=example["image"], text=each)["logits"] for each in (text, replace(text, ids_BL=ids)))
    torch.testing.assert_close(one[:, :4], other[:, :4])
    whole = Text(ids_BL=text.ids_BL, mask_BL=text.mask_BL, vocabulary=ours.model.config.vocab_size)
    ours.known = whole.vocabulary
    with torch.no_grad():
        said = ours(image=example["image"], text=whole)["logits"].softmax(-1)
    assert not said[..., ours.pieces_K].any()


def test_it_learns_but_its_image_tokenizer_does_not() -> None:
    ours, example = block().train(), given()
    loss = NextWord(NextWord.Config(), {"logits": torch.zeros(1, 1, ours.known), "text": example["text"]})(
        logits=ours(**example)["logits"], text=example["text"]
    )["loss"]
    loss.backward()
    assert not any(parameter.requires_grad for parameter in ours.model.model.vqmodel.parameters())
    learning = [name for name, parameter in ours.named_parameters() if parameter.requires_grad]
    assert all(dict(ours.named_parameters())[name].grad is not None for name in learning)


def test_it_comes_from_a_folder_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    ours, example = block(), given()
    ours.model.save_pretrained(tmp_path / "chameleon")
    again = Chameleon(Chameleon.Config(source=str(tmp_path / "chameleon")), example).eval()
    with torch.no_grad():
        assert torch.equal(again(**example)["logits"], ours(**example)["logits"])
    with torch.device("meta"):
        ghost = Chameleon(Chameleon.Config(source=str(tmp_path / "chameleon")), example)
    assert [p.shape for p in ghost.parameters()] == [p.shape for p in again.parameters()]
    large = replace(example_text(), vocabulary=10_000)
    with pytest.raises(Refused, match="10,000 subwords"):
        Chameleon(Chameleon.Config(source=str(tmp_path / "chameleon")), {**example, "text": large})
    ours.model.config.vocabulary_map = {"<image>": 1}
    ours.model.save_pretrained(tmp_path / "unnamed")
    with pytest.raises(Refused, match="does not name"):
        Chameleon(Chameleon.Config(source=str(tmp_path / "unnamed")), example)
