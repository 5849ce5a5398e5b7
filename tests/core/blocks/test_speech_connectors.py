"""What stands between hearing and language: frames merged without losing any, languages told or found frame by frame."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from core.blocks.connectors.language_embedding import LanguageEmbedding
from core.blocks.connectors.merge_frames import CONVOLUTION, EVERY_NTH, MEAN, STACKED, MergeFrames
from core.blocks.experts.by_language import HARD, SOFT, LanguageMixture
from core.blocks.values import Grid, Tokens
from core.problems import Refused


def sound(x_BND: Tensor, mask: Tensor | None = None) -> Tokens:
    grid = Grid(kind="times", sizes=(x_BND.shape[1],), first=0.0, step=0.02)
    return Tokens(x_BND=x_BND, mask_BN=mask, modality="audio", grid=grid)


def merging(tokens: Tokens, **knobs: Any) -> MergeFrames:
    torch.manual_seed(0)
    return MergeFrames(MergeFrames.Config(**{"width": 8, **knobs}), {"tokens": tokens})


def reach(how: str, frames: int = 20) -> Tensor:
    """How much each frame moves what comes out: the size of its gradient."""
    x = torch.randn(2, frames, 6, requires_grad=True)
    made = merging(sound(x), how=how)(sound(x))["tokens"].x_BND
    torch.manual_seed(1)
    (made * torch.randn_like(made)).sum().backward()
    assert x.grad is not None
    return x.grad.norm(dim=-1)


@pytest.mark.parametrize("how", [STACKED, CONVOLUTION, MEAN])
def test_every_frame_counts(how: str) -> None:
    assert (reach(how) > 1e-4).all()


def test_every_nth_loses_four_of_five() -> None:
    assert ((reach(EVERY_NTH) > 0).sum(1) == 4).all()


def test_the_written_slice_takes_samples_and_not_frames() -> None:
    """``x[::5]`` on [batch, frames, width]: of a batch of 8 two samples are left, with all their frames."""
    x = torch.randn(8, 20, 6)
    assert x[::5].shape == (2, 20, 6)
    assert x[:, ::5].shape == (8, 4, 6)


def test_whispers_1500_frames_become_300_tenths_of_a_second_apart() -> None:
    with torch.device("meta"):
        tokens = sound(torch.empty(1, 1500, 12))
        made = MergeFrames(MergeFrames.Config(width=16), {"tokens": tokens})(tokens)["tokens"]
    assert made.x_BND.shape == (1, 300, 16)
    assert (made.grid.first, made.grid.step) == (pytest.approx(0.04), pytest.approx(0.1))


def test_stacked_is_a_linear_map_of_five_frames_and_a_convolution_is_the_same_map() -> None:
    x = torch.randn(2, 10, 6)
    stacked, convolved = (merging(sound(x), how=how) for how in (STACKED, CONVOLUTION))
    torch.testing.assert_close(stacked(sound(x))["tokens"].x_BND, stacked.into(x.reshape(2, 2, 30)))
    with torch.no_grad():
        convolved.into.weight.copy_(stacked.into.weight.unflatten(1, (5, 6)).transpose(1, 2))
        convolved.into.bias.copy_(stacked.into.bias)
    torch.testing.assert_close(
        convolved(sound(x))["tokens"].x_BND, stacked(sound(x))["tokens"].x_BND, atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("how", [STACKED, CONVOLUTION, MEAN])
def test_what_is_padded_gives_what_it_gives_alone(how: str) -> None:
    x, mask = torch.randn(2, 13, 6), torch.ones(2, 13, dtype=torch.bool)
    mask[1, 7:] = False
    module = merging(sound(x), how=how)
    together, alone = module(sound(x, mask))["tokens"], module(sound(x[1:, :7]))["tokens"]
    assert together.mask_BN.tolist() == [[True] * 3, [True, True, False]]
    torch.testing.assert_close(together.x_BND[1, :2], alone.x_BND[0])


def test_a_language_is_trained_saved_and_moved_with_the_model() -> None:
    tokens, codes = sound(torch.randn(3, 4, 6)), torch.tensor([[0], [2], [-1]])
    block = LanguageEmbedding(LanguageEmbedding.Config(languages=3), {"tokens": tokens})
    made = block(tokens, codes)["tokens"]
    added = made.x_BND - tokens.x_BND
    torch.testing.assert_close(added[0], block.vectors.weight[0].expand(4, -1), atol=1e-6, rtol=1e-4)
    assert added[2].abs().max() == 0
    assert list(block.state_dict()) == ["vectors.weight"]
    made.x_BND.square().sum().backward()
    assert (block.vectors.weight.grad.norm(dim=1) > 0).tolist() == [True, False, True]
    assert block.double().vectors.weight.dtype == torch.float64


def test_a_language_too_many_is_refused_in_words() -> None:
    tokens = sound(torch.randn(1, 4, 6))
    block = LanguageEmbedding(LanguageEmbedding.Config(languages=2), {"tokens": tokens})
    with pytest.raises(Refused, match="number 3; this block knows 2"):
        block(tokens, torch.tensor([[2]]))


def test_in_training_a_language_is_sometimes_not_told() -> None:
    tokens = sound(torch.zeros(64, 1, 6))
    block = LanguageEmbedding(LanguageEmbedding.Config(languages=2, dropout=0.5), {"tokens": tokens}).train()
    torch.manual_seed(0)
    silent = (block(tokens, torch.zeros(64, 1, dtype=torch.long))["tokens"].x_BND.abs().amax((1, 2)) == 0).sum()
    assert 16 < int(silent) < 48


def spoken(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames of two languages that change within a clip; each language must be read by a map of its own."""
    generator = torch.Generator().manual_seed(seed)
    language_BN = torch.rand(16, 12, generator=generator) < 0.5
    x = torch.randn(16, 12, 8, generator=generator)
    x[..., 0] = torch.where(language_BN, 1.0, -1.0)  # an accent
    maps = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(9))
    return x, torch.einsum("bnd,bnde->bne", x, maps[language_BN.long()]), language_BN


def taught(routing: str) -> tuple[LanguageMixture, Tensor]:
    x, wanted, _ = spoken(0)
    torch.manual_seed(0)
    block = LanguageMixture(LanguageMixture.Config(routing=routing), {"tokens": sound(x)})
    before = block.gate.weight.detach().clone()
    optimiser = torch.optim.Adam(block.parameters(), lr=0.03)
    for _ in range(200):
        optimiser.zero_grad()
        (block(sound(x))["tokens"].x_BND - wanted).square().mean().backward()
        optimiser.step()
    return block, before


def test_reading_alone_teaches_a_soft_mixture_which_language_each_frame_is_in() -> None:
    block, _ = taught(SOFT)
    x, wanted, language = spoken(1)
    made = block(sound(x))
    said = made["languages"].x_BND.argmax(-1).bool()
    agreement = float((said == language).double().mean())
    assert max(agreement, 1 - agreement) > 0.97
    assert float((made["tokens"].x_BND - wanted).square().mean().detach()) < 0.1 * float(wanted.square().mean())
    torch.testing.assert_close(made["languages"].x_BND.exp().sum(-1), torch.ones(16, 12))


def test_hard_routing_teaches_its_gate_nothing() -> None:
    block, before = taught(HARD)
    assert block.gate.weight.grad is None or float(block.gate.weight.grad.abs().max()) == 0
    torch.testing.assert_close(block.gate.weight.detach(), before)
