"""From attention to relevance: raw maps, rollout, and maps weighed by a score's gradient, followed through the layers of a graph.

Raw: the last layer alone. Rollout (Abnar and Zuidema, arXiv:2005.00928): each layer's mean over heads, half of it the skip
connection, multiplied from the first layer to the last; rows sum to one. Gradient (Chefer, Gur and Wolf, arXiv:2103.15679): of a
layer's heads only what raises the score counts, A' = mean over heads of (gradient times A) above zero; within tokens R += A' R,
across R_qk += norm(R_qq)^T A' norm(R_kk), where norm(R) is R without its diagonal of ones, rows scaled to sum to one, and the ones
again.

A stream is the tokens of one end while they pass through layers; its ground is where they began. Axes: B batch, H heads, N tokens
of a stream, M tokens of its ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from core.graph.document import End

Grounds = Mapping[End, Tensor]  # ground -> [B, N, M]: how much of each of its tokens is in each token of the stream


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Tokens on their way; ``own`` is the ground they began as, None of latents and of joined sides."""

    own: End | None
    of: Grounds = field(default_factory=dict)

    @classmethod
    def begun(cls, end: End, batch: int, count: int, like: Tensor) -> Stream:
        """Each token is itself."""
        eye = torch.eye(count, dtype=like.dtype, device=like.device).expand(batch, -1, -1)
        return cls(own=end, of={end: eye})

    @property
    def count(self) -> int:
        """Tokens."""
        return next(iter(self.of.values())).shape[1]


def raising(rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Tensor:
    """What of a map raises the score, mean over heads [B, N, M]."""
    return (gradient_BHNM * rows_BHNM).clamp_min(0).mean(1)


def normed(relevance_BNN: Tensor) -> Tensor:
    """Without the ones that every token begins with, rows of what was added sum to one; then the ones again."""
    eye = torch.eye(relevance_BNN.shape[-1], dtype=relevance_BNN.dtype, device=relevance_BNN.device)
    added = relevance_BNN - eye
    total = added.sum(-1, keepdim=True)
    return torch.where(total > 0, added / total.clamp_min(torch.finfo(added.dtype).tiny), 0.0) + eye


class Rule:
    """How one layer changes what streams are made of; ``rows_BHNM`` is its map, ``gradient_BHNM`` the score's gradient there."""

    key: ClassVar[str]
    title: ClassVar[str]

    def within(self, stream: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        """Tokens looked at each other."""
        raise NotImplementedError

    def across(self, asking: Stream, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        """Tokens looked at those of another stream."""
        raise NotImplementedError

    def pooled(self, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        """New tokens, which stand for nothing, looked at a stream."""
        raise NotImplementedError

    def read(self, x_BND: Tensor, gradient_BND: Tensor) -> Tensor:
        """How much of what is read of a stream lies in each of its tokens, [B, N], summing to one: all alike that are read at all."""
        return _shares(gradient_BND.abs().sum(-1) > 0)


class Raw(Rule):
    """The last layer's map, mean over heads."""

    key = "raw"
    title = "Attention of the last layer"

    def within(self, stream: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        if stream.own is None or stream.of[stream.own].shape[1:] != rows_BHNM.shape[2:]:
            return replace(stream, of={end: rows_BHNM.mean(1) @ part for end, part in _begun(stream).items()})
        return replace(stream, of={stream.own: rows_BHNM.mean(1)})

    def across(self, asking: Stream, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        return replace(asking, of={**asking.of, **self.pooled(asked, rows_BHNM, gradient_BHNM).of})

    def pooled(self, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        return Stream(own=None, of={end: rows_BHNM.mean(1) @ part for end, part in _begun(asked).items()})


class Rollout(Rule):
    """All layers' maps multiplied, half of each the skip connection (arXiv:2005.00928)."""

    key = "rollout"
    title = "Attention rollout"

    def within(self, stream: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        mean_BNM = rows_BHNM.mean(1)
        eye = torch.eye(mean_BNM.shape[-1], dtype=mean_BNM.dtype, device=mean_BNM.device)
        mixed_BNM = mean_BNM + eye
        mixed_BNM = mixed_BNM / mixed_BNM.sum(-1, keepdim=True)
        return replace(stream, of={end: mixed_BNM @ part for end, part in stream.of.items()})

    def across(self, asking: Stream, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        found = self.pooled(asked, rows_BHNM, gradient_BHNM).of
        zero = torch.zeros_like(rows_BHNM[:, 0, :, :1])
        ends = [*asking.of, *(end for end in found if end not in asking.of)]
        return replace(asking, of={end: (asking.of.get(end, zero) + found.get(end, zero)) / 2 for end in ends})

    def pooled(self, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        return Stream(own=None, of={end: rows_BHNM.mean(1) @ part for end, part in asked.of.items()})


class Gradient(Rule):
    """What of every layer raises the score (arXiv:2103.15679)."""

    key = "gradient"
    title = "Gradient relevance"

    def within(self, stream: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        share_BNN = raising(rows_BHNM, gradient_BHNM)
        return replace(stream, of={end: part + share_BNN @ part for end, part in stream.of.items()})

    def across(self, asking: Stream, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        share_BNM = raising(rows_BHNM, gradient_BHNM)
        made = dict(asking.of)
        for end, part in asked.of.items():
            more = share_BNM @ (normed(part) if end == asked.own else part)
            if end == asked.own and asking.own is not None:
                more = normed(asking.of[asking.own]).transpose(1, 2) @ more
            made[end] = made[end] + more if end in made else more
        return replace(asking, of=made)

    def pooled(self, asked: Stream, rows_BHNM: Tensor, gradient_BHNM: Tensor) -> Stream:
        share_BNM = raising(rows_BHNM, gradient_BHNM)
        return Stream(
            own=None,
            of={end: share_BNM @ (normed(part) if end == asked.own else part) for end, part in asked.of.items()},
        )

    def read(self, x_BND: Tensor, gradient_BND: Tensor) -> Tensor:
        """By how much each raises the score, gradient times token; where none does, by how much each changes it."""
        part_BN = (x_BND * gradient_BND).sum(-1)
        up_BN = part_BN.clamp_min(0)
        return _shares(torch.where(up_BN.sum(-1, keepdim=True) > 0, up_BN, part_BN.abs()))


RULES: Mapping[str, Rule] = {rule.key: rule for rule in (Raw(), Rollout(), Gradient())}


def _begun(stream: Stream) -> Grounds:
    """The same stream as if each token were itself, where it has as many as its ground."""
    if stream.own is None:
        return stream.of
    part = stream.of[stream.own]
    if part.shape[1] != part.shape[2]:
        return stream.of
    return {stream.own: torch.eye(part.shape[1], dtype=part.dtype, device=part.device).expand_as(part)}


def _shares(weight_BN: Tensor) -> Tensor:
    weight_BN = weight_BN.float()
    total_B1 = weight_BN.sum(-1, keepdim=True)
    return torch.where(total_B1 > 0, weight_BN / total_B1.clamp_min(1e-30), 1 / weight_BN.shape[-1])


def joined(one: Stream, other: Stream) -> Stream:
    """Two streams in one, the first's tokens before the other's."""
    made = {}
    for end in {**one.of, **other.of}:
        parts = [stream.of.get(end) for stream in (one, other)]
        wide = next(part.shape[-1] for part in parts if part is not None)
        like = next(iter(one.of.values()))
        made[end] = torch.cat(
            [part if part is not None else like.new_zeros(len(like), stream.count, wide) for part, stream in zip(parts, (one, other))], 1
        )  # fmt: skip
    return Stream(own=None, of=made)


def part_of(stream: Stream, first: int, count: int, own: End | None) -> Stream:
    """Some neighbouring tokens of a stream."""
    return Stream(own=own, of={end: part[:, first : first + count] for end, part in stream.of.items()})
