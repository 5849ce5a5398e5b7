"""A trained run as the teacher of another (CLIP-KD, arXiv:2307.12732): frozen, in eval mode, without a gradient.

It is run by its own drawing: its transforms (its own vocabulary) prepare what comes in, its towers embed it with the weights
it was evaluated with. What it sees is what is wired to it: wired to the source it sees pictures before augmentation.
Its weights are no part of the student: not trained, not counted, not saved in the student's checkpoints. The callback "Keep
frozen features" computes its answers once a sample. Axes: B batch, D the teacher's shared width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


class Opened(Protocol):
    """A trained run that can be asked."""

    width: int  # of its shared space
    title: str
    module: torch.nn.Module | None  # None on meta, where only shapes are asked for

    def embed(self, image: Tensor, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Pictures and sentences in its shared space, [B, D] each, as unit vectors."""


@blocks.register("encoders.teacher")
class Teacher(Block):
    """A trained run, frozen, that says where images and sentences lie in its own space."""

    title = "Teacher"
    modality = "shared"
    takes = {
        "image": port("image", "images, best straight from the source"),
        "sentence": port("sentence", "sentences, as the source gives them"),
    }
    gives = {
        "left": port("embedding", "the teacher's images", axes="B E", modality="shared"),
        "right": port("embedding", "the teacher's sentences", axes="B E", modality="shared"),
    }
    opens: ClassVar[Callable[[Path], Opened] | None] = None  # set by the compiler, which stands above the blocks

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Which run."""

        run: str = knob(
            "", "The teacher: a run's folder of checkpoints, or one of them; its name holds the run's id.",
            path="run", title="Trained run",
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if not config.run:
            raise refuse(
                "No teacher is chosen.",
                hint="Train the example mini-CLIP on emoji (or any pair of towers), then choose that run in Trained run.",
            )
        assert Teacher.opens is not None
        self._opened = (Teacher.opens(Path(config.run).expanduser()),)  # in a tuple: no submodule, so no weights here

    @property
    def teacher(self) -> Opened:
        """What is asked."""
        return self._opened[0]

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Go to the student's device."""
        if self.teacher.module is not None:
            self.teacher.module._apply(fn)
        return super()._apply(fn, recurse)

    @torch.no_grad()
    def forward(self, image: Tensor, sentence: Sequence[str]) -> dict[str, Any]:
        """``image`` [B, C, H, W] in [0, 1] and B sentences."""
        if image.device.type == "meta":
            left, right = (torch.empty(len(image), self.teacher.width, device="meta") for _ in range(2))
        else:
            left, right = self.teacher.embed(image, sentence)
        return {"left": left, "right": right}

    def detail(self) -> str:
        """Which run."""
        return self.teacher.title
