"""Scenes of several emoji with their boxes: phrases that belong to a part of a picture (as in Flickr30k Entities, arXiv:1505.04870).

Each scene shows one emoji that the sentence names and others of the same split that it does not; the named one's box comes
first. Held-out scenes show held-out concepts only. A scene is a function of its index: the same for everyone, always.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.pictures import meta_image
from core.data.readers.image import KEEP
from core.data.sources.emoji import KEYWORDS, NAME, EmojiPairs
from core.graph.ports import port
from core.knobs import knob

SQUARE, SEVERAL = "square", "several sizes"
MOST_CELLS = 4  # along an edge, where sizes differ
SMALLEST = 0.7  # of a cell's edge
_SALT = 0x7363656E  # keeps these random numbers apart from others'


@sources.register("sources.emoji_scenes")
class EmojiScenes(Source):
    """Images of several emoji with a box around each and the name of the first."""

    title = "Emoji scenes"
    modality = "image"
    gives = {
        "image": port("image", "several emoji on white"),
        "boxes": port("boxes", "a box around each; the first is the named one's"),
        "sentence": port("sentence", "the name of one of them"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, how large, and how often each is named in training."""

        image_size: int = knob(72, "Edge of the square image.", low=32, high=512, unit="px")
        count: int = knob(4, "Emoji in each image.", low=2, high=16, title="Emoji per image")
        scenes: int = knob(4, "Training scenes in which each emoji is the named one.", low=1, high=100)
        shape: str = knob(
            SQUARE, "Square, or several sizes: each scene has one to four rows and columns of cells, its own number of each.",
            choices=(SQUARE, SEVERAL), title="Image shape", advanced=True,
        )  # fmt: skip
        captions: str = knob(
            NAME, "The name alone, or with other names and its Unicode group.", choices=(NAME, KEYWORDS)
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._side = math.ceil(math.sqrt(config.count)) + 1  # cells along an edge; some stay empty
        cell = config.image_size // self._side
        self._cell = cell
        self._emoji = EmojiPairs(
            EmojiPairs.Config(image_size=max(16, cell), captions=config.captions, second_artist="none")
        )
        self._splits: dict[str, Sequence[int]] = {}
        self._pool: dict[int, Sequence[int]] = {}  # emoji -> what may stand beside it

    def open(self) -> None:
        """Read the index and the names."""
        if self._splits:
            return
        self._emoji.open()
        own = self._emoji.splits()
        total = len(self._emoji)
        self._pool = {index: indices for indices in own.values() for index in indices}
        self._splits = {
            name: [turn * total + i for turn in range(self.config.scenes if name == "train" else 1) for i in indices]
            for name, indices in own.items()
        }

    def __len__(self) -> int:
        self.open()
        return len(self._emoji) * self.config.scenes

    def splits(self) -> Mapping[str, Sequence[int]]:
        """``train``, ``validation``, ``test``; scenes of a split show emoji of that split only."""
        self.open()
        return self._splits

    def members(self, index: int) -> list[int]:
        """The emoji in a scene, the named one first; no two have the same name."""
        named = self._named(index)
        pool, found = self._pool[named], [named]
        labels = {self._emoji.label(named)}
        for place in self._generator(index).permutation(len(pool)):
            other = int(pool[int(place)])
            if len(found) == self.config.count:
                break
            if self._emoji.label(other) not in labels:
                found.append(other)
                labels.add(self._emoji.label(other))
        return found

    def _named(self, index: int) -> int:
        self.open()
        return index % len(self._emoji)

    def _generator(self, index: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([_SALT, index]))

    def boxes(self, index: int) -> Tensor:
        """[count, 4]: left, top, right, bottom as shares of the picture; none overlap."""
        generator = np.random.Generator(np.random.PCG64([_SALT, index, 1]))
        rows, columns = self.cells(index)
        cells = generator.permutation(rows * columns)[: self.config.count]
        edge = np.maximum(8, np.floor(self._cell * generator.uniform(SMALLEST, 1, self.config.count))).astype(int)
        slack = np.maximum(self._cell - edge, 0)
        left = (cells % columns) * self._cell + np.floor(generator.random(len(cells)) * (slack + 1)).astype(int)
        top = (cells // columns) * self._cell + np.floor(generator.random(len(cells)) * (slack + 1)).astype(int)
        pixels = np.stack([left, top, left + edge, top + edge], 1)
        return torch.from_numpy(pixels.astype(np.float32) / np.tile(self.size(index)[::-1], 2).astype(np.float32))

    def cells(self, index: int) -> tuple[int, int]:
        """Rows and columns of cells, at least as many cells as emoji."""
        if self.config.shape == SQUARE:
            return self._side, self._side
        grids = [
            (rows, columns) for rows in range(1, MOST_CELLS + 1) for columns in range(1, MOST_CELLS + 1)
            if rows * columns >= self.config.count
        ]  # fmt: skip
        return grids[int(np.random.Generator(np.random.PCG64([_SALT, index, 2])).integers(len(grids)))]

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels."""
        if self.config.shape == SQUARE:
            return self.config.image_size, self.config.image_size
        rows, columns = self.cells(index)
        return rows * self._cell, columns * self._cell

    def sample(self, index: int) -> dict[str, Any]:
        """``image``, ``boxes`` and ``sentence``."""
        return self.part(index, ("image", "boxes", "sentence"))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """The name alone costs no drawing."""
        given: dict[str, Any] = {}
        if "sentence" in ports:
            given["sentence"] = self._emoji.part(self._named(index), ("sentence",))["sentence"]
        if "boxes" in ports:
            given["boxes"] = self.boxes(index)
        if "image" in ports:
            given["image"] = self._drawn(index)
        return given

    def _drawn(self, index: int) -> Tensor:
        height, width = self.size(index)
        scene = torch.ones(3, height, width)
        pixels = (self.boxes(index) * torch.tensor([width, height, width, height])).round().long().tolist()
        for emoji, (left, top, right, bottom) in zip(self.members(index), pixels):
            picture = self._emoji.part(emoji, ("image",))["image"]
            scaled = F.interpolate(picture[None], (bottom - top, right - left), mode="bilinear", antialias=True)
            scene[:, top:bottom, left:right] = scaled[0].clamp(0, 1)
        return scene

    def group(self, index: int) -> str:
        """The named emoji's family."""
        return self._emoji.group(self._named(index))

    def label(self, index: int) -> str:
        """The named emoji's name."""
        return self._emoji.label(self._named(index))

    def class_names(self, index: int) -> tuple[str, ...]:
        """Those of the emoji that is named."""
        return self._emoji.class_names(self._named(index))

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        boxes = torch.empty(batch, self.config.count, 4, device="meta")
        how = KEEP if self.config.shape == SEVERAL else ""
        return {"image": meta_image(batch, self.config.image_size, how), "boxes": boxes, "sentence": None}

    def facts(self) -> Mapping[str, str]:
        """Where it comes from."""
        return self._emoji.facts()

    def fingerprint(self) -> str:
        """Of the emoji and these settings."""
        shape = "" if self.config.shape == SQUARE else f"-{self.config.shape}"
        return f"{self._emoji.fingerprint()}-{self.config.image_size}-{self.config.count}-{self.config.scenes}{shape}"

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the emoji themselves, and how many scenes there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        return replace(self._emoji.report(watch), counts=counts, fingerprint=self.fingerprint())
