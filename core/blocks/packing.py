"""Several documents in one row of tokens: where each lies, each by itself again, and the reverse.

A pack keeps ids of documents (0 = none), and everything follows from them: who attends to whom, what is pooled, whose map
is whose (NaViT, arXiv:2307.06304). Axes: P rows, N tokens of a row, B documents, L tokens of the longest document, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Tokens

TILE = 128  # rows on a GPU are a multiple of it wide: FlexAttention compiles anew for every width


@dataclass(frozen=True, kw_only=True, eq=False)
class Documents:
    """Where the tokens of each document lie in rows that hold several."""

    document_PN: Tensor  # 1, 2 ...; 0: none
    there_BL: Tensor  # the token's place in the flattened rows
    real_BL: Tensor  # False behind a document's end
    back_PN: Tensor  # the token's place in the flattened documents
    has_PN: Tensor  # False where a row holds nothing

    sorted_1T: Tensor  # every token's place in the flattened rows, documents of one length behind one another
    unsorted_PN: Tensor  # the inverse
    groups: tuple[tuple[int, int], ...]  # documents and their length, in that order

    @classmethod
    def of(cls, document_PN: Tensor, count: int) -> Documents:
        """From ids alone; a document's tokens keep the order they have in their row."""
        ids = document_PN.cpu().numpy().ravel()
        order = np.argsort(ids, kind="stable")
        order = order[ids[order] > 0]
        document = ids[order] - 1
        lengths = np.bincount(document, minlength=count)
        longest = int(lengths.max(initial=1))
        column = np.arange(len(order)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        there = np.zeros((count, longest), np.int64)
        there[document, column] = order
        back = np.zeros(ids.shape, np.int64)
        back[order] = document * longest + column
        by_length = order[np.argsort(lengths[document], kind="stable")]
        unsorted = np.zeros(ids.shape, np.int64)
        unsorted[by_length] = np.arange(len(by_length))
        device = document_PN.device
        there_BL, real_BL, back_N, sorted_T, unsorted_N = (
            torch.from_numpy(found).to(device)
            for found in (there, np.arange(longest) < lengths[:, None], back, by_length, unsorted)
        )
        sizes, counts = np.unique(lengths[lengths > 0], return_counts=True)
        return cls(
            document_PN=document_PN, has_PN=document_PN > 0, there_BL=there_BL, real_BL=real_BL,
            back_PN=back_N.view_as(document_PN), sorted_1T=sorted_T[None], unsorted_PN=unsorted_N.view_as(document_PN),
            groups=tuple(zip(counts.tolist(), sizes.tolist())),
        )  # fmt: skip

    def apart(self, x_PND: Tensor) -> Tensor:
        """Each document in a row of its own [B, L, ...], zeros behind its end."""
        return _moved(x_PND, self.there_BL, self.real_BL, self.back_PN, self.has_PN)

    def together(self, x_BLD: Tensor) -> Tensor:
        """The inverse of :meth:`apart` [P, N, ...], zeros where a row holds nothing; what is behind the longest is left out."""
        return _moved(x_BLD[:, : self.there_BL.shape[1]], self.back_PN, self.has_PN, self.there_BL, self.real_BL)

    def by_length(self, x_PND: Tensor) -> tuple[Tensor, ...]:
        """Documents of one length in one batch each, without any padding."""
        all_1T = torch.ones_like(self.sorted_1T, dtype=torch.bool)
        x_TD = _moved(x_PND, self.sorted_1T, all_1T, self.unsorted_PN, self.has_PN)[0]
        parts = x_TD.split([count * length for count, length in self.groups])
        return tuple(part.unflatten(0, group) for part, group in zip(parts, self.groups))

    def from_lengths(self, parts: Sequence[Tensor]) -> Tensor:
        """The inverse of :meth:`by_length` [P, N, ...], zeros where a row holds nothing."""
        x_1TD = torch.cat([part.flatten(0, 1) for part in parts])[None]
        return _moved(
            x_1TD, self.unsorted_PN, self.has_PN, self.sorted_1T, torch.ones_like(self.sorted_1T, dtype=torch.bool)
        )


def _moved(x: Tensor, there: Tensor, real: Tensor, back: Tensor, has: Tensor) -> Tensor:
    if x.is_floating_point() and x.requires_grad:
        made: Tensor = _Move.apply(x, there, real, back, has)  # type: ignore[no-untyped-call]
        return made
    return _gathered(x, there, real)


class _Move(torch.autograd.Function):
    """Every token goes to one place, so its gradient is fetched from there: a gather both ways, the same bits always."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, there: Tensor, real: Tensor, back: Tensor, has: Tensor) -> Tensor:
        ctx.save_for_backward(back, has)
        return _gathered(x, there, real)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:  # type: ignore[override]
        return _gathered(gradient, *ctx.saved_tensors), None, None, None, None


def _gathered(x: Tensor, place: Tensor, real: Tensor) -> Tensor:
    flat = x.flatten(0, 1).index_select(0, place.flatten()).unflatten(0, place.shape)
    return flat.masked_fill_(~real.view(*real.shape, *[1] * (flat.ndim - 2)), 0)


def laid_out(lengths: Sequence[int], packs: Sequence[int], device: torch.device) -> Documents:
    """Documents of these lengths behind one another, those of one pack in one row; rows are as wide as the fullest."""
    rows = {pack: row for row, pack in enumerate(dict.fromkeys(packs))}
    ends = [0] * len(rows)
    starts = []
    for length, pack in zip(lengths, packs):
        starts.append(ends[rows[pack]])
        ends[rows[pack]] += length
    width = max(ends, default=1)
    document = np.zeros((len(rows), -(-width // TILE) * TILE if device.type == "cuda" else width), np.int64)
    for number, (start, length, pack) in enumerate(zip(starts, lengths, packs), start=1):
        document[rows[pack], start : start + length] = number
    return Documents.of(torch.from_numpy(document).to(device), len(lengths))


def documents_of(tokens: Tokens) -> Documents | None:
    """Where the documents lie; None where every row is one sample."""
    return None if tokens.document_BN is None else Documents.of(tokens.document_BN, tokens.documents)


def unpacked(value: Any) -> Any:
    """Tokens with every document in a row of its own, padded and masked; any other value as it is."""
    if not isinstance(value, Tokens) or value.document_BN is None:
        return value
    documents = Documents.of(value.document_BN, value.documents)
    place = None if value.place_BN2 is None else documents.apart(value.place_BN2 + 1) - 1
    return replace(
        value,
        x_BND=documents.apart(value.x_BND),
        mask_BN=documents.real_BL,
        place_BN2=place,
        document_BN=None,
        documents=0,
    )


def taken_by(node: object, incoming: Mapping[str, Any]) -> dict[str, Any]:
    """What flows into a block: rows of several documents where it reads them, else each document in a row of its own."""
    if getattr(node, "reads_packs", False):
        return dict(incoming)
    return {port: unpacked(value) for port, value in incoming.items()}
