"""Writing with a language model, a word piece at a time: the likeliest, or drawn with a temperature, top-k and top-p (arXiv:1904.09751).

Every row has a random stream of its own, so it is the same alone as in a batch, and on any device. Beam search is
:mod:`core.blocks.generators.beams`. Axes: B rows, L word pieces of the beginning, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from core.blocks.attention.cache import Cache
from core.blocks.values import Tokens


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the next piece is chosen."""

    most: int = 32  # pieces that are written, the end included
    temperature: float = 0.0  # 0: always the likeliest
    top_k: int = 0  # only among so many likeliest; 0: all
    top_p: float = 1.0  # only among the likeliest that together have this probability
    beams: int = 1  # beginnings that are kept beside each other; above 1 nothing is drawn
    length_penalty: float = 1.0  # a finished beam's log-probability is divided by its length to this power


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What is read before the first piece is written."""

    ids_BL: Tensor
    real_BL: Tensor  # padding may stand on either side
    tokens: Tokens | None = None  # what stands before the words

    def row(self, number: int) -> Beginning:
        """One row alone."""
        one = slice(number, number + 1)
        tokens = self.tokens
        if tokens is not None:
            mask = None if tokens.mask_BN is None else tokens.mask_BN[one]
            tokens = Tokens(x_BND=tokens.x_BND[one], mask_BN=mask, modality=tokens.modality, grid=tokens.grid)
        return Beginning(ids_BL=self.ids_BL[one], real_BL=self.real_BL[one], tokens=tokens)

    @property
    def length(self) -> int:
        """Tokens of the longest row, padding counted."""
        return self.ids_BL.shape[1] + (0 if self.tokens is None else self.tokens.x_BND.shape[1])


class Decoder(Protocol):
    """What can be written with."""

    def read(
        self, ids_BL: Tensor, real_BL: Tensor, tokens: Tokens | None = None, cache: Cache | None = None
    ) -> tuple[Tensor, Cache | None]: ...
    def said(self, x_BLD: Tensor) -> Tensor: ...
    def room(self, rows: int, capacity: int) -> Cache: ...


def opened(decoder: Decoder, beginning: Beginning, most: int) -> tuple[Tensor, Cache]:
    """Read the beginning: logits [B, V] of the first piece, and the cache with room for ``most`` more."""
    rows = len(beginning.ids_BL)
    x_BLD, cache = decoder.read(
        beginning.ids_BL, beginning.real_BL, beginning.tokens, decoder.room(rows, beginning.length + most)
    )
    assert cache is not None
    place_L = torch.arange(beginning.ids_BL.shape[1], device=x_BLD.device)
    last_B = torch.where(beginning.real_BL, place_L, -1).amax(1)
    return decoder.said(x_BLD[torch.arange(rows, device=x_BLD.device), last_B][:, None])[:, 0], cache


def further(decoder: Decoder, ids_B: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
    """Read one piece more in every row: logits [B, V] of the next."""
    x_B1D, grown = decoder.read(ids_B[:, None], torch.ones_like(ids_B[:, None], dtype=torch.bool), None, cache)
    assert grown is not None
    return decoder.said(x_B1D)[:, 0], grown


@torch.no_grad()
def pieces(decoder: Decoder, beginning: Beginning, way: Way, seeds: Sequence[int], end: int) -> Iterator[list[int]]:
    """Every row's next piece, step by step, until each has said ``end`` or ``way.most``; ``end`` again for those that have.

    ``seeds``: one a row.
    """
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    logits_BV, cache = opened(decoder, beginning, way.most)
    over = [False] * len(streams)
    for step in range(way.most):
        chosen = [end if done else piece_of(row, way, stream) for row, stream, done in zip(logits_BV, streams, over)]
        over = [done or piece == end for done, piece in zip(over, chosen)]
        yield chosen
        if all(over) or step + 1 == way.most:
            return
        logits_BV, cache = further(decoder, torch.tensor(chosen, device=logits_BV.device), cache)


def written(decoder: Decoder, beginning: Beginning, way: Way, seeds: Sequence[int], end: int) -> list[list[int]]:
    """What every row says, without its end. Not for beams."""
    rows: list[list[int]] = [[] for _ in seeds]
    for chosen in pieces(decoder, beginning, way, seeds, end):
        for row, piece in zip(rows, chosen):
            if not (row and row[-1] == end):
                row.append(piece)
    return [row[:-1] if row and row[-1] == end else row for row in rows]


def piece_of(logits_V: Tensor, way: Way, stream: torch.Generator) -> int:
    """The next piece: the likeliest, or one number of the stream among those that the way leaves."""
    if way.temperature <= 0:
        return int(logits_V.argmax())
    likely_V = probabilities(logits_V.double().cpu(), way)
    order_V = likely_V.argsort(descending=True, stable=True)
    dice = torch.rand((), generator=stream, dtype=torch.float64)
    place = int((likely_V[order_V].cumsum(0) <= dice).sum())
    return int(order_V[min(place, int((likely_V > 0).sum()) - 1)])


def probabilities(logits_V: Tensor, way: Way) -> Tensor:
    """Of every piece, after temperature, top-k and top-p in this order; what ties with the last of top-k stays."""
    scores_V = logits_V / way.temperature
    if 0 < way.top_k < len(scores_V):
        scores_V = scores_V.masked_fill(scores_V < scores_V.topk(way.top_k).values[-1], -torch.inf)
    if way.top_p < 1:
        order_V = scores_V.argsort(descending=True, stable=True)
        before_V = scores_V[order_V].softmax(0).cumsum(0) - scores_V[order_V].softmax(0)
        out_V = order_V[before_V >= way.top_p]
        scores_V = scores_V.index_fill(0, out_V[out_V != order_V[0]], -torch.inf)
    return scores_V.softmax(0)


@torch.no_grad()
def likelihoods(decoder: Decoder, ids_BL: Tensor, real_BL: Tensor, tokens: Tokens | None) -> Tensor:
    """The log-probability of each sentence [B] behind its tokens, its first piece taken as given."""
    x_BLD, _ = decoder.read(ids_BL, real_BL, tokens)
    logp_BLV = decoder.said(x_BLD).float().log_softmax(-1)[:, :-1]
    own_BL = logp_BLV.gather(-1, ids_BL[:, 1:, None])[..., 0]
    return (own_BL * (real_BL[:, 1:] & real_BL[:, :-1])).sum(1)
