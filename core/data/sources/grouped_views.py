"""Images of a table that show one object, gathered: rows with the same entry in a column are views of it, in no order.

Its sentence is what all their captions have in common, part by part between commas. Axes: V views, C channels, H height, W width.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.blocks.values import Views
from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.media import Sides
from core.data.sources.caption_table import CaptionTable
from core.data.splitting import by_split
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, refuse


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One object with its rows."""

    name: str
    rows: tuple[int, ...]
    sentence: str
    split: str


@sources.register("sources.grouped_views")
class GroupedViews(Source):
    """Images of the same object, or middle frames of films of it, from a folder and its table: the views of one sample."""

    title = "Views from a table"
    modality = "image"
    gives = {
        "views": port("views", "images of one object, in no order"),
        "sentence": port("sentence", "what the captions of its images have in common"),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Where they lie, and what is one object."""

        folder: str | None = knob(None, "The folder with the table and the images.", path="folder")
        table: str = knob("", "The table's name; empty takes captions.jsonl, or the first one there is.")
        object_columns: str = knob(
            "", "Rows with the same entry in these columns, with commas, show one object, such as: character, label.",
            path="column",
        )  # fmt: skip
        group_column: str = knob(
            "", "Rows with the same entry never straddle a split; rows of one image or one caption never do.",
            advanced=True, path="column",
        )  # fmt: skip
        views: int = knob(
            4, "Places for views; of objects with more, some evenly among them.", low=1, high=64, title="Most views"
        )
        image_size: int = knob(64, "Edge of the square images.", low=16, high=1024, unit="px", title="Image size")
        shape: str = knob(
            "crop", "Crop cuts the longer side, fit adds white borders, stretch distorts.", choices=("crop", "fit", "stretch"),
            title="Resize mode",
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        first = self._columns[0] if self._columns else ""
        self._table = CaptionTable(
            CaptionTable.Config(
                folder=config.folder, table=config.table, image_size=config.image_size, shape=config.shape,
                group_column=config.group_column or first,
            )
        )  # fmt: skip
        self._things: Sequence[Thing] = ()

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.config.object_columns.split(",") if name.strip())

    def unready(self) -> Problem | None:
        """A folder, and the columns that say which images belong together."""
        if (problem := self._table.unready()) is not None:
            return problem
        if not self._columns:
            return Problem(
                what="No column says which images show one object.",
                hint="Name one or several columns, such as: character, label.",
            )
        return None

    def missing(self) -> Problem | None:
        """What the table lacks."""
        return self._table.missing()

    def open(self) -> None:
        """Read the table and gather its rows. Raises Refused where a column is lacking."""
        if self._things:
            return
        if (problem := self.unready()) is not None:
            raise refuse(problem.what, hint=problem.hint)
        self._table.open()
        columns = [self._table.column(name) for name in self._columns]
        gathered: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for row, entries in enumerate(zip(*columns)):
            gathered[entries].append(row)
        split_of = {row: split for split, rows in self._table.splits().items() for row in rows}
        self._things = [
            Thing(
                name=" ".join(entries), rows=tuple(rows), split=split_of.get(rows[0], "train"),
                sentence=in_common([self._table.rows[row].caption for row in rows]),
            )
            for entries, rows in gathered.items()
        ]  # fmt: skip

    def __len__(self) -> int:
        self.open()
        return len(self._things)

    def splits(self) -> Mapping[str, Sequence[int]]:
        """The table's: rows of one object are of one split."""
        self.open()
        return by_split(thing.split for thing in self._things)

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives. Raises Refused naming the file where one cannot be read."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only what is asked for is decoded."""
        self.open()
        thing = self._things[index]
        given: dict[str, Any] = {"sentence": thing.sentence, "sample": index}
        if "views" in ports:
            given["views"] = self._views(thing.rows)
        return {name: given[name] for name in ports}

    def _views(self, rows: Sequence[int]) -> Sides:
        most, size = self.config.views, self.config.image_size
        places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
        views_VCHW, real_V = torch.zeros(most, 3, size, size), torch.zeros(most, dtype=torch.bool)
        for number, place in enumerate(places):
            views_VCHW[number] = self._table.part(rows[place], ("image",))["image"]
            real_V[number] = True
        return Sides(views_VCHW=views_VCHW, real_V=real_V)

    def group(self, index: int) -> str:
        """What the table keeps together."""
        self.open()
        return self._table.group(self._things[index].rows[0])

    def picture(self, index: int) -> Hashable:
        """Equal where all of their images are."""
        self.open()
        return tuple(self._table.picture(row) for row in self._things[index].rows)

    def label(self, index: int) -> str:
        """What the captions have in common."""
        self.open()
        return self._things[index].sentence

    def problems(self) -> tuple[Problem, ...]:
        """What the table has that cannot be used."""
        return self._table.problems()

    def media(self) -> Sequence[Path]:
        """The images."""
        return self._table.media()

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        size = self.config.image_size
        x = torch.empty(batch, self.config.views, 3, size, size, device="meta")
        mask = torch.empty(batch, self.config.views, dtype=torch.bool, device="meta")
        whole = torch.empty(batch, dtype=torch.int64, device="meta")
        return {"views": Views(x_BVCHW=x, mask_BV=mask), "sentence": None, "sample": whole}

    def facts(self) -> Mapping[str, str]:
        """The table's, and how many objects there are."""
        return {**self._table.facts(), "objects": f"{len(self):,}"}

    def fingerprint(self) -> str:
        """Of the table and of what is one object."""
        told = ["views 1", self._table.fingerprint(), self.config.object_columns, str(self.config.views)]
        return hashlib.sha256(" ".join(told).encode()).hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The table's split check, and how many objects there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        return replace(self._table.report(watch), counts=counts, fingerprint=self.fingerprint(), facts=self.facts())


def in_common(captions: Sequence[str]) -> str:
    """Parts between commas that all captions have, in the order of the first; the whole first one where there is none."""
    parts = [[part.strip() for part in caption.split(",")] for caption in captions]
    shared = [part for part in parts[0] if all(part in other for other in parts)]
    return ", ".join(shared) or captions[0]
