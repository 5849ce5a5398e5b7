"""From codes to pictures, without what the codes were made of: the look-up of a quantizer, then whatever draws from its tokens.

A generator that writes codes, and a look into the code book, come in here. Axes: B batch, N tokens, D width, Q codes of a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.tokenizers.quantizer import Quantizer
from core.blocks.values import Codes, Grid, Tokens
from core.compiler.plan import Plan
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import Modal, at_rest


class Runs(Modal, Protocol):
    """An experiment, as far as decoding asks."""

    plan: Plan

    def node(self, key: str) -> nn.Module: ...
    def run(self, batch: Mapping[End, Any], wanted: list[str]) -> dict[End, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A quantizer of a plan, and what draws from its tokens alone."""

    quantizer: str
    image: End | None  # None: nothing here draws from them
    original: End | None  # the image that the tokens are of; None: they are not of one


def codecs(plan: Plan) -> tuple[Codec, ...]:
    """Every quantizer that tokens come into, in running order."""
    kinds = {key: blocks[plan.document.nodes[key].block] for key in plan.batch_nodes}
    found = [key for key, kind in kinds.items() if issubclass(kind, Quantizer) and "tokens" in plan.inputs[key]]
    return tuple(
        Codec(quantizer=key, image=_drawn(plan, key), original=plan.nearest(plan.inputs[key].values(), "image"))
        for key in found
    )


def _drawn(plan: Plan, quantizer: str) -> End | None:
    """The nearest image behind a quantizer that hangs on nothing else."""
    known = {quantizer}
    for key in plan.batch_nodes:
        made_of = {end.node for end in plan.inputs[key].values()}
        if key != quantizer and made_of and made_of <= known:
            known.add(key)
            image = next((port for port in plan.specs[key].gives if port.kind == "image"), None)
            if image is not None:
                return End(node=key, port=image.name)
    return None


def encoded(experiment: Runs, codec: Codec, batch: Mapping[End, Any]) -> Codes:
    """The codes of a batch, as evaluated."""
    with at_rest(experiment):
        codes: Codes = experiment.run(batch, [codec.quantizer])[End(node=codec.quantizer, port="codes")]
    return codes


def decoded(experiment: Runs, codec: Codec, codes: Codes) -> Tensor:
    """Images [B, C, H, W] that are drawn from codes. Raises ValueError for numbers that are no codes, or where nothing draws."""
    quantizer = experiment.node(codec.quantizer)
    assert isinstance(quantizer, Quantizer)
    with at_rest(experiment):
        return _drawn_from(experiment, codec, quantizer.decode(codes))


def patches(experiment: Runs, codec: Codec, book: int, grid: Grid, device: torch.device, most: int = 64) -> Tensor:
    """What each code of a book looks like, [K, C, h, w]: the middle cell of an image that is drawn from it alone."""
    quantizer = experiment.node(codec.quantizer)
    assert isinstance(quantizer, Quantizer)
    rows, columns = grid.sizes
    found = []
    with at_rest(experiment):
        for x_KD in quantizer.alone(book, device).split(most):
            tokens = Tokens(x_BND=x_KD[:, None].expand(-1, rows * columns, -1), modality="image", grid=grid)
            image = _drawn_from(experiment, codec, tokens)
            height, width = image.shape[-2] // rows, image.shape[-1] // columns
            top, left = rows // 2 * height, columns // 2 * width
            found.append(image[..., top : top + height, left : left + width])
    return torch.cat(found)


def _drawn_from(experiment: Runs, codec: Codec, tokens: Tokens) -> Tensor:
    if codec.image is None:
        raise ValueError(f"Nothing draws an image from the tokens of {codec.quantizer} alone.")
    image: Tensor = experiment.run({End(node=codec.quantizer, port="tokens"): tokens}, [codec.image.node])[codec.image]
    return image
