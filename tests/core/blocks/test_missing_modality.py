"""What is missing is left out: absent samples of a contrastive loss, hidden modalities, sounds of another length."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.blocks.connectors.modality_dropout import ModalityDropout
from core.blocks.encoders.audio_cnn import AudioCNN
from core.blocks.negatives.choice import whole_batch
from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.values import Spectrogram
from core.knobs import configure


def info_nce(**incoming: torch.Tensor) -> InfoNCE:
    return InfoNCE(configure(InfoNCE.Config, {}), {"left": torch.zeros(2, 8), "right": torch.zeros(2, 8), **incoming})


def test_absent_samples_are_as_if_they_were_not_in_the_batch() -> None:
    torch.manual_seed(0)
    left, right = (torch.randn(10, 8, requires_grad=True) for _ in range(2))
    present = torch.tensor([1, 0, 1, 1, 0, 1, 0, 1, 1, 0])
    there = present > 0
    loss = info_nce()
    masked = loss(left, right, present=present)["loss"]
    alone = loss(left[there], right[there])["loss"]
    torch.testing.assert_close(masked, alone)
    masked_grads = torch.autograd.grad(masked, [left, right])
    alone_grads = torch.autograd.grad(alone, [left, right])
    for ours, theirs in zip(masked_grads, alone_grads):
        torch.testing.assert_close(ours, theirs)
        assert not ours[~there].any()


def test_a_batch_without_any_is_zero_and_has_a_gradient() -> None:
    left, right = (torch.randn(4, 8, requires_grad=True) for _ in range(2))
    loss = info_nce()(left, right, present=torch.zeros(4))["loss"]
    loss.backward()
    assert loss.item() == 0
    assert left.grad is not None
    assert not left.grad.any()
    assert left.grad.isfinite().all()


def test_all_present_is_plain_also_with_chosen_negatives() -> None:
    left, right = torch.randn(5, 8), torch.randn(5, 8)
    loss = info_nce()
    plain = loss(left, right)["loss"]
    torch.testing.assert_close(loss(left, right, present=torch.ones(5))["loss"], plain)
    torch.testing.assert_close(loss(left, right, whole_batch(left, right), torch.ones(5))["loss"], plain)


def test_smoothing_over_absent_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="spread over negatives that were left out"):
        InfoNCE(
            configure(InfoNCE.Config, {"label_smoothing": 0.1}),
            {"left": torch.zeros(2, 8), "right": torch.zeros(2, 8), "present": torch.ones(2)},
        )


def dropout(rate: float) -> ModalityDropout:
    return ModalityDropout(configure(ModalityDropout.Config, {"rate": rate}), {"embedding": torch.zeros(2, 8)})


def test_the_share_that_is_hidden_is_the_rate_in_training_and_none_after() -> None:
    torch.manual_seed(0)
    block, x_BD = dropout(0.3), torch.randn(20_000, 8)
    made = block.train()(x_BD)["embedding"]
    hidden = (made == block.missing_embedding).all(-1)
    assert float(hidden.float().mean()) == pytest.approx(0.3, abs=0.012)
    assert float(block.readings()["hidden"]) == pytest.approx(float(hidden.float().mean()))
    assert torch.equal(made[~hidden], x_BD[~hidden])
    assert torch.equal(block.eval()(x_BD)["embedding"], x_BD)


def test_a_sample_without_the_modality_gets_the_token_and_teaches_it() -> None:
    block, x_BD = dropout(0.0), torch.randn(4, 8, requires_grad=True)
    made = block.train()(x_BD, torch.tensor([1.0, 0.0, 0.4, 0.0]))["embedding"]
    assert torch.equal(made[1], block.missing_embedding)
    made.sum().backward()
    assert x_BD.grad is not None
    assert x_BD.grad.any(-1).tolist() == [True, False, True, False]
    assert block.missing_embedding.grad is not None
    assert block.missing_embedding.grad.tolist() == [2.0] * 8


def test_asked_without_the_modality_all_get_the_token() -> None:
    block = dropout(0.5).eval()
    block.is_absent = True
    made = block(torch.randn(3, 8))["embedding"]
    assert (made == block.missing_embedding).all()


def test_cells_behind_the_end_of_a_sound_are_masked() -> None:
    torch.manual_seed(0)
    spectrogram = Spectrogram(
        x_BFT=torch.randn(3, 32, 40),
        lengths_B=torch.tensor([3999, 2000, 0]),
        samples=3999,
        hertz=8000,
        hop=100,
        window=256,
    )
    block = AudioCNN(configure(AudioCNN.Config, {"stages": 3}), {"spectrogram": spectrogram})
    tokens = block(spectrogram)["tokens"]
    assert tokens.grid is not None
    assert tokens.grid.sizes == (4, 5)
    mask = tokens.mask_BN.view(3, 4, 5)
    assert mask[0].all()
    assert mask[1].sum(-1).tolist() == [3, 3, 3, 3]  # 2.5 frames of 5, begun ones count
    assert not mask[2].any()
    blind = AudioCNN(configure(AudioCNN.Config, {"stages": 3, "mask_padding": False}), {"spectrogram": spectrogram})
    assert blind(spectrogram)["tokens"].mask_BN is None


def sounds(lengths: list[int], *, frames: int = 41) -> Spectrogram:
    torch.manual_seed(1)
    return Spectrogram(
        x_BFT=torch.randn(len(lengths), 32, frames), lengths_B=torch.tensor(lengths), samples=(frames - 1) * 100,
        hertz=8000, hop=100, window=256,
    )  # fmt: skip


def audio_cnn(spectrogram: Spectrogram, **knobs: object) -> AudioCNN:
    torch.manual_seed(0)
    block = AudioCNN(configure(AudioCNN.Config, {"stages": 3, "depth": 2, **knobs}), {"spectrogram": spectrogram})
    for name, parameter in block.named_parameters():
        if "body.4.weight" in name:  # begins at zero, and would hide what the second convolution does
            torch.nn.init.normal_(parameter, std=0.5)
    return block


def test_a_whole_sound_beside_a_padded_one_gives_what_it_gave_before_bit_for_bit() -> None:
    spectrogram = sounds([4000, 1730, 4000])
    masked, before = audio_cnn(spectrogram), audio_cnn(spectrogram, mask_padding=False)
    found, kept = (block(spectrogram)["tokens"].x_BND for block in (masked, before))
    assert torch.equal(found[[0, 2]], kept[[0, 2]])
    assert not torch.allclose(found[1], kept[1])
    whole = replace(spectrogram, x_BFT=spectrogram.x_BFT[[0, 2]], lengths_B=spectrogram.lengths_B[[0, 2]])
    for block in (masked, before):
        block.zero_grad()
        block(whole)["tokens"].x_BND.square().sum().backward()
    for one, other in zip(masked.parameters(), before.parameters()):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-5)


def test_a_padded_sound_gives_what_it_gives_cut_to_its_end() -> None:
    spectrogram = sounds([4000, 1600])
    block = audio_cnn(spectrogram)
    cut = replace(spectrogram, x_BFT=spectrogram.x_BFT[1:, :, :17], lengths_B=spectrogram.lengths_B[1:], samples=1600)
    together, alone = block(spectrogram)["tokens"], block(cut)["tokens"]
    bands, frames = together.grid.sizes
    short = alone.grid.sizes[1]
    torch.testing.assert_close(
        together.x_BND[1].view(bands, frames, -1)[:, :short],
        alone.x_BND[0].view(bands, short, -1),
        atol=1e-5,
        rtol=1e-5,
    )


@pytest.mark.parametrize(("samples", "cells"), [(32_000, 8), (32_000, 13), (4_000, 8), (44_100, 11), (1_601, 3)])
def test_cells_are_those_that_version_1_counted(samples: int, cells: int) -> None:
    """Its valid fraction went beside the spectrogram as a float32; the example has 32,000 samples and 8 cells."""
    lengths = torch.arange(samples + 1)
    spectrogram = Spectrogram(
        x_BFT=torch.zeros(1), lengths_B=lengths, samples=samples, hertz=16_000, hop=256, window=512
    )
    share = torch.tensor([length / samples for length in lengths.tolist()])
    before = torch.arange(cells) < (share.float() * cells).ceil()[:, None]
    assert torch.equal(spectrogram.real_parts(cells), before)
