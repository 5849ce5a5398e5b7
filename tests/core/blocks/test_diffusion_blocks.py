"""Denoisers that draw: guidance, what is learned from and what is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.diffusion.generator import Condition
from core.blocks.diffusion.paths import COSINE, LINEAR, NAMES, STRAIGHT, path
from core.blocks.diffusion.sampling import SAMPLERS, times
from core.blocks.objectives.denoising import MIN_SNR, DenoisingError
from core.blocks.values import Tokens
from core.blocks.wish import Wish
from core.knobs import configure
from core.problems import Refused

KINDS = ("generators.unet", "generators.dit")


@pytest.fixture(autouse=True)
def without_gradients(request: pytest.FixtureRequest) -> Iterator[None]:
    """But where something is learned."""
    with torch.set_grad_enabled("learns" in request.node.name):
        yield


def shaken(module: nn.Module, spread: float = 0.1) -> Any:
    """Every weight drawn anew: layers that begin as nothing would hide what is before them."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=spread)
    return module.eval()


def built(key: str, example: dict[str, Any] | None = None, **knobs: Any) -> tuple[Any, dict[str, Any]]:
    cls = blocks[key]
    torch.manual_seed(0)
    example = cls.example() if example is None else example
    return shaken(cls(configure(cls.Config, {**cls.tiny(), **knobs}), example)), example


def condition(example: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in example.items() if name != "image"}


@pytest.mark.parametrize("key", KINDS)
def test_at_first_a_transformer_or_u_net_says_nothing(key: str) -> None:
    cls = blocks[key]
    block, example = cls(configure(cls.Config, cls.tiny()), cls.example()), cls.example()
    assert not block.eval()(**example)["denoised"].prediction_BCHW.any()


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_hangs_on_its_seed_and_its_condition_alone(key: str, sampler: str, name: str) -> None:
    block, example = built(key, sampler=sampler, path=name, steps=3)
    given = condition(example)
    both = block.make(Wish(seeds=(5, 6)), **given)["image"]
    assert both.shape == (2, 3, 8, 8)
    assert 0 <= float(both.min()) <= float(both.max()) <= 1
    torch.testing.assert_close(block.make(Wish(seeds=(5, 6)), **given)["image"], both, rtol=0, atol=0)
    second = {"tokens": given["tokens"].with_x(given["tokens"].x_BND[1:], mask_BN=given["tokens"].mask_BN[1:]),
              "embedding": given["embedding"][1:]}  # fmt: skip
    torch.testing.assert_close(block.make(Wish(seeds=(6,)), **second)["image"][0], both[1], rtol=0, atol=1e-4)
    assert not torch.allclose(block.make(Wish(seeds=(6, 6)), **given)["image"][0], both[0], atol=1e-3)


@pytest.mark.parametrize("key", KINDS)
def test_guidance_of_one_is_the_conditional_model_and_of_nothing_ignores_the_condition(key: str) -> None:
    block, example = built(key)
    given, calls = condition(example), []
    network = block.network

    def counted(z: Tensor, vector: Tensor, told: Condition) -> Tensor:
        calls.append(bool(told.mask_BM[:, 1:].any()))
        return network(z, vector, told)

    block.network = counted
    first = block.make(Wish(seeds=(1, 2), guidance=lambda: 1.0), **given)["image"]
    assert calls == [True] * 3  # only the condition's prediction is asked
    calls.clear()
    block.make(Wish(seeds=(1, 2), guidance=lambda: 2.0), **given)
    assert calls == [False, True] * 3
    other = {"tokens": given["tokens"].with_x(given["tokens"].x_BND + 1), "embedding": given["embedding"] + 1}
    free = [block.make(Wish(seeds=(1, 2), guidance=lambda: 0.0), **told)["image"] for told in (given, other)]
    assert torch.equal(*free)
    assert not torch.allclose(first, free[0], atol=1e-3)


def test_guidance_can_be_turned_while_it_draws_and_every_step_is_told() -> None:
    block, example = built("generators.unet", steps=4)
    given, told, turned = condition(example), [], iter([1.0, 1.0, 5.0, 5.0])
    block.make(Wish(seeds=(1, 2), told=lambda x, done, of: told.append((x, done, of))), **given)
    assert [(done, of) for _, done, of in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(x.shape == (2, 3, 8, 8) for x, _, _ in told)
    steady = block.make(Wish(seeds=(1, 2), guidance=lambda: 1.0), **given)["image"]
    moved = block.make(Wish(seeds=(1, 2), guidance=lambda: next(turned)), **given)["image"]
    assert not torch.allclose(steady, moved, atol=1e-4)


@pytest.mark.parametrize("key", KINDS)
def test_a_walk_begins_and_ends_at_what_is_drawn_at_its_ends(key: str) -> None:
    block, example = built(key)
    given = condition(example)
    ends = block.make(Wish(seeds=(8, 9)), **given)["image"]
    walk = [block.make(Wish(seeds=(8, 9), shares=(1 - s, s)), **given)["image"][0] for s in (0.0, 0.5, 1.0)]
    torch.testing.assert_close(walk[0], ends[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(walk[2], ends[1], rtol=0, atol=1e-4)
    assert not any(torch.allclose(walk[1], end, atol=1e-3) for end in ends)


def test_a_condition_is_dropped_as_often_as_is_set_and_then_not_seen() -> None:
    block, example = built("generators.unet", drop=1.0)
    block.train()
    other = {**example, "tokens": example["tokens"].with_x(example["tokens"].x_BND + 1)}
    said = []
    for inputs in (example, other):
        torch.manual_seed(3)
        said.append(block(**inputs)["denoised"].prediction_BCHW)
    assert torch.equal(*said)
    never, _ = built("generators.unet", drop=0.0)
    torch.manual_seed(3)
    first = never.train()(**example)["denoised"].prediction_BCHW
    torch.manual_seed(3)
    assert not torch.allclose(first, never(**other)["denoised"].prediction_BCHW, atol=1e-4)


def test_evaluated_it_meets_the_same_levels_and_noise_at_every_visit() -> None:
    block, example = built("generators.unet")
    first, again = (block(**example)["denoised"] for _ in range(2))
    assert torch.equal(first.prediction_BCHW, again.prediction_BCHW)
    trained = [block.train()(**example)["denoised"].time_B for _ in range(2)]
    assert not torch.equal(*trained)


def test_without_a_condition_it_draws_too() -> None:
    image = {"image": torch.rand(2, 3, 8, 8)}
    for key in KINDS:
        block, _ = built(key, image)
        assert block.make(Wish(seeds=(1, 2, 3)))["image"].shape == (3, 3, 8, 8)


def test_noise_cannot_be_predicted_on_the_line() -> None:
    with pytest.raises(Refused, match="straight line"):
        built("generators.unet", path=STRAIGHT, predicts="noise")


def test_the_loss_is_plain_or_counts_by_signal_to_noise() -> None:
    """By hand: errors of 1 at ratios 16 and 0.06, costs 0.04 and 0.64 (velocity)."""
    value = DenoisingError.example()["denoised"]
    value = replace(value, prediction_BCHW=value.target_BCHW + 1)
    plain, snr = (
        DenoisingError(DenoisingError.Config(weighting=weighting), {"denoised": value})
        for weighting in ("plain", MIN_SNR)
    )
    assert float(plain(denoised=value)["loss"]) == pytest.approx(1.0)
    assert float(snr(denoised=value)["loss"]) == pytest.approx((5 * 0.04 + 0.06 * 0.64) / 2)
    scores = plain.held_out_scores(plain.answers(denoised=value))
    assert scores["error"] == pytest.approx(1.0)
    assert scores["chance error"] == pytest.approx(float(value.target_BCHW.square().mean()))
    assert "error at half noise" not in scores


@pytest.mark.parametrize("name", [LINEAR, COSINE])
def test_min_snr_weighs_an_error_of_the_image_alike_whatever_is_predicted(name: str) -> None:
    """An error of 0.1 in the image costs the same loss told as noise, velocity or data."""
    from_all = []
    for predicts in ("noise", "velocity", "data"):
        level = path(name).at(times(8)[1:-1])
        x, off = torch.randn(7, 3, 2, 2, dtype=torch.float64), 0.1
        cost = {"data": torch.ones(7).double(), "velocity": level.noise**2, "noise": 1 / level.signal_to_noise}[
            predicts
        ]
        value = DenoisingError.example()["denoised"]
        value = replace(
            value, prediction_BCHW=x + off / cost.sqrt()[:, None, None, None], target_BCHW=x, cost_B=cost,
            ratio_B=level.signal_to_noise,
        )  # fmt: skip
        objective = DenoisingError(DenoisingError.Config(weighting=MIN_SNR), {"denoised": value})
        from_all.append(float(objective(denoised=value)["loss"]))
    assert from_all == pytest.approx([from_all[0]] * 3)


def test_it_learns_one_image_by_heart() -> None:
    """100 steps on one image: drawn from noise it is that image, to a tenth of what grey is off by."""
    torch.manual_seed(0)
    image, cls = 0.2 + 0.6 * torch.rand(1, 3, 8, 8).round(), blocks["generators.dit"]
    block = cls(configure(cls.Config, {"width": 64, "heads": 2, "depth": 2, "patch": 2, "steps": 10}), {"image": image})
    objective = DenoisingError(DenoisingError.Config(), {})
    optimiser = torch.optim.AdamW(block.parameters(), 3e-3)
    for _ in range(100):
        optimiser.zero_grad()
        objective(denoised=block.train()(image.expand(32, -1, -1, -1))["denoised"])["loss"].backward()
        optimiser.step()
    drawn = block.eval().make(Wish(seeds=(0, 1)))["image"].detach()
    assert float((drawn - image).square().mean()) < 0.1 * float((image - 0.5).square().mean())


def test_tokens_without_a_mask_are_all_seen() -> None:
    block, example = built("generators.dit")
    tokens: Tokens = example["tokens"]
    all_real = replace(tokens, mask_BN=torch.ones_like(tokens.mask_BN))
    bare = replace(tokens, mask_BN=None)
    wish = Wish(seeds=(1, 2))
    given = [block.make(wish, tokens=told, embedding=example["embedding"])["image"] for told in (all_real, bare)]
    assert torch.equal(*given)


def test_every_kind_has_the_same_ends() -> None:
    first, second = (blocks[key] for key in KINDS)
    assert issubclass(first, Block)
    assert dict(first.takes) == dict(second.takes)
    assert dict(first.gives) == dict(second.gives)
