"""A score's gradient at every attention map of a graph, and what tokens are made of by a rule of :mod:`core.compiler.answers.relevance`.

Nodes run in order as evaluated, each with its maps; streams pass from node to node. Where a node changes how many tokens there are
without a map to say how, its tokens begin anew; but where bands of a time become one token, it is made of them. Axes: B samples, H heads, N and M tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from core.blocks.attention.core import following
from core.blocks.block import Block
from core.blocks.packing import taken_by
from core.blocks.values import Grid, Tokens, full
from core.compiler.answers.relevance import Rule, Stream, joined, part_of
from core.compiler.module import Experiment, Values
from core.compiler.plan import Task
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import at_rest

JOINED = "both sides"  # the stream of a block that puts two sides in one row of tokens
LATENTS = ""  # that of new tokens, which stand for nothing


@dataclass(frozen=True, kw_only=True)
class Walked:
    """One node: what came in, what it gave, its maps in order, each with the score's gradient (zeros where there is none)."""

    node: str
    incoming: Mapping[str, End]
    rows: Mapping[str, Tensor]  # [B, H, N, M] by layer
    gradients: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A forward of some samples, with the gradient of their score."""

    score_B: Tensor
    values: Values
    nodes: tuple[Walked, ...]
    at_tokens: Mapping[End, Tensor]  # the score's gradient at tokens, [B, N, D]
    lost: tuple[str, ...] = ()  # ``node/number`` of maps that no gradient reaches


@dataclass(frozen=True, kw_only=True)
class Found:
    """How much each token of a ground counts for the score."""

    end: End
    grid: Grid | None
    share_BM: Tensor  # rows sum to one


def follow(
    experiment: Experiment, task: Task, batch: Values, score: Callable[[Values], Tensor], ends: Sequence[End]
) -> Followed:
    """Run what ``ends`` need; ``score`` makes a number a sample [B] of them. Nothing is changed."""
    with at_rest(experiment), torch.enable_grad(), _open(experiment), following():
        values: Values = dict(batch)
        maps: list[tuple[str, dict[str, Tensor]]] = []
        for key in _needed(experiment, task, values, ends):
            incoming = {port: values[end] for port, end in experiment.plan.inputs[key].items() if end in values}
            node = experiment.node(key)
            assert isinstance(node, Block)
            made, rows = node.watched(**taken_by(node, incoming))
            values.update({End(node=key, port=port): value for port, value in made.items()})
            maps.append((key, rows))
        return _with_gradients(experiment, batch, values, maps, score(values))


def _with_gradients(
    experiment: Experiment, batch: Values, values: Values, maps: list[tuple[str, dict[str, Tensor]]], score_B: Tensor
) -> Followed:
    tokens = {end: value.x_BND for end, value in values.items() if isinstance(value, Tokens) and end not in batch}
    flat = [rows for _, some in maps for rows in some.values()]
    asked = [one for one in (*flat, *tokens.values()) if one.requires_grad]
    grads = torch.autograd.grad(score_B.sum(), asked, allow_unused=True) if asked and score_B.requires_grad else ()
    found = {id(one): grad for one, grad in zip(asked, grads) if grad is not None}
    lost = tuple(
        f"{key}/{n}" for key, some in maps for n, rows in enumerate(some.values()) if id(rows) not in found
    )  # fmt: skip
    walked = tuple(
        Walked(
            node=key, incoming=experiment.plan.inputs[key], rows={name: full(rows.detach()) for name, rows in some.items()},
            gradients={name: full(found.get(id(rows), torch.zeros_like(rows)).detach()) for name, rows in some.items()},
        )
        for key, some in maps
    )  # fmt: skip
    at_tokens = {end: full(found[id(x)]) for end, x in tokens.items() if id(x) in found}
    return Followed(score_B=score_B.detach(), values=values, nodes=walked, at_tokens=at_tokens, lost=lost)


@contextmanager
def _open(experiment: Experiment) -> Iterator[None]:
    """Inside, a gradient flows through frozen towers, too."""
    closed = [p for p in experiment.parameters() if not p.requires_grad and p.is_floating_point()]
    for parameter in closed:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in closed:
            parameter.requires_grad_(False)


def _needed(experiment: Experiment, task: Task, values: Values, ends: Sequence[End]) -> list[str]:
    """Nodes behind ``ends``, in order, that have what they take."""
    wanted, waiting = set[str](), [end.node for end in ends]
    while waiting:
        key = waiting.pop()
        if key not in wanted and key in task.batch_nodes:
            wanted.add(key)
            waiting += [end.node for end in experiment.plan.inputs[key].values() if end not in values]
    there, found = set(values), []
    for key in task.batch_nodes:
        inputs = experiment.plan.inputs[key]
        if key in wanted and inputs and all(end in there for end in inputs.values()):
            found.append(key)
            there |= {End(node=key, port=port.name) for port in experiment.plan.specs[key].gives}
    return found


@dataclass
class Flow:
    """What every end is made of, node by node."""

    experiment: Experiment
    followed: Followed
    rule: Rule
    streams: dict[End, Stream] = field(default_factory=dict)
    unplaced: list[str] = field(default_factory=list)  # ``node/layer``: what asks and is asked there is not known

    def found(self, ends: Sequence[End], samples: int) -> list[Found]:
        """How much each token of every ground counts for a score of ``ends``."""
        for walked in self.followed.nodes:
            self._through(walked)
        shares: dict[End, Tensor] = {}
        for end in ends:
            stream = self._read(end)
            for ground, part in (stream.of if stream else {}).items():
                row_BM = part[:samples, 0]
                shares[ground] = shares[ground] + row_BM if ground in shares else row_BM
        return [
            Found(end=ground, grid=self._grid(ground), share_BM=_rows_of_one(row_BM))
            for ground, row_BM in shares.items()
        ]

    def _grid(self, end: End) -> Grid | None:
        value = self.followed.values[end]
        return value.grid if isinstance(value, Tokens) else None

    def _through(self, walked: Walked) -> None:
        given = {port: end for port, end in walked.incoming.items() if isinstance(self._value(end), Tokens)}
        streams = {port: self._entering(end) for port, end in given.items()}
        made = {
            port.name: End(node=walked.node, port=port.name) for port in self.experiment.plan.specs[walked.node].gives
        }
        made = {port: end for port, end in made.items() if end in self.followed.values}
        tokens_out = [end for end in made.values() if isinstance(self._value(end), Tokens)]
        if not streams and tokens_out:
            streams = {tokens_out[0].port: self._entering(tokens_out[0])}
        first = {port: stream.count for port, stream in streams.items()}
        for layer, rows in walked.rows.items():
            self._layer(walked, layer, rows, streams)
        for port, end in made.items():
            stream = self._leaving(end, port, streams, first, walked)
            if stream is not None:
                self.streams[end] = _as_many(stream, self._value(end))

    def _value(self, end: End) -> Any:
        return self.followed.values.get(end)

    def _entering(self, end: End) -> Stream:
        if end not in self.streams:
            x_BND = self._value(end).x_BND
            self.streams[end] = Stream.begun(end, x_BND.shape[0], x_BND.shape[1], full(x_BND.detach()))
        return self.streams[end]

    def _layer(self, walked: Walked, layer: str, rows: Tensor, streams: dict[str, Stream]) -> None:
        """Let one map change the streams."""
        node = self.experiment.node(walked.node)
        assert isinstance(node, Block)
        asks, asked = node.meets(layer) or _by_count(rows, streams) or ("", "")
        count, keys = rows.shape[-2:]
        gradient, rule = walked.gradients[layer], self.rule
        if asked == JOINED and JOINED not in streams:
            streams[JOINED] = joined(*streams.values())
        fits = (
            asked in streams and streams[asked].count == keys and (asks not in streams or streams[asks].count == count)
        )
        if not fits:
            self.unplaced.append(f"{walked.node}/{layer}")
        elif asks not in streams:
            streams[asks] = rule.pooled(streams[asked], rows, gradient)
        elif asks == asked:
            streams[asks] = rule.within(streams[asks], rows, gradient)
        else:
            streams[asks] = rule.across(streams[asks], streams[asked], rows, gradient)

    def _leaving(
        self, end: End, port: str, streams: Mapping[str, Stream], first: Mapping[str, int], walked: Walked
    ) -> Stream | None:
        """What an end that a node gives is made of; None where nothing says."""
        value = self._value(end)
        if not isinstance(value, Tokens):
            return self._vector(end, value, streams, walked)
        count = value.x_BND.shape[1]
        if JOINED in streams and port in first:
            before = sum(n for name, n in first.items() if name != port) if port != next(iter(first)) else 0
            return part_of(streams[JOINED], before, first[port], walked.incoming[port])
        chosen = [streams[name] for name in (LATENTS, port, JOINED) if name in streams] + list(streams.values())
        alike = next((stream for stream in chosen if stream.count == count), None)
        return self._merged(value, streams, walked) if alike is None else alike

    def _merged(self, value: Tokens, streams: Mapping[str, Stream], walked: Walked) -> Stream | None:
        """Of tokens of time that stand for all bands each: made of those bands, each as much as it is read by the rule."""
        for port, stream in streams.items():
            end = walked.incoming.get(port)
            before, gradient = (self._value(end), self.followed.at_tokens.get(end)) if end is not None else (None, None)
            if not isinstance(before, Tokens) or gradient is None or not _merges_bands(before, value, stream):
                continue
            assert before.grid is not None
            first, sizes = before.grid.extra, before.grid.sizes
            share_BFT = self.rule.read(full(before.x_BND.detach()), gradient)[:, first:].unflatten(1, sizes)
            total_B1T = share_BFT.sum(1, keepdim=True)
            tiny = torch.finfo(total_B1T.dtype).tiny
            share_BFT = torch.where(total_B1T > 0, share_BFT / total_B1T.clamp_min(tiny), 1 / sizes[0])
            made = {
                ground: torch.einsum("bft,bftm->btm", share_BFT, part_BNM[:, first:].unflatten(1, sizes))
                for ground, part_BNM in stream.of.items()
            }
            return Stream(own=None, of=made)
        return None

    def _vector(self, end: End, value: Any, streams: Mapping[str, Stream], walked: Walked) -> Stream | None:
        """Of an embedding: the one new token that looked, else what is read of the tokens, else the vectors it is made of."""
        if not isinstance(value, Tensor) or value.ndim != 2:
            return None
        if LATENTS in streams and streams[LATENTS].count == 1:
            return streams[LATENTS]
        tokens = [one for one in walked.incoming.values() if isinstance(self._value(one), Tokens)]
        inner = [self.streams[one] for one in walked.incoming.values() if one in self.streams and one not in tokens]
        parts = [stream for one in tokens if (stream := self._read(one)) is not None] + inner
        if not parts and streams:  # a tower that gives a vector beside its tokens
            beside = next((End(node=walked.node, port=port) for port in streams), None)
            parts = [] if beside is None else [one for one in [self._read(beside)] if one is not None]
        return _added(parts) if parts else None

    def _read(self, end: End) -> Stream | None:
        """One row of what is read of an end: a vector's own, or of tokens by the rule."""
        value, stream = self._value(end), self.streams.get(end)
        if not isinstance(value, Tokens) or stream is None:
            return stream
        gradient = self.followed.at_tokens.get(end)
        if gradient is None or gradient.shape[1] != stream.count:
            return None
        share_BN = self.rule.read(full(value.x_BND.detach()), gradient)
        return Stream(own=None, of={ground: share_BN[:, None] @ part for ground, part in stream.of.items()})


def _merges_bands(before: Tokens, after: Tokens, stream: Stream) -> bool:
    """Whether cells of frequency and time became tokens of the same times."""
    one, other = before.grid, after.grid
    if (
        one is None
        or other is None
        or (one.kind, other.kind) != ("bins", "times")
        or stream.count != before.x_BND.shape[1]
    ):
        return False
    return one.sizes[1] == other.sizes[0] == after.x_BND.shape[1]


def _by_count(rows: Tensor, streams: Mapping[str, Stream]) -> tuple[str, str] | None:
    """Which streams a map is of, where their numbers tell: one looks at itself, new tokens at one, two sides joined at each other."""
    count, keys = rows.shape[-2:]
    if JOINED in streams:
        return JOINED, JOINED
    if LATENTS in streams and count == keys == streams[LATENTS].count:
        return LATENTS, LATENTS
    alone = [port for port, stream in streams.items() if stream.count == keys and port != LATENTS]
    if len(alone) == 1:
        return (alone[0] if count == keys else LATENTS), alone[0]
    whole = [stream.count for port, stream in streams.items() if port != LATENTS]
    return (JOINED, JOINED) if len(whole) == 2 and count == keys == sum(whole) else None


def _added(parts: Sequence[Stream]) -> Stream:
    made: dict[End, Tensor] = {}
    for stream in parts:
        for end, part in stream.of.items():
            made[end] = made[end] + part if end in made else part
    return Stream(own=None, of=made)


def _as_many(stream: Stream, value: Any) -> Stream:
    """Of a node that gives every sample several times, as pairs does, as often."""
    rows = len(value.x_BND) if isinstance(value, Tokens) else len(value)
    there = len(next(iter(stream.of.values())))
    if rows == there or rows % there:
        return stream
    return Stream(own=stream.own, of={end: part.repeat(rows // there, 1, 1) for end, part in stream.of.items()})


def _rows_of_one(row_BM: Tensor) -> Tensor:
    total = row_BM.sum(-1, keepdim=True)
    return torch.where(total > 0, row_BM / total.clamp_min(1e-30), 1 / row_BM.shape[-1])
