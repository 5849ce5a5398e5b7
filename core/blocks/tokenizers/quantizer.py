"""What every quantizer is: tokens come in; tokens, their codes and a penalty go out; codes alone become tokens again.

The tokens given are those of the code book: in evaluation they *are* the look-up of the codes, bit for bit. No gradient can go
through a choice, so in training it is carried past it (straight through, arXiv:1308.3432, or the rotation trick, arXiv:2410.06424).
The penalty is the same formula in training and in evaluation. A code book learned as an average moves in ``after_update``: once an
optimiser step, from the vectors of that step, never in evaluation, in a diagnostic or without gradients.

Axes: B batch, N tokens, M real tokens of the batch, D width, Q codes of a token, K codes of a book.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Block
from core.blocks.fusion.sides import width_of
from core.blocks.values import Codes, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """What became of the real tokens of a batch."""

    x_MD: Tensor  # in the code book, with a gradient in training
    codes_MQ: Tensor  # int64, each in its own book
    penalties: Mapping[str, Tensor]  # already weighed


class Quantizer(Block):
    """The shared part; a kind of quantizer says how vectors are chosen and looked up."""

    modality = "shared"
    in_float32 = True
    exact = False  # libraries choose in float32
    counts = ("tokens",)
    takes: ClassVar[Mapping[str, Any]] = {
        "tokens": port("tokens", "tokens to replace", optional=True),
        "codes": port("codes", "codes to look up instead, in a place with the same weights", optional=True),
    }
    gives: ClassVar[Mapping[str, Any]] = {
        "tokens": port("tokens", "the nearest tokens that the code book has"),
        "codes": port("codes", "their numbers in the code book"),
        "penalty": port("loss", "pulls tokens and code book together; add it to the objectives with an extra loss"),
    }
    dead_share: float = 0.0  # a code is dead below this part of uniform use; 0: where it is never used

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if "tokens" not in incoming:
            raise ValueError(
                "A quantizer is made for tokens: wire some. A further place with its weights may take codes alone."
            )
        self.width = width_of(incoming["tokens"])
        self._penalties: dict[str, Tensor] = {}

    @property
    def books(self) -> tuple[int, ...]:
        """Codes of each book; a token has one code of each."""
        raise NotImplementedError

    def quantized(self, x_MD: Tensor) -> Quantized:
        """Choose for every token."""
        raise NotImplementedError

    def looked_up(self, codes_MQ: Tensor) -> Tensor:
        """The vectors [M, D] of codes, each in its own book; -1 leaves a book out where several are added up."""
        raise NotImplementedError

    def forward(self, tokens: Tokens | None = None, codes: Codes | None = None) -> dict[str, Any]:
        """[B, N, D] to tokens [B, N, D], codes [B, N·Q] and one number; or codes [B, N·Q] to what they stand for."""
        if codes is not None:
            return self.given(codes)
        if tokens is None:
            raise ValueError("A quantizer needs tokens or codes.")
        return self.chosen(tokens)

    def given(self, codes: Codes) -> dict[str, Any]:
        """What codes stand for; nothing is chosen, so nothing is penalised."""
        tokens = self.decode(codes)
        return {"tokens": tokens, "codes": codes, "penalty": tokens.x_BND.sum() * 0}

    def chosen(self, tokens: Tokens) -> dict[str, Any]:
        """The nearest of what the code book has."""
        x_MD, real_BN = _real(tokens)
        found = self._like(x_MD) if x_MD.is_meta else self.quantized(x_MD)
        penalty = (
            torch.stack([p.float() for p in found.penalties.values()]).sum() if found.penalties else x_MD.sum() * 0
        )
        self._penalties = {name: value.detach() for name, value in found.penalties.items()}
        return {
            "tokens": tokens.with_x(_placed(found.x_MD.to(tokens.x_BND.dtype), real_BN, tokens)),
            "codes": self._codes(found.codes_MQ, real_BN, tokens), "penalty": penalty,
        }  # fmt: skip

    def _codes(self, codes_MQ: Tensor, real_BN: Tensor | None, tokens: Tokens) -> Codes:
        ids_MQ = codes_MQ + self._first_Q(codes_MQ.device)
        mask = None if tokens.mask_BN is None else tokens.mask_BN.repeat_interleave(len(self.books), 1)
        return Codes(
            ids_BN=_placed(ids_MQ, real_BN, tokens).flatten(1), books=self.books, mask_BN=mask, grid=tokens.grid
        )

    def _first_Q(self, device: torch.device) -> Tensor:
        """The number of each book's first code."""
        starts = [sum(self.books[:level]) for level in range(len(self.books))]
        return torch.tensor(starts, dtype=torch.int64, device=device)

    def decode(self, codes: Codes) -> Tokens:
        """Codes [B, N·Q] as tokens [B, N, D]: what a decoder draws from. Raises ValueError for numbers that are no codes."""
        self.check(codes)
        ids = codes.ids_BN
        ids_BNQ = ids.unflatten(1, (-1, len(self.books)))
        codes_MQ = (ids_BNQ - self._first_Q(ids.device)).flatten(0, 1)
        x_BND = self.looked_up(codes_MQ).unflatten(0, ids_BNQ.shape[:2])
        mask = None if codes.mask_BN is None else codes.mask_BN[:, :: len(self.books)]
        return Tokens(x_BND=x_BND, mask_BN=mask, modality="image", grid=codes.grid)

    def check(self, codes: Codes) -> None:
        """Raises ValueError for numbers that are no codes of this quantizer."""
        ids = codes.ids_BN
        if ids.numel() and not ids.is_meta and not 0 <= int(ids.min()) <= int(ids.max()) < codes.vocabulary:
            raise ValueError(
                f"Codes are numbers from 0 to {codes.vocabulary - 1}; there are {int(ids.min())} to {int(ids.max())}."
            )
        if codes.books != self.books:
            raise ValueError(f"These codes are of books with {codes.books} entries, this quantizer has {self.books}.")

    def alone(self, book: int, device: torch.device) -> Tensor:
        """Every code of a book by itself, as vectors [K, D]: of the other books none is added."""
        codes_KQ = torch.full((self.books[book], len(self.books)), -1, dtype=torch.int64, device=device)
        codes_KQ[:, book] = torch.arange(self.books[book], device=device)
        return self.looked_up(codes_KQ)

    def bits(self) -> float:
        """Of the codes of one token, each as long as the others of its book."""
        return sum(math.log2(size) for size in self.books)

    def counted(self, tokens: Tokens) -> Tensor:  # type: ignore[override]
        """Real tokens."""
        return tokens.x_BND.new_tensor(tokens.x_BND[..., 0].numel()) if tokens.mask_BN is None else tokens.mask_BN.sum()

    def readings(self) -> Mapping[str, float | Tensor]:
        """The penalties of the last batch, each by its name."""
        return self._penalties

    def _like(self, x_MD: Tensor) -> Quantized:
        """The same without values: a meta tensor has none to choose by. One product with the code book is what it costs."""
        scores = [x_MD @ x_MD.new_empty(x_MD.shape[1], size) for size in self.books]
        codes_MQ = torch.stack([score_MK.argmax(-1) for score_MK in scores], -1)
        return Quantized(x_MD=x_MD, codes_MQ=codes_MQ, penalties={})

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two grids of two by three tokens."""
        return {"tokens": Tokens(x_BND=torch.randn(2, 6, 8), modality="image", grid=Grid(kind="patches", sizes=(2, 3)))}


def codes_knob() -> Any:
    """How many codes a book has."""
    return knob(256, "Entries of a code book.", low=2, high=65_536, logarithmic=True, title="Codes")


def commitment_knob() -> Any:
    """How strongly tokens are held at their codes."""
    return knob(
        0.25, "Weight of the squared distance from a token to its code.", low=0, high=100, title="Commitment weight"
    )


def commitment(x_MD: Tensor, chosen_MD: Tensor) -> Tensor:
    """Mean squared distance from the chosen code, which stays where it is (arXiv:1711.00937)."""
    return F.mse_loss(x_MD, chosen_MD.detach())


def straight_through(x_MD: Tensor, chosen_MD: Tensor, training: bool) -> Tensor:
    """The chosen vectors; in training with the gradient of what was replaced."""
    return x_MD + (chosen_MD - x_MD).detach() if training else chosen_MD


def _real(tokens: Tokens) -> tuple[Tensor, Tensor | None]:
    """Vectors of real tokens in a row [M, D], and where they are; on meta all are taken to be."""
    x_BND = tokens.x_BND
    if tokens.mask_BN is None or x_BND.is_meta:
        return x_BND.flatten(0, 1), None
    return x_BND[tokens.mask_BN], tokens.mask_BN


def _placed(x_MD: Tensor, real_BN: Tensor | None, tokens: Tokens) -> Tensor:
    """The inverse, with zeros for padding."""
    if real_BN is None:
        return x_MD.unflatten(0, tokens.x_BND.shape[:2])
    return x_MD.new_zeros(*real_BN.shape, x_MD.shape[-1]).masked_scatter(real_BN[..., None], x_MD)
