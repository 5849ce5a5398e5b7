"""Batches for a run: what comes next is a function of the seed and the position, so a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.blocks.values import map_tensors
from core.compiler.answers.things import Things
from core.compiler.build import build_source, build_transform
from core.compiler.module import node_seed
from core.compiler.plan import Plan, Task
from core.data.base import Patches, Pieces, Source
from core.data.graphs import SampleGraphs
from core.data.loading import batches, grouped
from core.data.media import Film, picture_of, pixels_of, side_by_side
from core.data.order import ALL, Group, Share, batchings, evenly, none_without, share_of
from core.data.pipeline import SampleGraph
from core.graph.document import End
from core.graph.selection import selecting_split
from core.knobs import configure
from core.telemetry.events import At, Exhibit

Batch = dict[End, Any]
NO_PARTS: Mapping[str, Any] = MappingProxyType({})


def sample_graphs(plan: Plan, known: Mapping[str, Any] = NO_PARTS) -> SampleGraphs:
    """The per-sample part of every task of a plan, ready to be opened and fitted; shared steps are shared.

    ``known``: sources and steps that were made before, by node.
    """
    nodes = plan.document.nodes
    made: dict[str, Any] = {
        key: known[key]
        if key in known
        else build_source(plan.document, key, plan.inputs[key])
        if plan.specs[key].role == "source"
        else build_transform(nodes[key])
        for key in plan.sample_nodes
    }
    return SampleGraphs({task.source: _sample_graph(plan, task, made) for task in plan.tasks}, plan.sample_nodes)


def _sample_graph(plan: Plan, task: Task, made: Mapping[str, Any]) -> SampleGraph:
    """A task's own part: of alternatives only what the task has."""
    parts = []
    for key in task.sample_nodes:
        wires = {port: (end.node, end.port) for port, end in plan.inputs[key].items() if end in task.ends}
        parts.append((key, made[key], wires))
    return SampleGraph(parts=tuple(parts), wanted=tuple((end.node, end.port) for end in task.carried))


def seed_of(plan: Plan, task: Task) -> int:
    """Each task has an order and random numbers of its own; those of the first are the recipe's."""
    seed = plan.document.recipe.seed
    return seed if task == plan.tasks[0] else node_seed(seed, f"task/{task.source}") % 2**31


def feeds(plan: Plan, graphs: SampleGraphs, device: torch.device, share: Share = ALL) -> dict[str, Feed]:
    """A feed for every task, by source; ``share``: the part of every training batch that this process has."""
    return {task.source: Feed(plan, task, graphs[task.source], device, share) for task in plan.tasks}


class Feed:
    """One task's training batches from a position on, and whole splits for evaluation, on the device."""

    def __init__(self, plan: Plan, task: Task, graph: SampleGraph, device: torch.device, share: Share = ALL) -> None:
        self._plan, self._graph, self._device = plan, graph, device
        self._recipe = plan.document.recipe
        self.batch_size = self._recipe.batch_of(task.source)
        self._seed = seed_of(plan, task)
        self.source: Source = graph.source
        self.splits: Mapping[str, Sequence[int]] = graph.source.splits()
        self._running: Iterator[dict[Any, Any]] | None = None
        self._epoch = -1
        batching = self._recipe.batching
        self._way = batchings[batching.key](configure(batchings[batching.key].Config, batching.knobs, "recipe"))
        self._grouped: tuple[int, Sequence[Group]] | None = None  # an epoch and its batches
        self._fixed: dict[int, Batch] = {}
        self.things = Things(graph)
        self.share, self.pieces = share, 1  # pieces: parts that a batch is run in, each of them shared
        self.after: list[Callable[[Batch, list[int]], Batch]] = []  # what callbacks add to every batch

    def batches_in(self, epoch: int) -> int:
        """Batches of one pass over the training split."""
        return len(self._groups(epoch))

    def _groups(self, epoch: int) -> Sequence[Group]:
        if self._grouped is None or self._grouped[0] != epoch:
            found = grouped(
                self._graph, self.splits["train"], self.batch_size, way=self._way, seed=self._seed, epoch=epoch
            )
            self._grouped = epoch, none_without(found, self.share.world) if self._way.packs_rows else found
        return self._grouped[1]

    def _own(self, group: Group) -> Group:
        return group if self.share.world == 1 else share_of(group, self.share, self.pieces)

    def next(self, epoch: int, batch: int) -> tuple[Batch, list[int]]:
        """The batch at a position (this process's part of it), and which samples it holds."""
        if self._running is None or self._epoch != epoch:
            self.close()
            self._epoch = epoch
            self._running = iter(
                batches(
                    self._graph,
                    self.splits["train"],
                    self.batch_size,
                    groups=[self._own(group) for group in self._groups(epoch)],
                    seed=self._seed,
                    epoch=epoch,
                    start_batch=batch,
                    workers=self._recipe.workers,
                    training=True,
                )  # fmt: skip
            )
        return self._placed(next(self._running))

    def hand(self, places: Sequence[int], epoch: int = 0) -> None:
        """Give the batches at some places of an epoch next, all of them made now: for whoever measures what batches cost."""
        self.close()
        groups = self._groups(epoch)
        chosen = [self._own(groups[place % len(groups)]) for place in places]
        train = self.splits["train"]
        made = batches(self._graph, train, self.batch_size, groups=chosen, seed=self._seed, epoch=epoch, training=True)
        self._running, self._epoch = iter(list(made)), epoch

    def largest(self, epoch: int = 0) -> int:
        """The place of the batch with the most tokens, padding included, where samples are grouped by size; else the first."""
        extents, groups = self._graph.extents, self._groups(epoch)
        if not all(index in extents for group in groups for index in group.indices):
            return 0
        tokens = [len(group.indices) * max(extents[index].tokens for index in group.indices) for group in groups]
        return tokens.index(max(tokens))

    def some(self, name: str, limit: int | None = None) -> list[int]:
        """So many samples of a split, spread over it by :func:`core.data.order.evenly`: what every score of a part of a split stands on."""
        indices = list(self.splits[name])
        return indices if limit is None else evenly(indices, limit)

    def split(
        self, name: str, batch_size: int = 256, limit: int | None = None, share: Share = ALL, *, look: int = 0
    ) -> Iterator[tuple[Batch, list[int]]]:
        """A split in order, without augmentation; with a ``share``, every so many-th batch of it.

        ``limit``: only so many, as :meth:`some` has them. ``look``: 1, 2 ... are further looks at the same samples, where a step has any.
        """
        indices, seed = self.some(name, limit), self._recipe.seed
        size = min(batch_size, max(len(indices), 1))
        groups = grouped(self._graph, indices, size, way=self._way, seed=seed, training=False)
        made = batches(
            self._graph, indices, size, groups=groups[share.rank :: share.world], seed=seed, epoch=look, training=False
        )
        try:
            for batch in made:
                yield self._placed(batch)
        finally:
            close = getattr(made, "close", None)
            if close is not None:
                close()

    def _placed(self, batch: Mapping[Any, Any]) -> tuple[Batch, list[int]]:
        cuda = self._device.type == "cuda"

        def move(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.pin_memory().to(self._device, non_blocking=True) if cuda else tensor

        placed = {
            End(node=key[0], port=key[1]): map_tensors(move, value) for key, value in batch.items() if key != "indices"
        }
        indices = [int(index) for index in batch["indices"]]
        for complete in self.after:
            placed = complete(placed, indices)
        return placed, indices

    def close(self) -> None:
        """Let loader workers go."""
        running, self._running = self._running, None
        close = getattr(running, "close", None)
        if close is not None:
            close()

    def fixed_examples(self, count: int) -> Batch:
        """Some held-out samples, spread over their split: the same batch at every call."""
        if count not in self._fixed:
            split = selecting_split(self.splits) or "train"
            self._fixed[count] = next(self.split(split, count, count))[0]
        return self._fixed[count]

    def spelling(self, end: End, most: int = 512) -> Mapping[int, str]:
        """What the numbers on an end of text stand for, as so many training sentences have them."""
        found: dict[int, str] = {}
        for index in self.some("train", most):
            value = self._graph.value(index, (end.node, end.port))
            if isinstance(value, Pieces):
                found |= {int(number): word for number, word in zip(value.ids, value.words) if word}
        return found

    def exhibit(self, name: str, indices: Sequence[int], at: At, *, by_frame: bool = False) -> Exhibit:
        """Pictures and sentences of samples, for events to point into; ``by_frame``: of a film all the frames that are looked at."""
        pictures, sentences, words, films = [], [], [], list[Film]()
        for index in indices:
            values = self._graph.sample(index, epoch=0, seed=self._recipe.seed, training=False)
            picture = picture_of(v.picture() if isinstance(v, Patches) else v for v in values.values())
            pieces = next((v for v in values.values() if isinstance(v, Pieces)), None)
            film = (
                next((v for v in reversed(values.values()) if isinstance(v, Film) and v.is_seen), None)
                if by_frame
                else None
            )
            if film is not None:
                films.append(film)
                picture = side_by_side(film)
            if picture is not None:
                pictures.append(pixels_of(picture))
            sentences.append(self.source.label(index))
            words.append(pieces.words if pieces is not None else ())
        every, sizes = padded(pictures if len(pictures) == len(indices) else [])
        groups = tuple(self.source.group(index) for index in indices)
        return Exhibit(
            at=at, name=name, pictures=every, sizes=sizes, sentences=tuple(sentences), words=tuple(words), groups=groups,
            frames=tuple(film.starts for film in films) if len(films) == len(indices) else (),
        )  # fmt: skip


def padded(pictures: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], tuple[tuple[int, int], ...]]:
    """Pictures [H, W, 3] in one array, and each one's height and width where they differ; none: an empty array."""
    sizes = tuple((int(picture.shape[0]), int(picture.shape[1])) for picture in pictures)
    if len(set(sizes)) < 2:
        return (np.stack(pictures) if pictures else np.zeros((0, 1, 1, 3), np.uint8)), ()
    every = np.zeros((len(pictures), max(h for h, _ in sizes), max(w for _, w in sizes), 3), np.uint8)
    for place, picture, (height, width) in zip(every, pictures, sizes):
        place[:height, :width] = picture
    return every, sizes
