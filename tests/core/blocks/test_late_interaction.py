"""Late interaction (arXiv:2111.07783): its limits, its padding, its memory."""

from __future__ import annotations

import torch

from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.objectives.late_interaction import LateInteraction, in_strips
from core.blocks.values import Tokens


def tokens(batch: int, count: int, width: int = 6, real: int | None = None, seed: int = 0) -> Tokens:
    x = torch.randn(batch, count, width, generator=torch.Generator().manual_seed(seed))
    mask = torch.arange(count).expand(batch, -1) < (real or count)
    return Tokens(x_BND=x, mask_BN=mask)


def loss(left: Tokens, right: Tokens, **knobs: object) -> torch.Tensor:
    return LateInteraction(LateInteraction.Config(**knobs), {"left": left, "right": right})(left, right)["loss"]


def test_one_patch_and_one_word_are_info_nce() -> None:
    left, right = tokens(8, 1), tokens(8, 1, seed=1)
    sides = {"left": left.x_BND[:, 0], "right": right.x_BND[:, 0]}
    torch.testing.assert_close(loss(left, right), InfoNCE(InfoNCE.Config(), sides)(**sides)["loss"])


def test_padding_changes_nothing() -> None:
    left, right = tokens(5, 7, real=4), tokens(5, 9, real=3, seed=1)
    cut = [Tokens(x_BND=side.x_BND[:, :n], mask_BN=None) for side, n in ((left, 4), (right, 3))]
    torch.testing.assert_close(loss(left, right), loss(*cut))
    wild = left.with_x(torch.where(left.mask_BN[..., None], left.x_BND, 1e4))
    torch.testing.assert_close(loss(wild, right), loss(*cut))


def test_the_table_by_hand() -> None:
    left, right = tokens(3, 4, real=3), tokens(2, 5, real=2, seed=1)
    there, back = in_strips(left, right, 100)
    a, b = (torch.nn.functional.normalize(side.x_BND, dim=-1) for side in (left, right))
    for i in range(3):
        for j in range(2):
            cosine = a[i, :3] @ b[j, :2].T
            torch.testing.assert_close(there[i, j], cosine.amax(1).mean())
            torch.testing.assert_close(back[i, j], cosine.amax(0).mean())


def test_a_sample_without_tokens_scores_zero_and_keeps_gradients_finite() -> None:
    right = tokens(3, 5, seed=1)
    mask = torch.ones(3, 4, dtype=torch.bool)
    mask[1] = False
    left = Tokens(x_BND=torch.randn(3, 4, 6, requires_grad=True), mask_BN=mask)
    there, back = in_strips(left, right, 100)
    assert not there[1].any()
    assert not back[1].any()
    (there.sum() + back.sum()).backward()
    assert left.x_BND.grad.isfinite().all()


def test_strips_give_the_same_gradient_with_less_memory() -> None:
    """64 x 64 pairs of 16 patches and 12 words: 3 MiB as one table, and what is kept for backward is counted."""

    def measured(mebibytes: float) -> tuple[torch.Tensor, int]:
        left = tokens(64, 16)
        x = left.x_BND.clone().requires_grad_()
        kept: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            made = loss(left.with_x(x), tokens(64, 12, real=7, seed=1), mebibytes=mebibytes)
        made.backward()
        return x.grad, sum(kept.values())

    whole, much = measured(256)
    strips, little = measured(0.25)
    torch.testing.assert_close(strips, whole)
    assert little < much / 10


def test_held_out_scores_are_what_the_loss_ranks_by() -> None:
    left, right = tokens(4, 3), tokens(4, 2, seed=1)
    block = LateInteraction(LateInteraction.Config(), {"left": left, "right": right})
    there, back = block.score_tables(left, right)
    scale = block.logit_scale.exp()
    target = torch.arange(4)
    by_hand = sum(torch.nn.functional.cross_entropy(scale * table, target) for table in (there, back)) / 2
    torch.testing.assert_close(block(left, right)["loss"], by_hand)
