"""Code books that follow the mean of what they were chosen for (EMA, arXiv:1711.00937, appendix A.1), and codes nobody chooses.

The library moves its books inside forward, also without gradients; here a forward only chooses and remembers, and the books move
once an optimiser step. A code chosen less than a share of uniform use is put where a vector of the step lies.
Axes: M real tokens, D width, Q books.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.objectives.gathering import gathered_values
from core.blocks.tokenizers.library import rotated
from core.blocks.tokenizers.quantizer import (
    Quantized,
    Quantizer,
    codes_knob,
    commitment,
    commitment_knob,
    straight_through,
)
from core.knobs import knob

GRADIENTS = ("straight through", "rotation")


def gradient_knob() -> Any:
    """How a gradient comes past the choice."""
    return knob(
        "straight through", "How the gradient passes the choice: unchanged, or turned and scaled as the token was.",
        choices=GRADIENTS, title="Gradient past the choice",
    )  # fmt: skip


class AveragedBooks(Quantizer):
    """One book, or several that are added up; subclasses make the library's module and name its layers."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Quantizer.Config):
        """The books, and how they learn."""

        codes: int = codes_knob()
        decay: float = knob(
            0.97, "Share of a code's running mean that stays at each step.", low=0, high=0.9999, title="Code decay"
        )
        commitment: float = commitment_knob()
        dead: float = knob(
            0.03, "A code used less than this part of uniform use is put where a token of the batch lies; 0: never.", low=0, high=1,
            title="Dead below",
        )  # fmt: skip
        gradient: str = gradient_knob()

    library: nn.Module

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.dead_share = config.dead
        self._chosen: list[tuple[Tensor, Tensor]] = []  # tokens and their codes since the last optimiser step

    def layers(self) -> list[Any]:
        """The library's VectorQuantize of each book, in the order in which they are added up."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """What the library's quantizers are made with."""
        return {
            "codebook_size": self.config.codes, "decay": self.config.decay, "threshold_ema_dead_code": 1.0, "commitment_weight": 0.0,
            "rotation_trick": False, "sync_codebook": False,  # which would count only, and draw by itself
        }  # fmt: skip

    @property
    def books(self) -> tuple[int, ...]:
        """As many entries in each."""
        return (self.config.codes,) * len(self.layers())

    def quantized(self, x_MD: Tensor) -> Quantized:
        """The nearest code, then the nearest to what is left, and so on."""
        codes_MQ = self.nearest(x_MD.detach())
        if self.training and torch.is_grad_enabled():
            self._chosen.append((x_MD.detach(), codes_MQ))
        total_MD = self.looked_up(codes_MQ)
        lacking = [commitment(left_MD, part_MD) for left_MD, part_MD in self._parts(x_MD, codes_MQ)]
        return Quantized(
            x_MD=self._passed(x_MD, total_MD), codes_MQ=codes_MQ,
            penalties={"commitment": self.config.commitment * torch.stack(lacking).sum()},
        )  # fmt: skip

    @torch.no_grad()
    def nearest(self, x_MD: Tensor) -> Tensor:
        """The library's choice, [M, Q]; its books stay as they are."""
        codes = self.library(x_MD[None], freeze_codebook=True)[1][0]
        return codes.reshape(len(x_MD), -1).long()

    def looked_up(self, codes_MQ: Tensor) -> Tensor:
        """The sum of the chosen vectors."""
        found = [_chosen(layer, codes_MQ[:, level]) for level, layer in enumerate(self.layers())]
        return torch.stack(found).sum(0)

    def _parts(self, x_MD: Tensor, codes_MQ: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each book what it was to say, and what it said."""
        found, left_MD = [], x_MD
        for level, layer in enumerate(self.layers()):
            part_MD = _chosen(layer, codes_MQ[:, level])
            found.append((left_MD, part_MD))
            left_MD = left_MD - part_MD
        return found

    def _passed(self, x_MD: Tensor, total_MD: Tensor) -> Tensor:
        if self.training and self.config.gradient == "rotation":
            return rotated(x_MD, total_MD)
        return straight_through(x_MD, total_MD, self.training)

    @torch.no_grad()
    def after_update(self) -> None:
        """Every book follows the tokens of this step, those of all processes that share it: in each of them alike."""
        if not self._chosen:
            return
        own = (torch.cat(column) for column in zip(*self._chosen))
        x_MD, codes_MQ = gathered_values(dict(enumerate(own))).values()
        self._chosen = []
        for (left_MD, _), layer, codes_M in zip(self._parts(x_MD, codes_MQ), self.layers(), codes_MQ.unbind(1)):
            uniform = len(x_MD) / self.config.codes
            layer._codebook.threshold_ema_dead_code = self.config.dead * uniform
            layer._codebook.has_dead_code_replacement = self.config.dead > 0
            layer._codebook.reset_cluster_size = uniform
            layer.update_indices(left_MD[None], codes_M[None])

    def detail(self) -> str:
        """How many codes."""
        return f"K{self.config.codes}" + (f" ×{len(self.layers())}" if len(self.layers()) > 1 else "")


def _chosen(layer: Any, codes_M: Tensor) -> Tensor:
    """Rows of a book; zeros for -1."""
    vectors_MD: Tensor = layer.codebook[codes_M.clamp_min(0)]
    return torch.where((codes_M >= 0)[:, None], vectors_MD, 0.0)
