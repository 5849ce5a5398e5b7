"""Masked words and patches, and matching: beginnings, scores, and the 80/10/10 rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.blocks.connectors.mask_tokens import MaskTokens
from core.blocks.objectives.masked_patches import MaskedPatches
from core.blocks.objectives.masked_words import SILENT, MaskedWords
from core.blocks.objectives.matching import Matching
from core.blocks.values import Grid, Text, Tokens
from core.data.base import Pieces
from core.data.transforms.mask_words import MaskWords


@pytest.mark.parametrize("vocabulary", [50, 2048, 30522])
def test_masked_words_begin_at_ln_v(vocabulary: int) -> None:
    torch.manual_seed(0)
    tokens = Tokens(x_BND=torch.randn(16, 20, 128))
    labels = torch.randint(0, vocabulary, (16, 20))
    text = Text(ids_BL=labels, mask_BL=labels > 0, vocabulary=vocabulary)
    block = MaskedWords(MaskedWords.Config(), {"tokens": tokens, "text": text})
    assert float(block(tokens, labels, text)["loss"].detach()) == pytest.approx(math.log(vocabulary), abs=0.06)


def test_only_hidden_words_count() -> None:
    torch.manual_seed(0)
    tokens = Tokens(x_BND=torch.randn(2, 5, 8))
    text = Text(ids_BL=torch.ones(2, 5, dtype=torch.long), mask_BL=torch.ones(2, 5, dtype=torch.bool), vocabulary=9)
    block = MaskedWords(MaskedWords.Config(), {"tokens": tokens, "text": text})
    labels = torch.full((2, 5), SILENT)
    assert float(block(tokens, labels, text)["loss"].detach()) == 0, "nothing hidden costs nothing"
    labels[0, 2] = 3
    other = Tokens(x_BND=tokens.x_BND.clone())
    other.x_BND[1] += 5
    torch.testing.assert_close(block(tokens, labels, text)["loss"], block(other, labels, text)["loss"])
    assert int(block.counts_V[3]) == 2
    with torch.no_grad():
        scores = block.held_out_scores(block.answers(tokens, labels, text))
    assert set(scores) == {"accuracy", "chance accuracy", "loss"}
    assert scores["chance accuracy"] == 1.0
    with pytest.raises(ValueError, match="wire the text side"):
        block(Tokens(x_BND=torch.randn(2, 6, 8)), labels, text)


def test_eighty_ten_ten() -> None:
    vocabulary, length = 1000, 4000
    ids = torch.randint(4, vocabulary, (length,))
    ids[0], ids[-1] = 2, 3
    step = MaskWords(MaskWords.Config(share=0.5))
    made = step.apply({"text": Pieces(ids=ids, real=length, vocabulary=vocabulary)}, np.random.default_rng(0))
    labels, masked = made["labels"], made["text"].ids
    chosen = labels != SILENT
    assert int(chosen.sum()) == 1999
    assert not chosen[0]
    assert not chosen[-1]
    assert torch.equal(labels[chosen], ids[chosen])
    assert torch.equal(masked[~chosen], ids[~chosen])
    assert made["text"].vocabulary == vocabulary + 1
    share = {
        "mask": (masked[chosen] == vocabulary).float().mean(), "kept": (masked[chosen] == ids[chosen]).float().mean(),
    }  # fmt: skip
    assert float(share["mask"]) == pytest.approx(0.8, abs=0.03)
    assert float(share["kept"]) == pytest.approx(0.1, abs=0.03)


def test_the_same_generator_hides_the_same_words_and_a_bare_sentence_none() -> None:
    step = MaskWords(MaskWords.Config())
    text = Pieces(ids=torch.tensor([2, 9, 8, 7, 3, 0]), real=5, vocabulary=20)
    first, second = (step.apply({"text": text}, np.random.default_rng(4))["labels"] for _ in range(2))
    assert torch.equal(first, second)
    assert int((first != SILENT).sum()) == 1
    comma = Pieces(ids=torch.tensor([2, 9, 8, 3]), real=4, vocabulary=20, words=("", ",", "cat", ""))
    for seed in range(5):
        assert int(step.apply({"text": comma}, np.random.default_rng(seed))["labels"][2]) == 8, (
            "punctuation is left alone"
        )
    bare = Pieces(ids=torch.tensor([2, 3, 0]), real=2, vocabulary=20)
    assert (step.apply({"text": bare}, np.random.default_rng(0))["labels"] == SILENT).all()


def test_masked_tokens_are_hidden_and_cls_never() -> None:
    tokens = Tokens(x_BND=torch.randn(3, 17, 8), grid=Grid(kind="patches", sizes=(4, 4), extra=1))
    block = MaskTokens(MaskTokens.Config(share=0.25), {"tokens": tokens})
    for mode in (True, False):
        made = block.train(mode)(tokens)
        assert made["hidden"].sum(1).tolist() == [4, 4, 4]
        assert not made["hidden"][:, 0].any()
        hidden = made["hidden"] > 0
        torch.testing.assert_close(made["tokens"].x_BND[hidden], block.mask_D.detach().expand(12, -1))
        assert torch.equal(made["tokens"].x_BND[~hidden], tokens.x_BND[~hidden])
    assert torch.equal(block(tokens)["hidden"], block(tokens)["hidden"])


def test_masked_patches_score_zero_for_the_mean_and_one_for_the_truth() -> None:
    block = MaskedPatches(
        MaskedPatches.Config(),
        {"tokens": Tokens(x_BND=torch.randn(2, 4, 8)), "target": Tokens(x_BND=torch.randn(2, 4, 6))},
    )
    truth = torch.randn(50, 6)
    spread = (truth - truth.mean(0)).pow(2).sum(-1)
    assert block.held_out_scores({"error": spread, "truth": truth})["R2"] == pytest.approx(0, abs=1e-5)
    assert block.held_out_scores({"error": spread * 0, "truth": truth})["R2"] == 1


def test_matching_knows_chance() -> None:
    block = Matching(Matching.Config(), {"embedding": torch.randn(4, 8)})
    label = torch.tensor([1.0, 1.0, 0.0, 0.0])
    scores = block.held_out_scores({"logit": torch.tensor([3.0, -1.0, -2.0, -5.0]), "label": label})
    assert scores == {"accuracy": 0.75, "chance accuracy": 0.5}
    x = torch.randn(4, 8)
    assert float(block(x, label)["loss"].detach()) == pytest.approx(
        float(torch.nn.functional.binary_cross_entropy_with_logits(block.answer(x)[:, 0], label).detach())
    )
