"""Several views of one object: no order, any of them, and a score by their number that is right by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from core.blocks.encoders.view_resnet import ViewResNet
from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.objectives.view_contrast import ViewContrast, choices
from core.blocks.values import Tokens, Views
from core.data.batch import collate
from core.data.media import Sides
from core.data.sources.emoji_views import EmojiViews
from core.data.transforms.some_views import SomeViews


def test_views_have_no_order_and_each_is_seen_alone() -> None:
    torch.manual_seed(0)
    views = Views(x_BVCHW=torch.rand(2, 4, 3, 16, 16), mask_BV=torch.tensor([[True] * 4, [True, True, False, True]]))
    tower = ViewResNet(ViewResNet.Config(width=8, stages=2), {"views": views}).eval()
    torch.nn.init.normal_(tower.body[-1].body[-1].weight)
    sentence = torch.randn(2, 6)
    tokens = tower(views)["tokens"]
    objective = ViewContrast(ViewContrast.Config(), {"views": tokens, "other": sentence})
    pooled_BE = objective.pooled(tokens)
    for order in permutations(range(4)):
        other = Views(x_BVCHW=views.x_BVCHW[:, order], mask_BV=views.mask_BV[:, order])
        torch.testing.assert_close(objective.pooled(tower(other)["tokens"]), pooled_BE)
    some = Views(x_BVCHW=views.x_BVCHW[1:, [0, 1, 3]], mask_BV=views.mask_BV[1:, [0, 1, 3]])
    torch.testing.assert_close(objective.pooled(tower(some)["tokens"])[0], pooled_BE[1])


def test_one_view_an_object_is_info_nce() -> None:
    torch.manual_seed(0)
    x_BD, sentence = torch.randn(5, 6, dtype=torch.float64), torch.randn(5, 6, dtype=torch.float64)
    views = Tokens(x_BND=x_BD[:, None])
    objective = ViewContrast(ViewContrast.Config(), {"views": views, "other": sentence}).double()
    torch.nn.init.eye_(objective.map.weight)
    torch.nn.init.zeros_(objective.map.bias)
    plain = InfoNCE(InfoNCE.Config(), {"left": x_BD, "right": sentence}).double()
    assert objective(views, sentence)["loss"].item() == pytest.approx(plain(x_BD, sentence)["loss"].item(), rel=1e-12)


def test_scores_by_number_of_views_are_right_by_hand() -> None:
    """Four objects on four axes; views 0 and 1 show half of each, so one view leaves two candidates and both name the object."""
    first = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
    second = torch.tensor([[0.0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]])
    right = torch.nn.functional.normalize(first + second, dim=-1)
    there = torch.ones(4, 2, dtype=torch.bool)
    objective = ViewContrast(ViewContrast.Config(), ViewContrast.example())
    scores = objective.held_out_scores({"views": torch.stack([first, second], 1), "there": there, "other": right})
    assert scores["R@1 from 1"] == 0.0  # the other of the two is as near, and ties count against it
    assert scores["R@1 from 2"] == 1.0
    assert scores["R@10 from 1"] == scores["chance R@10 from 1"] == 1.0
    assert scores["chance R@1 from 2"] == 0.25
    there[0, 1] = False
    scores = objective.held_out_scores({"views": torch.stack([first, second], 1), "there": there, "other": right})
    assert scores["R@1 from 2"] == 1.0, "asked of those that have both"


def test_choices_are_all_or_evenly_some() -> None:
    assert choices(3, 2) == [(0, 1), (0, 2), (1, 2)]
    assert len(choices(12, 6)) == 16
    assert len(set(choices(12, 6))) == 16


def test_some_views_are_left_out_at_random_and_one_stays() -> None:
    sides = Sides(views_VCHW=torch.ones(4, 3, 2, 2), real_V=torch.tensor([True, True, False, True]))
    step = SomeViews(SomeViews.Config())
    counts = set()
    for seed in range(30):
        made: Sides = step.apply({"views": sides}, np.random.default_rng(seed))["views"]
        assert not (made.real_V & ~sides.real_V).any()
        assert torch.equal(made.views_VCHW.amax((1, 2, 3)) > 0, made.real_V)
        counts.add(int(made.real_V.sum()))
    assert counts == {1, 2, 3}
    assert SomeViews(SomeViews.Config(least=3)).apply({"views": sides}, np.random.default_rng(0))["views"] is sides


def test_made_views_of_an_emoji_are_the_same_always_and_differ_among_themselves() -> None:
    source = EmojiViews(EmojiViews.Config(views=3, size=24))
    one, again = (EmojiViews(source.config).part(5, ("views", "sentence")) for _ in range(2))
    assert torch.equal(one["views"].views_VCHW, again["views"].views_VCHW)
    assert one["sentence"] == source.label(5)
    first, second, third = one["views"].views_VCHW
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    sheet = one["views"].picture()
    assert sheet.shape == (3, 48, 48)
    assert torch.equal(sheet[:, :24, 24:], second)
    assert torch.equal(sheet[:, 24:, :24], third)
    assert bool((sheet[:, 24:, 24:] == 1).all())
    assert source.part(5, ("image",))["image"].shape == (3, 24, 24)
    batch = collate([{("s", "views"): source.part(n, ("views",))["views"]} for n in (1, 2)], [1, 2])
    made, meta = batch["s", "views"], source.meta(2)["views"]
    assert made.x_BVCHW.shape == meta.x_BVCHW.shape == (2, 3, 3, 24, 24)
    assert made.mask_BV.all()
    splits = source.splits()
    assert not {source.group(n) for n in splits["train"]} & {source.group(n) for n in splits["test"]}


def test_a_whole_upright_view_shows_the_emoji() -> None:
    """With the whole of it in every view, views differ by turn and background alone."""
    views = EmojiViews(EmojiViews.Config(part=1.0, size=48)).part(0, ("views",))["views"].views_VCHW
    corner = views[:, :, 0, 0]
    assert len({tuple(colour.tolist()) for colour in corner}) == len(views)
