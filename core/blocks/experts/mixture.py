"""A mixture of feed-forward experts: every token goes to its k best, chosen by what it is and by its modality.

After MoMa (arXiv:2407.21770) and VLMo (arXiv:2111.02358), with Switch's capacity and balance loss (arXiv:2101.03961) and
Mixtral's gates (arXiv:2401.04088): the k probabilities sum to one, except that k = 1 keeps its probability, or the router
would not learn. Capacity holds in training; in evaluation nothing is dropped, so an answer does not depend on its batch.

Axes: B batch, N tokens, T tokens of all streams, E experts, K choices, D width, H hidden width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.experts.grouped import (
    Experts,
    Routed,
    balance_loss,
    capacity,
    places_for_all,
    sureness,
    through_all,
    through_experts,
    z_loss,
)  # fmt: skip
from core.blocks.experts.streams import ExpertBlock, present
from core.blocks.fusion.sides import mask_of
from core.blocks.values import Tokens, full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("experts.mixture")
class Mixture(ExpertBlock):
    """Sends every token to its k best experts, chosen by content and modality."""

    title = "Mixture of experts"
    mixes_samples = True  # tokens of a batch compete for places, and the balance is the batch's
    batch_losses = ("balance",)
    counts = ("tokens", "more")
    gives = {**ExpertBlock.gives, "balance": port("loss", "how unevenly experts are used; add it to the objectives")}

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertBlock.Config):
        """How many experts, how many a token, and how full each may be."""

        experts: int = knob(8, "Feed-forward networks to choose from.", low=2, high=256, title="Number of experts")
        top_k: int = knob(2, "Experts of each token.", low=1, high=64, title="Experts per token")
        ratio: float = knob(2.0, "Hidden width of an expert over the tokens' width.", low=0.25, high=16)
        capacity_factor: float = knob(
            1.25, "Places of an expert in training, as multiples of its fair share; tokens beyond are passed on unchanged.",
            low=0.1, high=256,
        )  # fmt: skip
        by_modality: bool = knob(True, "The router also sees which modality a token is.", title="Router sees modality")
        z_weight: float = knob(
            0.0, "Adds the squared log-sum-exp of the router's logits to the balance; keeps them small.", low=0, high=10,
            advanced=True,
        )  # fmt: skip

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.top_k > config.experts:
            raise ValueError(f"A token cannot go to {config.top_k} of {config.experts} experts.")
        self.router = nn.Linear(self.width, config.experts, bias=False)
        nn.init.normal_(self.router.weight, std=self.width**-0.5)
        self.modality_embedding = None
        if config.by_modality:
            self.modality_embedding = nn.Parameter(torch.randn(len(self.modalities), self.width) * 0.02)
        self.experts = Experts(config.experts, self.width, max(1, int(self.width * config.ratio)))
        self.routed: Routed | None = None  # of the last forward

    def forward(self, tokens: Tokens, more: Tokens | None = None) -> dict[str, Any]:
        """Tokens [B, N, D] to the same; the two streams may differ in length."""
        streams = present(tokens, more)
        x_TD, real_T, kind_T = self.joined(streams)
        logits_TE = self.logits(x_TD, kind_T)
        choice_TK, gate_TK, probability_TE = self.choose(logits_TE)
        choice_TK = choice_TK.masked_fill(~real_T[:, None], self.config.experts)
        if torch.compiler.is_exporting():
            y_TD, kept_TK = through_all(self.experts, x_TD, choice_TK, gate_TK)
        else:
            y_TD, kept_TK = through_experts(self.experts, x_TD, choice_TK, gate_TK, self.places(choice_TK))
        self.routed = Routed(
            choice_TK=choice_TK.detach(), kept_TK=kept_TK, entropy_T=sureness(probability_TE), modality_T=kind_T,
            modalities=self.modalities, experts=self.config.experts,
        )  # fmt: skip
        balance = balance_loss(probability_TE, choice_TK, real_T)
        if self.config.z_weight:
            balance = balance + self.config.z_weight * z_loss(logits_TE, real_T)
        return {**self.parted(streams, y_TD), "balance": balance}

    def counted(self, tokens: Tokens, more: Tokens | None = None) -> Tensor:  # type: ignore[override]
        """Real tokens of all streams."""
        return torch.stack([mask_of(stream).sum() for stream in present(tokens, more)]).sum()

    def logits(self, x_TD: Tensor, kind_T: Tensor) -> Tensor:
        """The router's answer in float32, or in float64 where it is that already, [T, E]."""
        seen_TD = x_TD if self.modality_embedding is None else x_TD + self.modality_embedding[kind_T]
        with torch.autocast(x_TD.device.type if x_TD.device.type != "meta" else "cpu", enabled=False):
            return nn.functional.linear(full(seen_TD), full(self.router.weight))

    def choose(self, logits_TE: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Experts [T, K], their gates [T, K], and the probabilities that the balance is of [T, E]."""
        probability_TE = logits_TE.softmax(-1)
        gate_TK, choice_TK = probability_TE.topk(self.config.top_k, dim=-1)
        if self.config.top_k > 1:
            gate_TK = gate_TK / gate_TK.sum(-1, keepdim=True)
        return choice_TK, gate_TK, probability_TE

    def places(self, choice_TK: Tensor) -> int:
        """Places of an expert: a multiple of its fair share of the real tokens in training, enough for all in evaluation."""
        if not self.training:
            return places_for_all(choice_TK, self.config.experts)
        padded = choice_TK.device.type == "meta" or torch.compiler.is_compiling()
        real = choice_TK.shape[0] if padded else int((choice_TK[:, 0] < self.config.experts).sum())
        return capacity(real, choice_TK.shape[1], self.config.experts, self.config.capacity_factor)

    def detail(self) -> str:
        """How many of how many."""
        return f"E{self.config.experts} k{self.config.top_k}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Four experts."""
        return {"experts": 4}
