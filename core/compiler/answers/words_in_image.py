"""Where each word is in the image, as far as two towers tell: the cosine of every word with every patch.

Behind its last tokens a tower pools and projects. Here that part is run for each token by itself, as if the image were this
patch alone and the sentence this word alone; what comes out lies in the space that both share (dense labels from CLIP by
leaving out the pooling: MaskCLIP, arXiv:2112.01071). No weights are added and nothing is trained for it. This is no
attention: no part of the model looks from a word to a patch.

Axes: B samples, N tokens, L words, P patches, D width, E shared width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import Tensor
from torch.nn import functional as F

from core.blocks.packing import unpacked
from core.blocks.values import Grid, Tokens
from core.compiler.plan import Plan
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import Modal, at_rest

Values = Mapping[End, Any]


class Towers(Modal, Protocol):
    """The blocks of a plan, wired, as this file needs them."""

    plan: Plan

    def towers(self) -> list[str]:
        """Blocks that look at each sample alone."""

    def run(self, batch: Values, wanted: Iterable[str] | None = None) -> Values:
        """Every end made or carried of the wanted nodes."""


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """The cosines of words and patches, [B, L, P], and the cells of the image."""

    cosine_BLP: Tensor
    patches: Grid


def meeting_of(experiment: Towers, values: Values) -> Meeting | None:
    """Of the first objective whose sides are words and patches; None where no tower can be run for a token alone."""
    for key in experiment.plan.objectives:
        found = {tokens.grid.kind: (end, tail) for end, tail, tokens in _tails(experiment, key, values) if tokens.grid}
        if {"words", "patches"} <= set(found):
            words, patches = (_each(experiment, values, *found[kind]) for kind in ("words", "patches"))
            grid = values[found["patches"][0]].grid
            return Meeting(cosine_BLP=words @ patches[:, grid.extra :].transpose(1, 2), patches=replace(grid, extra=0))
    return None


def _tails(experiment: Towers, objective: str, values: Values) -> list[tuple[End, End, Tokens]]:
    """For each side its last tokens' end, the side's end, and those tokens."""
    found = []
    for side in experiment.plan.sides(objective) or ():
        end = side
        while not isinstance(values.get(end), Tokens):
            taken = [one for one in experiment.plan.inputs.get(end.node, {}).values() if one in values]
            if end.node not in experiment.towers() or len(taken) != 1:
                break
            end = taken[0]
        else:
            if isinstance(values.get(side), Tensor) and values[side].ndim == 2:
                found.append((end, side, values[end]))
    return found


def _each(experiment: Towers, values: Values, end: End, side: End) -> Tensor:
    """[B, N, E] unit vectors: what the tower makes of each token alone."""
    tokens: Tokens = values[end]
    batch, count, _ = tokens.x_BND.shape
    grid = Grid(kind=tokens.grid.kind, sizes=(1,) * len(tokens.grid.sizes)) if tokens.grid else None
    alone = Tokens(x_BND=tokens.x_BND.reshape(batch * count, 1, -1), modality=tokens.modality, grid=grid)
    made = experiment.run({end: alone}, [side.node])[side]
    return F.normalize(made.float(), dim=-1).reshape(batch, count, -1)


def words_in_image(experiment: Towers, batch: Values) -> Meeting | None:
    """The same for a batch, in eval mode, not compiled; modes and training are left as they were."""
    with at_rest(experiment):
        wanted = {side.node for key in experiment.plan.objectives for side in experiment.plan.sides(key) or ()}
        values = experiment.run(batch, [node for node in experiment.towers() if node in wanted])
        return meeting_of(experiment, {end: unpacked(value) for end, value in values.items()})
