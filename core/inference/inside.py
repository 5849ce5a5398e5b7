"""Looking inside a drawing before it is trained: what flows out of a node for one sample of the document's own data.

Kept by the hash of all that leads to a node (settings, wires, seed), the weights and the sample, node by node: what changes
behind a node, or where it lies, runs nothing again. Weights are drawn as a run draws them, and every block is evaluated: the value
is that of the compiled model. A tower of which only the first token is read later shows all of its tokens.
"""

from __future__ import annotations

import gc
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.blocks.attention.layer import Stack
from core.blocks.values import map_tensors
from core.compiler.faults import faults_at
from core.compiler.feed import sample_graphs
from core.compiler.module import Experiment, node_seed
from core.compiler.randomness import apart
from core.compiler.shapes import bytes_of
from core.compiler.upstream import Upstream, upstream_of
from core.compiler.weights import load_average, load_weights, read_state
from core.data.batch import collate
from core.data.graphs import SampleGraphs
from core.data.media import picture_of, pixels_of
from core.data.order import evenly
from core.data.pipeline import SampleGraph
from core.graph.document import Document, End
from core.graph.inside import Flow, Inside, Neighbour, NodeCost, Wish
from core.graph.selection import selecting_split
from core.graph.upstream import upstream_key
from core.graph.vocabulary import Vocabulary
from core.inference.answering import Cancelled
from core.inference.flows import flow_of, medium_of
from core.telemetry.diagnostics.unmoved import at_rest

TOGETHER = 16  # samples that are run where a block compares them
POOL, AT_ONCE, NEAREST = 48, 16, 5  # held-out samples that neighbours are looked for among
MOST_BYTES, MOST_KEPT, MOST_PARTS = 256 * 2**20, 64, 32  # of values between nodes; answers; sources and steps
GoOn = Callable[[], bool]
State = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class _Ask:
    """One look, worked out."""

    wish: Wish
    up: Upstream
    state: State | None
    go_on: GoOn

    def key(self, *nodes: str) -> tuple[Hashable, ...]:
        """Of what flows out of some nodes: all that leads there, and the weights."""
        return upstream_key(self.up.plan.document, *nodes), self.wish.weights.token, self.wish.source


class Insides:
    """What was opened and computed so far. Used by one thread at a time."""

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")
        self.ran = 0  # nodes that were run since it was made
        self.opened = 0  # sources that were opened
        self._data: OrderedDict[Hashable, SampleGraphs] = OrderedDict()
        self._parts: OrderedDict[Hashable, Any] = OrderedDict()
        self._modules: OrderedDict[Hashable, Experiment] = OrderedDict()
        self._values: OrderedDict[Hashable, tuple[dict[End, Any], NodeCost]] = OrderedDict()
        self._pools: OrderedDict[Hashable, tuple[list[int], Tensor]] = OrderedDict()
        self._answers: OrderedDict[Hashable, Inside] = OrderedDict()

    def known(self, document: Document, wish: Wish, words: Vocabulary) -> Inside | None:
        """The answer where it was given before; else None. Raises Refused where nothing can flow."""
        return self._answers.get(self._answer_key(self._ask(document, wish, words, None, lambda: True)))

    def look(
        self,
        document: Document,
        wish: Wish,
        words: Vocabulary,
        *,
        state: State | None = None,
        go_on: GoOn = lambda: True,
        first: Callable[[Inside], None] = lambda inside: None,
    ) -> Inside:
        """What flows out of a node; ``first`` is told before neighbours are looked for. ``state``: weights after steps by hand.

        Raises Refused naming the node and what it needs, and Cancelled between two nodes where nobody wants to know any more.
        """
        ask = self._ask(document, wish, words, state, go_on)
        key = self._answer_key(ask)
        if key in self._answers:
            self._answers.move_to_end(key)
            return replace(self._answers[key], ran=0)
        found = self._look(ask, first)
        _keep(self._answers, key, found, MOST_KEPT)
        return found

    def glimpse(
        self,
        document: Document,
        wish: Wish,
        words: Vocabulary,
        *,
        state: State | None = None,
        go_on: GoOn = lambda: True,
    ) -> Inside:
        """As :meth:`look`, without neighbours, which need a pool of other samples."""
        ask = self._ask(document, wish, words, state, go_on)
        return self._answers.get(self._answer_key(ask)) or self._seen(ask)[0]

    def values(self, document: Document, wish: Wish, words: Vocabulary) -> Mapping[End, Any]:
        """The tensors themselves that flow out of a node. Raises Refused."""
        ask = self._ask(document, wish, words, None, lambda: True)
        graph = self._opened(ask)
        _, chosen = self._chosen(ask, graph)
        _, values, _ = self._run(ask, graph, chosen)
        return {end: values[end] for end in ask.up.ends.values()}

    def forget(self) -> None:
        """Let everything go: data may have changed on the disk."""
        for graphs in self._data.values():
            graphs.close()
        for kept in (self._data, self._parts, self._modules, self._values, self._pools, self._answers):
            kept.clear()
        gc.collect()

    # What is asked

    def _ask(self, document: Document, wish: Wish, words: Vocabulary, state: State | None, go_on: GoOn) -> _Ask:
        up = upstream_of(document, wish.node, words, wish.source)
        return _Ask(wish=replace(wish, source=up.task.source), up=up, state=state, go_on=go_on)

    def _answer_key(self, ask: _Ask) -> Hashable:
        wish = ask.wish
        return ask.key(*ask.up.givers), self._data_key(ask), wish.split, wish.place, ask.up.sources

    def _data_key(self, ask: _Ask) -> Hashable:
        return (*ask.key(*ask.up.task.sample_nodes), ask.up.task.carried)

    def _look(self, ask: _Ask, first: Callable[[Inside], None]) -> Inside:
        found, graph, values, index = self._seen(ask)
        if any(flow.awaits_neighbours for flow in found.flows):
            first(found)
            found = self._with_neighbours(ask, graph, found, values, index)
        return found

    def _seen(self, ask: _Ask) -> tuple[Inside, SampleGraph, dict[End, Any], int]:
        """What flows, before neighbours are looked for; with the data, every value, and which sample it is."""
        graph = self._opened(ask)
        wish, chosen = self._chosen(ask, graph)
        mixes, before = ask.up.mixes, self.ran
        raw, values, costs = self._run(ask, graph, chosen)
        flows = tuple(self._flows(ask, raw, values, mixes))
        found = Inside(
            wish=wish, splits={name: len(own) for name, own in graph.source.splits().items() if len(own)},
            sources=ask.up.sources, label=graph.source.label(chosen[0]), together=len(chosen), flows=flows, costs=costs,
            ran=self.ran - before, seed=ask.up.plan.document.recipe.seed,
        )  # fmt: skip
        return found, graph, values, chosen[0]

    def _chosen(self, ask: _Ask, graph: SampleGraph) -> tuple[Wish, list[int]]:
        """The wish with the split and the place that there are, and the samples: several where a block compares them."""
        splits = {name: indices for name, indices in graph.source.splits().items() if len(indices)}
        split = ask.wish.split if ask.wish.split in splits else selecting_split(splits) or next(iter(splits))
        indices = splits[split]
        place = ask.wish.place % len(indices)
        count = min(TOGETHER, len(indices)) if ask.up.mixes else 1
        return replace(ask.wish, split=split, place=place), [
            int(indices[(place + n) % len(indices)]) for n in range(count)
        ]

    # Data

    def _opened(self, ask: _Ask) -> SampleGraph:
        """The per-sample part, open; its vocabulary learned as a run learns it, or that of the checkpoint."""
        key = self._data_key(ask)
        if key not in self._data:
            with faults_at(ask.up.task.source, ask.up.plan.specs):
                self._open(ask, key)
        self._go_on(ask)
        return self._data[key][ask.up.task.source]

    def _open(self, ask: _Ask, key: Hashable) -> None:
        """A source that is open already, and steps that have learned, are not opened and taught again."""
        own = {
            node: (ask.key(node), ask.up.settles and ask.key(*ask.up.task.sample_nodes))
            for node in ask.up.task.sample_nodes
        }
        known = {node: self._parts[own[node]] for node in own if own[node] in self._parts}
        graphs = sample_graphs(ask.up.plan, known)
        folder = ask.wish.weights.folder
        learned = read_state(Path(folder))["transforms"] if folder else {}
        graphs.prepare({node: state for node, state in learned.items() if node in own and node not in known})
        self.opened += ask.up.task.source not in known
        for node, part, _ in graphs.first.parts:
            _keep(self._parts, own[node], part, MOST_PARTS)
        _keep(self._data, key, graphs, MOST_PARTS)

    # Running

    def _run(
        self, ask: _Ask, graph: SampleGraph, indices: Sequence[int]
    ) -> tuple[Mapping[End, Any], dict[End, Any], tuple[NodeCost, ...]]:
        """The first sample's values before batching, every value that leads to the node, and what each node took."""
        seed = ask.up.plan.document.recipe.seed
        with faults_at(ask.up.task.source, ask.up.plan.specs):
            samples = [graph.sample(index, epoch=0, seed=seed, training=False) for index in indices]
            batch = collate(samples, indices)
        values = {End(node=key[0], port=key[1]): self._placed(v) for key, v in batch.items() if key != "indices"}
        keys = {key: (ask.key(key), tuple(indices)) for key in ask.up.plan.batch_nodes}
        open_nodes = [key for key in ask.up.plan.batch_nodes if keys[key] not in self._values]
        experiment = self._built(ask, open_nodes) if open_nodes else None
        costs = []
        for key in ask.up.plan.batch_nodes:
            if keys[key] not in self._values:
                assert experiment is not None
                self._go_on(ask)
                self._values[keys[key]] = self._run_node(ask, experiment, key, values)
                self.ran += 1
            self._values.move_to_end(keys[key])
            given, cost = self._values[keys[key]]
            values.update(given)
            costs.append(cost)
        self._let_go()
        raw = {End(node=key[0], port=key[1]): value for key, value in samples[0].items()}
        return raw, values, tuple(costs)

    def _run_node(
        self, ask: _Ask, experiment: Experiment, key: str, values: Mapping[End, Any]
    ) -> tuple[dict[End, Any], NodeCost]:
        cuda = self.device.type == "cuda"
        if cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
        began = time.perf_counter()
        with (
            faults_at(key, ask.up.plan.specs),
            apart(node_seed(experiment.draws, f"inside/{key}")),
            at_rest(experiment),
        ):
            made = experiment.run(values, [key])
        if cuda:
            torch.cuda.synchronize(self.device)
        given = {end: value for end, value in made.items() if end.node == key}
        cost = NodeCost(
            node=key, seconds=time.perf_counter() - began, given_bytes=sum(map(bytes_of, given.values())),
            weights_bytes=sum(p.numel() * p.element_size() for p in experiment.node(key).parameters()),
            peak_bytes=torch.cuda.max_memory_allocated(self.device) if cuda else 0,
        )  # fmt: skip
        return given, cost

    def _placed(self, value: Any) -> Any:
        return map_tensors(lambda tensor: tensor.to(self.device), value)

    def _built(self, ask: _Ask, nodes: Sequence[str]) -> Experiment:
        """The modules of some nodes, with the weights that are wished for."""
        key = (tuple(nodes), ask.key(*nodes))
        if key not in self._modules:
            plan, weights = replace(ask.up.plan, batch_nodes=tuple(nodes)), ask.wish.weights
            with faults_at(nodes[-1], plan.specs):
                experiment = Experiment(plan, plan.document.recipe.seed)
                experiment.draws = plan.document.recipe.seed
                for module in experiment.modules():
                    if isinstance(module, Stack):
                        module.first_only = False
                if weights.folder:
                    load_weights(experiment, Path(weights.folder), part=True)
                    load_average(experiment, Path(weights.folder))
                if ask.state is not None:
                    experiment.load_state_dict({name: ask.state[name] for name in experiment.state_dict()})
                self._modules[key] = experiment.to(self.device)
            _keep(self._modules, key, self._modules[key], 2)
        return self._modules[key]

    def _let_go(self) -> None:
        """Values that were not looked at for longest, until the rest has room."""
        held = sum(cost.given_bytes for _, cost in self._values.values())
        while held > MOST_BYTES and len(self._values) > 1:
            _, (_, cost) = self._values.popitem(last=False)
            held -= cost.given_bytes

    def _go_on(self, ask: _Ask) -> None:
        if not ask.go_on():
            raise Cancelled

    # What is shown

    def _flows(self, ask: _Ask, raw: Mapping[End, Any], values: Mapping[End, Any], mixes: bool) -> list[Flow]:
        media = self._media(ask, raw)
        found = []
        for name, end in ask.up.ends.items():
            port = ask.up.plan.specs[end.node].output(end.port)
            assert port is not None
            flow = flow_of(name, port.kind, values.get(end), raw.get(end), media, whole=mixes)
            alike = port.kind == "embedding" and not mixes and end.node in ask.up.plan.batch_nodes
            found.append(replace(flow, awaits_neighbours=alike))
        return found

    def _media(self, ask: _Ask, raw: Mapping[End, Any]) -> dict[str, Any]:
        """What tokens may lie on, by modality: of each the nearest that leads to the node."""
        waiting, seen, found = list(ask.up.ends.values()), set[End](), dict[str, Any]()
        while waiting:
            end = waiting.pop(0)
            if end in seen:
                continue
            seen.add(end)
            if (medium := medium_of(raw.get(end))) and medium not in found:
                found[medium] = raw[end]
            waiting += ask.up.plan.inputs[end.node].values()
        return found

    def _with_neighbours(
        self, ask: _Ask, graph: SampleGraph, found: Inside, values: Mapping[End, Any], index: int
    ) -> Inside:
        flows = []
        for flow in found.flows:
            own = values[ask.up.ends[flow.port]] if flow.awaits_neighbours else None
            near = self._nearest(ask, graph, flow.port, own, index) if isinstance(own, Tensor) and own.ndim == 2 else ()
            flows.append(replace(flow, neighbours=near, awaits_neighbours=False))
        return replace(found, flows=tuple(flows))

    def _nearest(self, ask: _Ask, graph: SampleGraph, port: str, own_1D: Tensor, index: int) -> tuple[Neighbour, ...]:
        """The held-out samples whose embeddings have the largest cosines with this one's, itself left out."""
        pool, unit_PD = self._pool(ask, graph, ask.up.ends[port])
        cosines_P = unit_PD @ normalize(own_1D[0].float(), dim=-1)
        order = [place for place in cosines_P.argsort(descending=True).tolist() if pool[place] != index]
        return tuple(self._neighbour(graph, pool[place], float(cosines_P[place])) for place in order[:NEAREST])

    def _pool(self, ask: _Ask, graph: SampleGraph, end: End) -> tuple[list[int], Tensor]:
        key = (ask.key(end.node), self._data_key(ask), end.port)
        if key not in self._pools:
            splits = graph.source.splits()
            pool = evenly([int(index) for index in splits[selecting_split(splits) or "train"]], POOL)
            seed, rows = ask.up.plan.document.recipe.seed, []
            experiment = self._built(ask, ask.up.plan.batch_nodes)
            for start in range(0, len(pool), AT_ONCE):
                self._go_on(ask)
                some = pool[start : start + AT_ONCE]
                with faults_at(end.node, ask.up.plan.specs), apart(node_seed(seed, "inside/pool")), at_rest(experiment):
                    samples = [graph.sample(index, epoch=0, seed=seed, training=False) for index in some]
                    batch = collate(samples, some)
                    batch = {End(node=k[0], port=k[1]): self._placed(v) for k, v in batch.items() if k != "indices"}
                    rows.append(normalize(experiment.run(batch, [end.node])[end].float(), dim=-1))
            _keep(self._pools, key, (pool, torch.cat(rows)), 16)
        return self._pools[key]

    def _neighbour(self, graph: SampleGraph, index: int, cosine: float) -> Neighbour:
        picture = picture_of(graph.source.sample(index).values())
        return Neighbour(
            cosine=cosine, sentence=graph.source.label(index), picture=None if picture is None else pixels_of(picture)
        )  # fmt: skip


def _keep(kept: OrderedDict[Any, Any], key: Hashable, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
