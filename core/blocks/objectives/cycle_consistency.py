"""Temporal cycle-consistency (arXiv:1904.07846): from a moment of one stream to the likest of the other and back, to where one began.

The likest moment is soft (a softmax over negative squared distances); coming back gives a distribution over the first stream's times,
whose mean should be where the cycle began and whose spread should be small: squared error over variance, plus its logarithm. No label
is used. Two films of one action are aligned by it, or a film and its sound. Axes: B batch, T frames of the first stream, S of the
second, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.lags import Stream
from core.blocks.objectives.gathering import count_a_process
from core.blocks.times import in_time
from core.blocks.values import Grid, Tokens, full
from core.graph.ports import port
from core.knobs import knob

FAR = -1e9  # what no moment is reached by
LEAST_SPREAD = 0.25  # of a frame, squared: the variance is not counted smaller


@blocks.register("objectives.cycle_consistency")
class CycleConsistency(Objective):
    """Asks that whoever goes from a moment of one stream to the likest of the other, and back, arrives where the way began."""

    title = "Cycle consistency in time"
    modality = "loss"
    takes = {
        "left": port("tokens", "tokens of one stream with their times", modality="shared"),
        "right": port("tokens", "tokens of the other stream with their times", modality="shared"),
    }
    gives = {
        "loss": port(
            "loss",
            "squared way from where a cycle began to where it ends, over its variance, and the variance's logarithm",
        )
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """How soft the likest moment is."""

        width: int = knob(32, "Numbers of the vectors that are compared.", low=4, high=4096)
        temperature: float = knob(
            0.1, "Squared distances of unit vectors are divided by it; smaller is nearer to the one likest moment.", low=0.001,
            high=10, logarithmic=True,
        )  # fmt: skip
        spread: float = knob(
            0.001, "Weight of the variance's logarithm.", low=0, high=10, title="Variance weight", advanced=True
        )
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.maps = nn.ModuleDict(
            {side: nn.Linear(in_time(incoming[side]).x_BND.shape[-1], config.width) for side in ("left", "right")}
        )

    def forward(self, left: Tokens, right: Tokens) -> dict[str, Any]:
        """Two streams [B, N, D] to one number, both ways round."""
        one, other = self.streams(left, right)
        loss_B = (self._loss(one, other) + self._loss(other, one)) / 2
        count = count_a_process(torch.tensor(len(loss_B), device=loss_B.device))
        return {"loss": self.config.weight * loss_B.sum() / count}

    def streams(self, left: Tokens, right: Tokens) -> tuple[Stream, Stream]:
        """Both as unit vectors of one width."""
        made = []
        for side, tokens in (("left", left), ("right", right)):
            row = in_time(tokens).zeroed()
            made.append(Stream.of(row.with_x(nn.functional.normalize(full(self.maps[side](row.x_BND)), dim=-1))))
        return made[0], made[1]

    def _loss(self, one: Stream, other: Stream) -> Tensor:
        """Of each sample, the mean over the first stream's real moments [B]; in frames."""
        arrives_BTT = self.cycled(one, other)
        place_T = torch.arange(arrives_BTT.shape[-1], dtype=arrives_BTT.dtype, device=arrives_BTT.device)
        mean_BT = arrives_BTT @ place_T
        spread_BT = (arrives_BTT * (place_T - mean_BT[..., None]) ** 2).sum(-1).clamp_min(LEAST_SPREAD)
        off_BT = (place_T - mean_BT) ** 2 / spread_BT + self.config.spread * spread_BT.log()
        both_B = one.real_BT.any(1) & other.real_BT.any(1)
        off_BT = torch.where(one.real_BT & both_B[:, None], off_BT, 0.0)
        return off_BT.sum(1) / one.real_BT.sum(1).clamp_min(1)

    def cycled(self, one: Stream, other: Stream) -> Tensor:
        """Where each moment of the first stream comes back to, as shares of its moments [B, T, T]."""
        there_BTS = self._nearest(one.x_BTD, other)
        nearest_BTD = there_BTS @ other.x_BTD
        return self._nearest(nearest_BTD, one)

    def _nearest(self, x_BTD: Tensor, stream: Stream) -> Tensor:
        square_BTS = (
            x_BTD.square().sum(-1)[..., None]
            - 2 * x_BTD @ stream.x_BTD.transpose(1, 2)
            + stream.x_BTD.square().sum(-1)[:, None]
        )
        score_BTS = (-square_BTS / self.config.temperature).masked_fill(~stream.real_BT[:, None], FAR)
        return score_BTS.softmax(-1)

    def answers(self, left: Tokens, right: Tokens) -> dict[str, Tensor]:  # type: ignore[override]
        """How many of a sample's moments come back within one frame, how many there are, and how well order is kept (Kendall's tau)."""
        one, other = self.streams(left, right)
        arrives_BTT, there_BTS = self.cycled(one, other), self._nearest(one.x_BTD, other)
        place_T = torch.arange(arrives_BTT.shape[-1], device=arrives_BTT.device)
        back_BT = ((arrives_BTT.argmax(-1) - place_T).abs() <= 1) & arrives_BTT.isfinite().all(-1)
        guess_BTT = (place_T[:, None] - place_T).abs() <= 1
        count_B = one.real_BT.sum(1)
        chance_BT = (guess_BTT & one.real_BT[:, None]).sum(-1) / count_B.clamp_min(1)[:, None]
        return {
            "back": torch.where(one.real_BT, back_BT, False).sum(1).cpu(), "count": count_B.cpu(),
            "chance": torch.where(one.real_BT, chance_BT, 0.0).sum(1).cpu(), "tau": kendall(there_BTS.argmax(-1), one.real_BT).cpu(),
        }  # fmt: skip

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """The share of moments that come back, beside a guess, and order kept from one stream to the other, 0 by chance."""
        count = float(answers["count"].sum())
        if not count:
            return {}
        scores = {
            name: float(answers[key].double().sum()) / count
            for name, key in (("cycles back", "back"), ("chance cycles back", "chance"))
        }
        tau = answers["tau"].double()
        return scores | ({"order kept": float(tau.nanmean())} if bool(tau.isfinite().any()) else {})

    def detail(self) -> str:
        """How soft."""
        return f"τ {self.config.temperature:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two pairs of streams of six and nine frames; one ends early."""
        sides: dict[str, Any] = {}
        for side, count in (("left", 6), ("right", 9)):
            mask = torch.ones(2, count, dtype=torch.bool)
            mask[1, -2:] = False
            grid = Grid(kind="times", sizes=(count,), step=0.25)
            sides[side] = Tokens(x_BND=torch.randn(2, count, 12), mask_BN=mask, modality="any", grid=grid)
        return sides


def kendall(place_BT: Tensor, real_BT: Tensor) -> Tensor:
    """Of each row, pairs of moments whose places rise less those whose places fall, over all pairs (tau-a) [B]; NaN without pairs."""
    later_BTT = place_BT[:, None] - place_BT[..., None]
    pair_BTT = (real_BT[:, None] & real_BT[..., None]).triu(1)
    return (later_BTT.sign() * pair_BTT).sum((1, 2)) / pair_BTT.sum((1, 2))
