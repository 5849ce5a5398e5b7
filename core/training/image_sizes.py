"""Batches at another image size than they were loaded at: what a curriculum trains on and a test across sizes asks.

Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from core.graph.document import End
from core.graph.resolution import longest_as, sizes_in
from core.problems import Problem, Refused, refuse
from core.telemetry.diagnostics.unmoved import at_rest
from core.training.running import Running


def image_ends(run: Running) -> tuple[End, ...]:
    """Where the task at work has images of one size. Raises Refused where a block does not take them at another."""
    plan = run.plan
    ends = tuple(
        end
        for end in run.task.carried
        if (port := plan.specs[end.node].output(end.port)) is not None and port.kind == "image"
    )
    fixed = [
        key for key in run.task.batch_nodes
        if set(plan.inputs[key].values()) & set(ends) and not getattr(run.experiment.node(key), "any_size", False)
    ]  # fmt: skip
    if fixed:
        raise Refused(
            *(
                Problem(
                    what="This block takes images of one size only.", node=key,
                    hint="Choose a ViT or a ResNet, or leave the training option with image sizes out.",
                )
                for key in fixed
            )
        )  # fmt: skip
    return ends


def at_size(batch: Mapping[End, Any], ends: Sequence[End], size: int) -> dict[End, Any]:
    """The same batch with images whose longest side is ``size`` pixels, antialiased; those that have it stay."""
    made = dict(batch)
    for end in ends:
        made[end] = scaled(batch[end], size)
    return made


def scaled(image_BCHW: Tensor, size: int) -> Tensor:
    """[B, C, H, W] to the same with a longest side of ``size``."""
    height, width = image_BCHW.shape[-2:]
    sides = longest_as(height, width, size)
    if sides == (height, width):
        return image_BCHW
    return F.interpolate(image_BCHW, size=sides, mode="bilinear", antialias=True, align_corners=False)


def sizes_of(run: Running, written: str) -> tuple[int, ...]:
    """The image sizes that a person wrote. Raises Refused where they cannot be read or cannot be tried beside kept features."""
    try:
        sizes = sizes_in(written)
    except ValueError as error:
        raise Refused(Problem(what=f"The image sizes cannot be read: {error}")) from error
    if run.callback("frozen_cache") is not None:
        raise refuse(
            "Kept features of frozen blocks are those of one image size.",
            hint="Switch off Cache frozen features, or the training option with image sizes.",
        )
    return sizes


def refuse_unfit(run: Running, ends: Sequence[End], sizes: Sequence[int]) -> None:
    """Try every size on one sample. Raises Refused naming the first that a block does not take."""
    takers = [key for key in run.task.batch_nodes if set(run.plan.inputs[key].values()) & set(ends)]
    with at_rest(run.experiment):
        for size in sizes:
            try:
                run.experiment.run(at_size(run.feed.fixed_examples(1), ends, size), takers)
            except ValueError as error:
                raise Refused(Problem(what=f"Images of {size} pixels do not fit: {error}", node=takers[0])) from error
