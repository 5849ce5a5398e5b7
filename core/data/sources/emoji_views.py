"""Views of emoji, made here: each shows a part of one emoji, turned and on a background of its own, so that more of them say more.

Which part, how far it is turned and what is behind it are drawn for each view from the emoji's number alone: the same for everyone,
always. Images from packages on this machine. Axes: V views, C channels, H height, W width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import Views
from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.films.art import emoji_art
from core.data.media import Sides
from core.data.sources.emoji import EmojiPairs
from core.graph.ports import port
from core.knobs import knob

_SALT = 0x76696577  # keeps these random numbers apart from others'
MOST_TURN = 0.35  # radians


@sources.register("sources.emoji_views")
class EmojiViews(Source):
    """Several made views of each emoji, every one of a part of it, with its name; images from packages on this machine."""

    title = "Emoji views"
    modality = "image"
    gives = {
        "views": port("views", "images of parts of one emoji, in no order"),
        "image": port("image", "the whole of it, on a background of its own"),
        "sentence": port("sentence", "its name"),
        "classes": port("labels", "codes of its group, subgroup and name family"),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, and how much each shows."""

        views: int = knob(4, "Views of every emoji.", low=1, high=16)
        part: float = knob(
            0.5,
            "Edge of the part that one view shows, as a share of the emoji's.",
            low=0.1,
            high=1.0,
            title="Part shown",
        )
        size: int = knob(32, "Edge of the square image of one view.", low=8, high=256, unit="px", title="View size")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._emoji = EmojiPairs(EmojiPairs.Config(second_artist="none"))

    def open(self) -> None:
        """Read the index and the names."""
        self._emoji.open()

    def __len__(self) -> int:
        return len(self._emoji)

    def splits(self) -> Mapping[str, Sequence[int]]:
        """``train``, ``validation`` and ``test``, by name families."""
        return self._emoji.splits()

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Views are drawn where they are asked for."""
        given = self._emoji.part(index, {name for name in ports if name not in ("views", "image")})
        if "views" in ports:
            views_VCHW = torch.stack(
                [self._view(index, n, part=self.config.part, most_turn=MOST_TURN) for n in range(self.config.views)]
            )
            given["views"] = Sides(views_VCHW=views_VCHW, real_V=torch.ones(self.config.views, dtype=torch.bool))
        if "image" in ports:
            given["image"] = self._view(index, self.config.views, part=1.0, most_turn=0.0)
        return given

    def _view(self, index: int, number: int, *, part: float, most_turn: float) -> Tensor:
        """One of them [3, size, size]."""
        generator = np.random.Generator(np.random.PCG64([_SALT, index, number]))
        art_4HW, half = emoji_art(index), part
        x, y = generator.uniform(half - 1, 1 - half, 2) if half < 1 else (0.0, 0.0)
        turn = generator.uniform(-most_turn, most_turn)
        cos, sin = half * np.cos(turn), half * np.sin(turn)
        theta_123 = torch.tensor([[[cos, -sin, x], [sin, cos, y]]], dtype=torch.float32)
        size = self.config.size
        grid = F.affine_grid(theta_123, [1, 4, size, size], align_corners=False)
        seen_4HW = F.grid_sample(art_4HW[None], grid, align_corners=False)[0]
        behind_311 = torch.from_numpy(generator.uniform(0.3, 1.0, 3)).float()[:, None, None]
        opaque_1HW = seen_4HW[3:]
        return (behind_311 * (1 - opaque_1HW) + seen_4HW[:3] * opaque_1HW).clamp(0, 1)

    def group(self, index: int) -> str:
        """The name family."""
        self.open()
        return self._emoji.group(index)

    def picture(self, index: int) -> Hashable:
        """Every emoji is its own."""
        return index

    def label(self, index: int) -> str:
        """The emoji's name."""
        self.open()
        return self._emoji.label(index)

    def class_names(self, index: int) -> tuple[str, ...]:
        """Unicode's group and subgroup, and the name family."""
        self.open()
        return self._emoji.class_names(index)

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        knobs, rest = self.config, self._emoji.meta(batch)
        x = torch.empty(batch, knobs.views, 3, knobs.size, knobs.size, device="meta")
        mask = torch.empty(batch, knobs.views, dtype=torch.bool, device="meta")
        return {
            "views": Views(x_BVCHW=x, mask_BV=mask),
            "image": torch.empty(batch, 3, knobs.size, knobs.size, device="meta"),
            **{name: rest[name] for name in ("sentence", "classes", "sample")},
        }

    def facts(self) -> Mapping[str, str]:
        """That they are made, of what, and what is held out."""
        return {
            "views": "made here of Twemoji, CC BY 4.0",
            "test": "concepts of name families that are not in training",
        }

    def fingerprint(self) -> str:
        """Of the emoji and these settings."""
        return hashlib.sha256(" ".join(["views 1", self._emoji.fingerprint(), str(self.config)]).encode()).hexdigest()[
            :16
        ]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the emoji themselves."""
        return replace(self._emoji.report(watch), fingerprint=self.fingerprint(), facts=self.facts())
