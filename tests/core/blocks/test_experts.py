"""Experts against their plain forms: the loop, the weighted sum, the slice; balance against transformers' function."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.blocks.connectors.pool import example_tokens
from core.blocks.experts.by_modality import NAMES, ByModality
from core.blocks.experts.dynamic import Dynamic
from core.blocks.experts.grouped import Experts, balance_loss, capacity, through_all, through_experts, z_loss
from core.blocks.experts.mixture import Mixture
from core.blocks.objectives.extra_loss import ExtraLoss
from core.blocks.values import Tokens
from core.knobs import configure
from core.torchaudio_import import prepare_torchaudio


def mixture(cls: type[Mixture] = Mixture, **knobs: Any) -> tuple[Mixture, dict[str, Tokens]]:
    torch.manual_seed(0)
    example = cls.example()
    return cls(configure(cls.Config, {"experts": 4, **knobs}), example), example


def looped(experts: Experts, x_TD: Tensor, choice_TK: Tensor, gate_TK: Tensor, places: int) -> Tensor:
    """Token by token, first choices first, each expert with a counter of its places."""
    taken = [0] * experts.count
    y_TD = torch.zeros_like(x_TD)
    for k in range(choice_TK.shape[1]):
        for t in range(len(x_TD)):
            expert = int(choice_TK[t, k])
            if expert < experts.count and taken[expert] < places:
                taken[expert] += 1
                y_TD[t] = y_TD[t] + gate_TK[t, k] * experts.one(expert, x_TD[t : t + 1])[0]
    return y_TD


def mixtral_of_transformers() -> Any:
    prepare_torchaudio()
    return pytest.importorskip("transformers.models.mixtral.modeling_mixtral")


def all_parameters(module: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(module.parameters()), allow_unused=True))


@pytest.mark.parametrize("places", [1, 3, 7, 40])
@pytest.mark.parametrize("choices", [1, 2, 5])
def test_grouped_equals_the_loop_with_capacity_and_padding(places: int, choices: int) -> None:
    torch.manual_seed(0)
    experts, x_TD = Experts(5, 6, 9).double(), torch.randn(23, 6, dtype=torch.float64)
    gate_TK, choice_TK = torch.rand(23, 5, dtype=torch.float64).softmax(-1).topk(choices)
    choice_TK[[2, 11]] = 5  # padding
    grouped, kept_TK = through_experts(experts, x_TD, choice_TK, gate_TK, places)
    loop = looped(experts, x_TD, choice_TK, gate_TK, places)
    torch.testing.assert_close(grouped, loop, atol=1e-12, rtol=1e-10)
    wanted = torch.bincount(choice_TK.flatten(), minlength=6)[:5]
    assert int(kept_TK.sum()) == int(wanted.clamp_max(places).sum())  # what was dropped is what found no place
    assert not kept_TK[[2, 11]].any()
    for ours, theirs in zip(all_parameters(experts, grouped.pow(2).sum()), all_parameters(experts, loop.pow(2).sum())):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-8)


def test_every_expert_on_every_token_is_the_grouped_form() -> None:
    torch.manual_seed(0)
    experts, x_TD = Experts(5, 6, 9).double(), torch.randn(23, 6, dtype=torch.float64)
    gate_TK, choice_TK = torch.rand(23, 5, dtype=torch.float64).softmax(-1).topk(3)
    choice_TK[[2, 11]] = 5  # padding
    grouped, kept_TK = through_experts(experts, x_TD, choice_TK, gate_TK, 23)
    every, all_TK = through_all(experts, x_TD, choice_TK, gate_TK)
    torch.testing.assert_close(every, grouped, atol=1e-12, rtol=1e-10)
    assert torch.equal(all_TK, kept_TK)


def test_all_experts_is_the_weighted_sum_of_all() -> None:
    block, example = mixture(top_k=4, capacity_factor=4.0)
    x_TD, _, kind_T = block.joined(list(example.values()))
    weight_TE = block.logits(x_TD, kind_T).softmax(-1)
    sum_TD = torch.stack([weight_TE[:, e, None] * block.experts.one(e, x_TD) for e in range(4)]).sum(0)
    made = block.train()(**example)
    for name, part_TD in zip(("tokens", "more"), sum_TD.split([10, 8])):
        given, real = example[name], example[name].mask_BN
        torch.testing.assert_close(
            made[name].x_BND[real], (given.x_BND + part_TD.view_as(given.x_BND))[real], atol=1e-5, rtol=1e-4
        )
        assert torch.equal(made[name].x_BND[~real], given.x_BND[~real])  # padding passes by


def test_dropped_tokens_keep_their_residual() -> None:
    block, example = mixture(top_k=1, capacity_factor=0.1)
    with torch.no_grad():
        block.router.weight.zero_()
        block.router.weight[2] = 1.0
    made = block.train()(**example)
    assert block.routed is not None
    dropped = ~block.routed.kept_TK[:, 0]
    before, after = (torch.cat([v[n].x_BND.flatten(0, 1) for n in ("tokens", "more")]) for v in (example, made))
    assert dropped.any()
    assert torch.equal(before[dropped], after[dropped])
    assert not torch.equal(before[~dropped], after[~dropped])
    assert 0 < block.routed.dropped() < 1
    block.eval()(**example)
    assert block.routed.dropped() == 0  # nothing is dropped in evaluation


def test_places_are_a_share_of_the_real_tokens() -> None:
    """Twice as much padding leaves every real token with the places it had."""
    block, example = mixture(top_k=1, capacity_factor=0.5)
    block.train()
    wider = {
        name: Tokens(
            x_BND=torch.cat([side.x_BND, torch.randn_like(side.x_BND)], 1),
            mask_BN=torch.cat([side.mask_BN, torch.zeros_like(side.mask_BN)], 1), modality=side.modality,
        )
        for name, side in example.items()
    }  # fmt: skip
    narrow_made, made = block(**example), block(**wider)
    for name, side in example.items():
        count = side.x_BND.shape[1]
        torch.testing.assert_close(made[name].x_BND[:, :count], narrow_made[name].x_BND)


def test_an_answer_does_not_depend_on_its_batch_in_evaluation() -> None:
    block, example = mixture(top_k=2, capacity_factor=0.5)
    block.eval()
    both = block(**example)["tokens"].x_BND[:1]
    alone = {n: Tokens(x_BND=t.x_BND[:1], mask_BN=t.mask_BN[:1], modality=t.modality) for n, t in example.items()}  # type: ignore[index]
    torch.testing.assert_close(block(**alone)["tokens"].x_BND, both, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("choices", [1, 2, 3])
def test_balance_is_k_where_even_and_n_where_collapsed(choices: int) -> None:
    experts, tokens = 8, 48
    real_T = torch.ones(tokens, dtype=torch.bool)
    even_TE = torch.full((tokens, experts), 1 / experts)
    choice_TK = (torch.arange(tokens)[:, None] + torch.arange(choices)) % experts
    assert float(balance_loss(even_TE, choice_TK, real_T)) == pytest.approx(choices)
    one_TE = torch.zeros(tokens, experts)
    one_TE[:, 3] = 1
    assert float(balance_loss(one_TE, torch.full((tokens, 1), 3), real_T)) == pytest.approx(experts)


@pytest.mark.long
@pytest.mark.parametrize("choices", [1, 2, 4])
def test_balance_equals_transformers(choices: int) -> None:
    mixtral = mixtral_of_transformers()
    torch.manual_seed(1)
    logits_TE = torch.randn(30, 6)
    mask_BN = torch.ones(3, 10, dtype=torch.int64)
    mask_BN[1, 6:] = 0
    theirs = mixtral.load_balancing_loss_func((logits_TE,), num_experts=6, top_k=choices, attention_mask=mask_BN)
    real_T = mask_BN.flatten().bool()
    choice_TK = logits_TE.softmax(-1).topk(choices).indices.masked_fill(~real_T[:, None], 6)
    torch.testing.assert_close(balance_loss(logits_TE.softmax(-1), choice_TK, real_T), theirs)


@pytest.mark.long
def test_gates_equal_mixtral_on_the_same_weights() -> None:
    """The router of transformers' Mixtral: same experts, same gates."""
    mixtral = mixtral_of_transformers()
    if not hasattr(mixtral, "MixtralTopKRouter"):
        pytest.skip("this transformers has no router of its own")
    block, example = mixture(by_modality=False)
    config = mixtral.MixtralConfig(hidden_size=16, num_local_experts=4, num_experts_per_tok=2)
    router = mixtral.MixtralTopKRouter(config)
    router.weight = block.router.weight
    x_TD, _, kind_T = block.joined(list(example.values()))
    choice_TK, gate_TK, _ = block.choose(block.logits(x_TD, kind_T))
    _, gates, choices = router(x_TD)
    assert torch.equal(choices, choice_TK)
    torch.testing.assert_close(gates.float(), gate_TK)


class StackedMixtral(nn.Module):
    """Mixtral's experts on our stacked rows: the same weights, all experts in one product."""

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.theirs, self.count = theirs, theirs.num_experts

    def forward(self, x_ECD: Tensor) -> Tensor:
        gate_ECH, up_ECH = torch.bmm(x_ECD, self.theirs.gate_up_proj.mT).chunk(2, -1)
        return torch.bmm(self.theirs.act_fn(gate_ECH) * up_ECH, self.theirs.down_proj.mT)


@pytest.mark.long
@pytest.mark.parametrize("choices", [1, 2, 5])
def test_grouped_dispatch_is_mixtrals_sparse_block(choices: int) -> None:
    """transformers' MixtralSparseMoeBlock, router and loop over experts, against our router and one grouped product."""
    mixtral = mixtral_of_transformers()
    if not hasattr(mixtral, "MixtralExperts"):
        pytest.skip("this transformers keeps Mixtral's experts one by one")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_local_experts": 5, "num_experts_per_tok": choices}
    config = mixtral.MixtralConfig(**sizes)
    config._experts_implementation = "eager"
    theirs = mixtral.MixtralSparseMoeBlock(config).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    block = Mixture(configure(Mixture.Config, {"experts": 5, "top_k": choices}), {"tokens": example_tokens()})
    block.router.weight = theirs.gate.weight
    x_BND = torch.randn(3, 11, 16, requires_grad=True)
    x_TD = x_BND.flatten(0, 1)
    choice_TK, gate_TK, _ = block.choose(nn.functional.linear(x_TD, block.router.weight))
    if choices == 1:  # Mixtral's one gate is then 1; ours is the probability, or the router would not learn
        gate_TK = torch.ones_like(gate_TK)
    made, kept_TK = through_experts(StackedMixtral(theirs.experts), x_TD, choice_TK, gate_TK, 33)  # type: ignore[arg-type]
    expected = theirs(x_BND).flatten(0, 1)
    assert kept_TK.all()
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)
    learned = [x_BND, theirs.experts.gate_up_proj, *([theirs.gate.weight] if choices > 1 else [])]
    for ours, other in zip(*(torch.autograd.grad(y.pow(2).sum(), learned) for y in (made, expected))):
        torch.testing.assert_close(ours, other, atol=1e-3, rtol=1e-4)


@pytest.mark.long
def test_balance_and_z_loss_are_switchs() -> None:
    prepare_torchaudio()
    switch = pytest.importorskip("transformers.models.switch_transformers.modeling_switch_transformers")
    torch.manual_seed(2)
    logits_TE, real_T = torch.randn(1, 40, 6), torch.ones(40, dtype=torch.bool)
    probability_TE = logits_TE.softmax(-1)
    choice_TK = probability_TE[0].topk(1).indices
    theirs = switch.load_balancing_loss_func(probability_TE, choice_TK[None, :, 0])
    torch.testing.assert_close(balance_loss(probability_TE[0], choice_TK, real_T), theirs)
    torch.testing.assert_close(z_loss(logits_TE[0], real_T), switch.router_z_loss_func(logits_TE))


def test_z_loss_is_the_mean_square_of_log_sum_exp() -> None:
    logits_TE = torch.zeros(5, 4)
    real_T = torch.tensor([True, True, False, True, True])
    assert float(z_loss(logits_TE, real_T)) == pytest.approx(torch.tensor(4.0).log().item() ** 2)
    block, example = mixture(z_weight=0.5)
    plain, _ = mixture()
    assert block(**example)["balance"].item() > plain(**example)["balance"].item()


def test_the_router_sees_the_modality() -> None:
    """The same vector is routed differently as a picture's and as a word's, once the embeddings say so."""
    block, _ = mixture(top_k=1)
    assert block.modality_embedding is not None
    with torch.no_grad():
        block.modality_embedding[0] = block.router.weight[0] * 50
        block.modality_embedding[1] = block.router.weight[3] * 50
    x_BND = torch.randn(2, 5, 16)
    block.eval()(tokens=Tokens(x_BND=x_BND, modality="image"), more=Tokens(x_BND=x_BND, modality="text"))
    assert block.routed is not None
    counts_ME = block.routed.counts()
    assert counts_ME.tolist() == [[10, 0, 0, 0], [0, 0, 0, 10]]
    assert block.routed.modalities == ("image", "text")


def test_gumbel_is_hard_forward_and_soft_backward() -> None:
    block, example = mixture(Dynamic, top_k=2, temperature=0.5)
    torch.manual_seed(3)
    logits_TE = torch.randn(9, 4, requires_grad=True)
    choice_TK, gate_TK, _ = block.train().choose(logits_TE)
    torch.testing.assert_close(gate_TK, torch.full_like(gate_TK, 0.5))  # hard: each chosen expert counts alike
    weight_TK = torch.randn_like(gate_TK)
    (given,) = torch.autograd.grad((gate_TK * weight_TK).sum(), logits_TE)
    torch.manual_seed(3)
    again_TE = torch.randn(9, 4, requires_grad=True)
    soft_TE = ((again_TE - torch.empty_like(again_TE).exponential_().log()) / 0.5).softmax(-1)
    (wanted,) = torch.autograd.grad((soft_TE.gather(1, choice_TK) * weight_TK).sum(), again_TE)
    torch.testing.assert_close(given, wanted)
    assert float(given.abs().sum()) > 0


def test_evaluation_makes_the_same_hard_choice_at_every_call_and_the_kind_of_training() -> None:
    block, example = mixture(Dynamic, top_k=2)
    logits_TE = torch.randn(2000, 4)
    first, gates, _ = block.eval().choose(logits_TE)
    assert torch.equal(first, block.choose(logits_TE)[0])
    assert torch.equal(first.sort().values, logits_TE.topk(2).indices.sort().values)
    torch.testing.assert_close(gates, torch.full_like(gates, 0.5))
    torch.manual_seed(0)
    drawn = block.train().choose(logits_TE[:1].expand(20000, 4))[0][:, 0]
    share_E = torch.bincount(drawn, minlength=4) / 20000
    torch.testing.assert_close(share_E, logits_TE[0].softmax(-1), atol=0.015, rtol=0)  # Gumbel-max draws the softmax


def test_a_modality_runs_on_its_own_slice() -> None:
    torch.manual_seed(0)
    streams = {
        "tokens": Tokens(x_BND=torch.randn(3, 7, 16), modality="image"),
        "more": Tokens(x_BND=torch.randn(3, 4, 16), modality="audio"),
    }
    block = ByModality(configure(ByModality.Config, {}), streams)
    joined_TD = torch.cat([block.norm(s.x_BND).flatten(0, 1) for s in streams.values()])
    index_T = torch.tensor([0] * 21 + [2] * 12)
    every_TD = torch.stack([block.experts.one(e, joined_TD) * (index_T == e)[:, None] for e in range(len(NAMES))]).sum(
        0
    )
    made = block(**streams)
    for name, part in zip(("tokens", "more"), every_TD.split([21, 12])):
        torch.testing.assert_close(made[name].x_BND, streams[name].x_BND + part.view_as(streams[name].x_BND))
    assert block.detail() == "vision · audio"


def test_no_expert_sees_anothers_tokens() -> None:
    streams = {n: t.with_x(t.x_BND.clone().requires_grad_()) for n, t in ByModality.example().items()}
    block = ByModality(configure(ByModality.Config, {}), streams)
    made = block(**streams)
    grads = torch.autograd.grad(
        made["more"].x_BND.pow(2).sum(), [block.experts.in_EDH, streams["tokens"].x_BND], allow_unused=True
    )
    assert grads[1] is None
    used_E = grads[0].abs().sum((1, 2)) > 0
    assert used_E.tolist() == [False, True, False, False]


def test_joined_tokens_take_the_general_expert() -> None:
    tokens = example_tokens(modality="shared")
    block = ByModality(configure(ByModality.Config, {}), {"tokens": tokens})
    made = block(tokens=tokens)
    assert set(made) == {"tokens"}
    wanted = tokens.x_BND + block.experts.one(3, block.norm(tokens.zeroed().x_BND))
    torch.testing.assert_close(made["tokens"].x_BND, wanted)


def test_sizes_that_do_not_fit_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="5 of 4 experts"):
        mixture(top_k=5)
    streams = {"tokens": example_tokens(16), "more": example_tokens(8, modality="text")}
    with pytest.raises(ValueError, match="same width: tokens D is 16, more D is 8"):
        Mixture(configure(Mixture.Config, {}), streams)


def test_a_fully_masked_batch_passes_unchanged() -> None:
    tokens = example_tokens()
    nothing = Tokens(x_BND=tokens.x_BND, mask_BN=torch.zeros_like(tokens.mask_BN), modality="image")  # type: ignore[arg-type]
    block = Mixture(configure(Mixture.Config, {"experts": 4}), {"tokens": nothing})
    for mode in (True, False):
        made = block.train(mode)(tokens=nothing)
        assert torch.equal(made["tokens"].x_BND, nothing.x_BND)
        assert made["balance"].item() == 0


def test_capacity_is_the_fair_share_times_the_factor() -> None:
    assert capacity(100, 2, 8, 1.0) == 25
    assert capacity(100, 2, 8, 1.25) == 32  # 31.25 rounded up
    assert capacity(3, 1, 8, 0.1) == 1
    assert capacity(10, 2, 4, 100.0) == 10  # a token comes at most once to an expert


def test_balancing_evens_out_a_collapsed_router() -> None:
    """Trained on the balance alone, use goes from one expert to all: the busiest falls below twice its share."""
    torch.manual_seed(0)
    block = Mixture(configure(Mixture.Config, {"experts": 4, "top_k": 1}), {"tokens": example_tokens()})
    tokens = Tokens(x_BND=torch.randn(16, 12, 16) + 1.0, modality="image")
    with torch.no_grad():
        block.norm.bias.fill_(1.0)
        block.router.weight[0] += 0.3
    extra = ExtraLoss(configure(ExtraLoss.Config, {"weight": 1.0}), {})
    optimizer = torch.optim.Adam([block.router.weight], lr=0.01)
    busiest = []
    for _ in range(150):
        loss = extra(block(tokens=tokens)["balance"])["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert block.routed is not None
        counts_E = block.routed.counts()[0]
        busiest.append(float(counts_E.max() / counts_E.sum()))
    assert busiest[0] > 0.9
    assert busiest[-1] < 0.5
    assert loss.item() < 1.25
