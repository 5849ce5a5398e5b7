"""A source that needs no files and can misbehave on request."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.data.base import Source, Transform
from core.data.catalog import transforms
from core.data.pipeline import SampleGraph
from core.data.splitting import by_split
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

COUNT = 60


class Made(Source):
    """Plain coloured squares with names."""

    gives = {"image": port("image", ""), "sentence": port("sentence", "")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        bad: tuple[int, ...] = ()
        deadly: int = -1  # kills the worker that reads it
        hangs: int = -1
        once: str | None = knob(None, "A file that says it has happened.", path="file")
        count: int = COUNT
        says: str = ""  # a variable of the environment that its sentences quote

    def open(self) -> None:
        return None

    def __len__(self) -> int:
        return int(self.config.count)

    def splits(self) -> Mapping[str, Sequence[int]]:
        return by_split("test" if index % 6 == 5 else "train" for index in range(len(self)))

    def sample(self, index: int) -> dict[str, Any]:
        if index in self.config.bad:
            raise refuse(f"picture {index} is damaged.")
        self._misbehave(index)
        picture = np.random.default_rng(index).random((3, 8, 8), dtype=np.float32)
        return {
            "image": torch.from_numpy(picture),
            "sentence": f"square number {index}{os.environ.get(self.config.says, '')}",
        }

    def _misbehave(self, index: int) -> None:
        if index not in (self.config.deadly, self.config.hangs) or multiprocessing.parent_process() is None:
            return
        if self.config.once and Path(self.config.once).exists():
            return
        if self.config.once:
            Path(self.config.once).touch()
        if index == self.config.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def group(self, index: int) -> str:
        return str(index)

    def label(self, index: int) -> str:
        return f"square number {index}"

    def meta(self, batch: int) -> dict[str, Any]:
        return {"image": torch.empty(batch, 3, 8, 8, device="meta"), "sentence": None}

    def fingerprint(self) -> str:
        return "made"


def step(key: str, **knobs: Any) -> Transform:
    cls = transforms[key]
    return cls(cls.Config(**knobs))


def graph(source: Source | None = None, **made: Any) -> SampleGraph:
    """Source, caption dropout, augmentation, tokenizer: everything random there is."""
    built = SampleGraph(
        parts=(
            ("source", source or Made(Made.Config(**made)), {}),
            (
                "augment",
                step("transforms.augment", background=0.3, erasing=0.3, flip=0.5),
                {"image": ("source", "image")},
            ),
            ("drop", step("transforms.caption_dropout", drop=0.3, shuffle=0.5), {"sentence": ("source", "sentence")}),
            ("words", step("transforms.tokenizer", length=12, vocabulary=400), {"sentence": ("drop", "sentence")}),
        ),
        wanted=(("augment", "image"), ("words", "text"), ("source", "sentence")),
    )
    built.prepare()
    return built
