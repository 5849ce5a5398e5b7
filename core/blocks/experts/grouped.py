"""Feed-forward experts as stacked weights, and the grouped way to them: sort by expert, one batched product, sort back.

Nothing here loops over samples, tokens or experts. Every expert has C places; a token that finds its expert full is
dropped, which leaves its residual as it was. First choices take places before second ones (GShard, arXiv:2006.16668).

Axes: T tokens of the whole batch, K choices of a token, R = K T rows, E experts, C places of an expert, D width, H hidden
width, M modalities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Routed:
    """Where the tokens of the last forward went; detached."""

    choice_TK: Tensor  # expert of each choice; E where the token is padding
    kept_TK: Tensor  # False where the expert was full
    entropy_T: Tensor  # of the router's answer, as a share of the most there can be
    modality_T: Tensor  # index into ``modalities``
    modalities: tuple[str, ...]
    experts: int

    def counts(self) -> Tensor:
        """Choices by modality and expert, float32 [M, E]; dropped ones count where they wanted to go."""
        code_TK = self.modality_T[:, None] * (self.experts + 1) + self.choice_TK
        counts = torch.bincount(code_TK.flatten(), minlength=len(self.modalities) * (self.experts + 1))
        return counts.view(len(self.modalities), self.experts + 1)[:, : self.experts].float()

    def purity(self) -> float:
        """How far experts keep to one modality: 1 each to one alone, 1/M where use does not depend on the modality.

        Every modality counts alike, however many tokens it has.
        """
        counts_ME = self.counts()
        share_ME = counts_ME / counts_ME.sum(1, keepdim=True).clamp_min(1)
        return float(share_ME.amax(0).sum() / share_ME.sum().clamp_min(1e-12))

    def dropped(self) -> float:
        """Share of the choices of real tokens that found their expert full."""
        real_TK = self.choice_TK < self.experts
        return float((real_TK & ~self.kept_TK).sum() / real_TK.sum().clamp_min(1))

    def entropy(self) -> float:
        """Mean over real tokens: 0 where the router is sure, 1 where it does not care."""
        real_T = self.choice_TK[:, 0] < self.experts
        return float(self.entropy_T[real_T].mean()) if bool(real_T.any()) else 0.0


class Experts(nn.Module):
    """E feed-forward networks: ``GELU(x A_e + a_e) B_e + b_e``."""

    decayed = ("in_EDH", "out_EHD")  # by weight decay; the others are biases

    def __init__(self, count: int, width: int, hidden: int) -> None:
        super().__init__()
        self.count = count
        self.in_EDH = nn.Parameter(torch.empty(count, width, hidden).uniform_(-1, 1) * (6 / (width + hidden)) ** 0.5)
        self.out_EHD = nn.Parameter(torch.empty(count, hidden, width).uniform_(-1, 1) * (6 / (width + hidden)) ** 0.5)
        self.in_E1H = nn.Parameter(torch.zeros(count, 1, hidden))
        self.out_E1D = nn.Parameter(torch.zeros(count, 1, width))

    def forward(self, x_ECD: Tensor) -> Tensor:
        """Each expert on rows of its own."""
        hidden_ECH = F.gelu(torch.baddbmm(self.in_E1H, x_ECD, self.in_EDH))
        return torch.baddbmm(self.out_E1D, hidden_ECH, self.out_EHD)

    def one(self, index: int, x: Tensor) -> Tensor:
        """A single expert on any rows [..., D]."""
        hidden = F.gelu(x @ self.in_EDH[index] + self.in_E1H[index])
        return hidden @ self.out_EHD[index] + self.out_E1D[index]


def capacity(tokens: int, choices: int, experts: int, factor: float) -> int:
    """Places of each expert: its fair share times ``factor``, at least one."""
    return max(1, min(tokens, math.ceil(tokens * choices / experts * factor)))


def places_for_all(choice_TK: Tensor, experts: int) -> int:
    """As many places as the fullest expert needs; on meta tensors the fair share stands in."""
    if choice_TK.device.type == "meta":
        return capacity(choice_TK.shape[0], choice_TK.shape[1], experts, 1.0)
    counts = torch.bincount(choice_TK.flatten(), minlength=experts + 1)[:experts]
    return max(1, int(counts.max()))


def through_experts(
    experts: Experts, x_TD: Tensor, choice_TK: Tensor, gate_TK: Tensor, places: int
) -> tuple[Tensor, Tensor]:
    """Gated sum of each token's experts [T, D], and which choices were kept [T, K]; padding and the dropped get zeros."""
    count, choices = choice_TK.shape
    expert_R = choice_TK.T.reshape(-1)  # all first choices, then all second ones
    order_R = expert_R.argsort(stable=True)
    number_E = torch.arange(experts.count, device=x_TD.device)
    size_E = (expert_R[:, None] == number_E).sum(0)
    start_E = size_E.cumsum(0) - size_E
    row_EC = start_E[:, None] + torch.arange(places, device=x_TD.device)
    token_EC = (
        order_R[row_EC.clamp_max(order_R.shape[0] - 1)] % count
    )  # an empty place holds some token; nobody reads it
    y_ECD = experts(x_TD.index_select(0, token_EC.flatten()).view(experts.count, places, -1))
    rank_R = torch.empty_like(order_R)
    rank_R[order_R] = torch.arange(order_R.shape[0], device=x_TD.device)
    safe_R = expert_R.clamp_max(experts.count - 1)
    rank_R = rank_R - start_E[safe_R]
    kept_R = (rank_R < places) & (expert_R < experts.count)
    place_R = safe_R * places + rank_R.clamp(0, places - 1)
    weight_R1 = (gate_TK.T.reshape(-1) * kept_R)[:, None].to(y_ECD.dtype)
    y_RD = y_ECD.flatten(0, 1).index_select(0, place_R) * weight_R1
    return y_RD.view(choices, count, -1).sum(0), kept_R.view(choices, count).T


def through_all(experts: Experts, x_TD: Tensor, choice_TK: Tensor, gate_TK: Tensor) -> tuple[Tensor, Tensor]:
    """The same sum with every expert run on every token: what an exported program does, which cannot count places."""
    number_E = torch.arange(experts.count, device=x_TD.device)
    chosen_TKE = choice_TK[:, :, None] == number_E
    gate_ET1 = (gate_TK[:, :, None] * chosen_TKE).sum(1).T[:, :, None]
    y_ETD = experts(x_TD[None].expand(experts.count, -1, -1))
    return (y_ETD * gate_ET1.to(y_ETD.dtype)).sum(0), chosen_TKE.any(-1)


def balance_loss(probability_TE: Tensor, choice_TK: Tensor, real_T: Tensor) -> Tensor:
    """Switch balance loss (arXiv:2101.03961): N sum f_i P_i over real tokens; K where even, N where all is one expert's.

    ``f_i``: choices of expert i a token (they sum to K); ``P_i``: mean probability, the part that carries the gradient.
    """
    experts = probability_TE.shape[1]
    real_T1 = real_T[:, None].to(probability_TE.dtype)
    total = real_T1.sum().clamp_min(1)
    number_E = torch.arange(experts, device=choice_TK.device)
    share_E = (choice_TK[:, :, None] == number_E).sum((0, 1)).to(probability_TE.dtype) / total
    return experts * (share_E * (probability_TE * real_T1).sum(0) / total).sum()


def z_loss(logits_TE: Tensor, real_T: Tensor) -> Tensor:
    """Mean squared log-sum-exp of the router's logits (ST-MoE, arXiv:2202.08906): keeps them small."""
    real_T = real_T.to(logits_TE.dtype)
    return (logits_TE.logsumexp(-1).pow(2) * real_T).sum() / real_T.sum().clamp_min(1)


def sureness(probability_TE: Tensor) -> Tensor:
    """Entropy of each row as a share of log E, detached [T]."""
    most = math.log(max(probability_TE.shape[1], 2))
    return torch.special.entr(probability_TE.detach()).sum(-1) / most
