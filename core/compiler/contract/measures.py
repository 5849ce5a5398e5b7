"""What every block keeps to, as measurements: values and gradients of what is real, whatever lies in padding and other rows.

After ``verify_contract`` of sequence-layers: NaN and garbage where nobody may look change nothing where somebody does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.block import Block
from core.blocks.packing import laid_out, unpacked
from core.blocks.values import Pictures, Spectrogram, Text, Tokens, Waveform, joined

Values = dict[str, Any]
GARBAGE = 1e3


def padded(example: Values) -> Values:
    """Every side of tokens with a mask: where none is told, the last token of the last sample is padding."""

    def with_mask(value: Any) -> Any:
        if not isinstance(value, Tokens) or value.mask_BN is not None:
            return value
        mask = torch.ones(value.x_BND.shape[:2], dtype=torch.bool)
        mask[-1, -1] = value.x_BND.shape[1] == 1
        return replace(value, mask_BN=mask)

    return {name: with_mask(value) for name, value in example.items()}


def packed(example: Values) -> Values:
    """Every sample twice, all but the last in one row of tokens, so that the other row ends in padding."""

    def together(value: Any) -> Any:
        value = joined([value, value])
        if isinstance(value, Text):
            return replace(value, pack_B=_packs(len(value.ids_BL)))
        if isinstance(value, Pictures):
            return replace(value, pack_B=_packs(len(value.size_B2)))
        return _rows(value) if isinstance(value, Tokens) else value

    return {name: together(value) for name, value in example.items()}


def _packs(count: int) -> Tensor:
    packs = torch.zeros(count, dtype=torch.int64)
    packs[-1] = 1
    return packs


def _rows(tokens: Tokens) -> Tokens:
    assert tokens.mask_BN is not None
    count = len(tokens.x_BND)
    documents = laid_out(tokens.mask_BN.sum(1).tolist(), _packs(count).tolist(), tokens.x_BND.device)
    x_PND = documents.together(tokens.x_BND)
    return replace(tokens, x_BND=x_PND, mask_BN=documents.has_PN, document_BN=documents.document_PN, documents=count)


def by_itself(value: Any) -> Any:
    """Every document in a row of its own."""
    return replace(value, pack_B=None) if isinstance(value, Text | Pictures) else unpacked(value)


def with_padding(example: Values, fill: float) -> Values:
    """``fill`` in every token, patch or frame that is padding, other word pieces where words are."""

    def spoiled(value: Any) -> Any:
        if isinstance(value, Text):
            return replace(
                value, ids_BL=torch.where(value.mask_BL, value.ids_BL, (value.ids_BL + 7) % value.vocabulary)
            )
        if isinstance(value, Tokens):
            return value.with_x(torch.where(value.mask_BN[..., None], value.x_BND, fill))  # type: ignore[index]
        if isinstance(value, Pictures):
            return replace(value, patches_BNC=torch.where(value.mask_BN[..., None], value.patches_BNC, fill))
        if isinstance(value, Spectrogram):
            return replace(value, x_BFT=torch.where(_real_frames(value)[:, None], value.x_BFT, fill))
        if isinstance(value, Waveform):
            return replace(value, samples_BS=torch.where(_real_samples(value), value.samples_BS, fill))
        return value

    return {name: spoiled(value) for name, value in example.items()}


def _real_frames(value: Spectrogram) -> Tensor:
    """True for the frames that are not padding, [B, T]."""
    return torch.arange(value.x_BFT.shape[2]) < value.frames_B[:, None]


def _real_samples(value: Waveform) -> Tensor:
    """True for the samples that are not padding, [B, S]."""
    return torch.arange(value.samples_BS.shape[1]) < value.lengths_B[:, None]


def with_other_rows(example: Values, fill: float) -> Values:
    """Every sample but the first: ``fill`` in all its numbers, other word pieces."""

    def spoil(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
            return leaf
        leaf = leaf.clone()
        leaf[1:] = fill
        return leaf

    def spoiled(value: Any) -> Any:
        if isinstance(value, Text):
            ids = value.ids_BL.clone()
            ids[1:] = (ids[1:] + 7) % value.vocabulary
            return replace(value, ids_BL=ids)
        return pytree.tree_map(spoil, value)

    return {name: spoiled(value) for name, value in example.items()}


def real(value: Any) -> Tensor | None:
    """The numbers of a value that are nobody's padding; None where it holds none."""
    if isinstance(value, Tokens):
        return value.x_BND if value.mask_BN is None else value.x_BND[value.mask_BN]
    if isinstance(value, Pictures):
        return value.patches_BNC[value.mask_BN]
    if isinstance(value, Spectrogram):
        return value.x_BFT.transpose(1, 2)[_real_frames(value)]
    if isinstance(value, Waveform):
        return value.samples_BS[_real_samples(value)]
    leaves = [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]
    return leaves[0] if leaves else None


def real_of_each(value: Any) -> Tensor | None:
    """The same, document by document."""
    return real(unpacked(value))


def first_row(value: Any) -> Tensor | None:
    """The first sample of a value."""
    found = [real(pytree.tree_map(lambda leaf: leaf[:1] if isinstance(leaf, Tensor) and leaf.ndim else leaf, value))]
    return None if found[0] is None or not found[0].ndim else found[0]


def measured(
    block: Block, example: Values, look: Callable[[Any], Tensor | None], *, parameters: bool = True
) -> dict[str, Tensor]:
    """What can be seen of a block: its outputs, and the gradients of a fixed mixture of them, by name."""
    leaves = {name: pytree.tree_map(_leaf, value) for name, value in example.items()}
    block.zero_grad()
    torch.manual_seed(2)  # what draws, draws the same
    made = {name: seen for name, value in block(**leaves).items() if (seen := look(value)) is not None}
    found = {f"output {name}": value.detach() for name, value in made.items()}
    torch.manual_seed(3)
    losses = [
        (value * torch.randn(value.shape, dtype=value.dtype)).sum() for value in made.values() if value.requires_grad
    ]
    if not losses:
        return found
    torch.stack(losses).sum().backward()
    for name, value in leaves.items():
        gradient = look(pytree.tree_map(_gradient, value))
        if gradient is not None and gradient.is_floating_point():
            found[f"gradient of {name}"] = gradient
    if parameters:
        found |= {f"gradient of {n}": p.grad.clone() for n, p in block.named_parameters() if p.grad is not None}
    return found


def _leaf(leaf: Any) -> Any:
    is_float = isinstance(leaf, Tensor) and leaf.is_floating_point()
    return leaf.detach().clone().requires_grad_() if is_float else leaf


def _gradient(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
        return leaf
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def assert_same(before: dict[str, Tensor], after: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    """Raises AssertionError naming everything that differs or is no number."""
    assert before.keys() == after.keys()
    wrong = []
    for name, value in before.items():
        assert value.isfinite().all(), name
        if not torch.allclose(value, after[name], atol=tolerance, rtol=tolerance):
            wrong.append(name)
    assert not wrong, f"changed: {', '.join(wrong)}"


def without_padding(example: Values) -> Values:
    """The same with every place real."""

    def whole(value: Any) -> Any:
        if isinstance(value, Text):
            return replace(value, mask_BL=torch.ones_like(value.mask_BL))
        return replace(value, mask_BN=None) if isinstance(value, Tokens) else value

    return {name: whole(value) for name, value in example.items()}


def whole_and_by_steps(block: Block, example: Values) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Outputs of all places and gradients of weights: in one go, and from every beginning of the sequence its last place."""
    length = next(real_length(value) for value in example.values() if isinstance(value, (Text, Tokens)))
    found = []
    for ends in ([length], range(1, length + 1)):
        block.zero_grad()
        outputs: dict[str, list[Tensor]] = {}
        for end in ends:
            made = block(**{name: beginning(value, end) for name, value in example.items()})
            for name, value in made.items():
                outputs.setdefault(name, []).append(value.x_BND if len(ends) == 1 else value.x_BND[:, -1:])
        joined = {name: torch.cat(parts, 1) for name, parts in outputs.items()}
        torch.manual_seed(3)
        torch.stack([(value * torch.randn_like(value)).sum() for value in joined.values()]).sum().backward()
        seen = {f"output {name}": value.detach() for name, value in joined.items()}
        seen |= {f"gradient of {n}": p.grad.clone() for n, p in block.named_parameters() if p.grad is not None}
        found.append(seen)
    return found[0], found[1]


def real_length(value: Text | Tokens) -> int:
    """Places of a sequence."""
    return (value.ids_BL if isinstance(value, Text) else value.x_BND).shape[1]


def beginning(value: Any, end: int) -> Any:
    """The first places of a sequence."""
    if isinstance(value, Text):
        return replace(value, ids_BL=value.ids_BL[:, :end], mask_BL=value.mask_BL[:, :end])
    return value.with_x(value.x_BND[:, :end]) if isinstance(value, Tokens) else value


def in_float64(example: Values) -> Values:
    """Every floating number in double precision."""
    return {
        name: pytree.tree_map(lambda x: x.double() if isinstance(x, Tensor) and x.is_floating_point() else x, value)
        for name, value in example.items()
    }


def slopes(block: Block, example: Values, step: float = 1e-7) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Each output's slope along one direction in inputs and weights, by differences over one step and over two.

    In float64 they agree to eight digits; where anything inside is rounded to float32 they have none in common.
    """
    weights = {name: p.detach() for name, p in block.named_parameters()}
    torch.manual_seed(4)
    moved = {name: torch.randn_like(w) * 0.1 if w.is_floating_point() else w for name, w in weights.items()}
    leaves, form = pytree.tree_flatten(example)
    paths = [torch.randn_like(x) * 0.1 if isinstance(x, Tensor) and x.is_floating_point() else None for x in leaves]

    @torch.no_grad()
    def at(place: float) -> dict[str, Tensor]:
        torch.manual_seed(2)
        inputs = [x if path is None else x + place * path for x, path in zip(leaves, paths)]
        now = {name: w + place * moved[name] for name, w in weights.items()}
        made = torch.func.functional_call(block, now, (), pytree.tree_unflatten(inputs, form))
        shown = {name: real(value) for name, value in made.items()}
        return {name: value for name, value in shown.items() if value is not None and value.is_floating_point()}

    found = []
    for width in (step, 2 * step):
        above, below = at(width), at(-width)
        torch.manual_seed(5)
        found.append({n: ((above[n] - below[n]) * torch.randn_like(above[n])).sum() / (2 * width) for n in above})
    return found[0], found[1]
