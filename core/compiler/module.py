"""The batch part of a Plan as one module: nodes by id, values by end.

Weights are drawn per node from (seed, node id), so adding a block does not change another's beginning. Weights in several
places are one module, registered once under their owner's id and run at each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.blocks.attention.layer import Stack
from core.blocks.block import Block, Objective, Synced
from core.blocks.objectives.gathering import alone, gathered_values, processes
from core.blocks.packing import taken_by, unpacked
from core.blocks.times import Marked
from core.blocks.values import Codes, Grid, Tokens, full, map_tensors
from core.blocks.wish import Wish
from core.compiler.answers.decoding import Codec, codecs, decoded, encoded, patches
from core.compiler.answers.grad_cam import Evidence, grad_cam
from core.compiler.answers.making import Making, Thing, make, makings
from core.compiler.answers.words_in_image import Meeting, words_in_image
from core.compiler.build import build_block
from core.compiler.compile import meta_values
from core.compiler.momentum import Twin, wants_twin
from core.compiler.plan import Plan
from core.compiler.randomness import apart, drawing_alike
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import at_rest

Values = dict[End, Any]


def node_seed(seed: int, name: str) -> int:
    """A seed of its own for a name."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=7).digest(), "big")


class Experiment(nn.Module):
    """Every block of a plan, wired."""

    def __init__(self, plan: Plan, seed: int = 0) -> None:
        super().__init__()
        self.plan = plan
        self.draws = 0  # where several processes share a batch: the seed of what they compute alike
        meta = meta_values(plan)
        self.nodes = nn.ModuleDict()
        for key in plan.owners:
            incoming = {port: meta[end] for port, end in plan.inputs[plan.made_at[key]].items()}
            with apart(node_seed(seed, key)):
                self.nodes[registered_as(key)] = build_block(plan.document.nodes[key], incoming)

        for key in plan.owners:
            self._spare(key)
        self._routed: dict[str, list[Any]] = {}
        self.twins = nn.ModuleDict(
            {key: Twin(plan, self.node, key) for key in plan.batch_nodes if wants_twin(self.node(key))}
        )

    def _spare(self, key: str) -> None:
        """Where only the first of a tower's tokens is read, wherever it stands, its stack need not make the others."""
        stack = getattr(self.node(key), "stack", None)
        readers = [
            self.node(taker)
            for taker in self.plan.batch_nodes
            for end in self.plan.inputs[taker].values()
            if self.plan.owner(end.node) == key
        ]
        if isinstance(stack, Stack):
            stack.first_only = bool(readers) and all(getattr(node, "reads_first_only", False) for node in readers)

    def node(self, key: str) -> nn.Module:
        """The module of a node; nodes with the same weights have the same one."""
        return self.nodes[registered_as(self.plan.owner(key))]

    def routers(self, key: str) -> list[Any]:
        """Where a node's routers sent its tokens in the last forward, by layer; empty where it has none."""
        return self._routed.get(key, _routed(self.node(key)))

    def set_progress(self, share: float) -> None:
        """Tell every block how much of the run is done."""
        for module in self.nodes.modules():
            if isinstance(module, Block):
                module.set_progress(share)

    def after_update(self, batches: Mapping[str, Mapping[End, Any]]) -> None:
        """Right after an optimiser step: clamps, and queues take the keys of the step's batches, given by their sources.

        Processes that share a batch draw the same random numbers.
        """
        with drawing_alike(node_seed(self.draws, "after update")):
            for key in self.plan.owners:
                self.node(key).after_update()  # type: ignore[operator]
        for queue, twin in self.twins.items():
            own = [task.source for task in self.plan.tasks if queue in task.batch_nodes]
            twin.follow(self.node, [batch for source, batch in batches.items() if source in own])  # type: ignore[operator]

    def run(self, batch: Mapping[End, Any], wanted: Iterable[str] | None = None, wish: Wish | None = None) -> Values:
        """Run nodes in order on a batch (per-sample ends already carried); gives every end made or carried.

        ``wanted`` (the objectives of all tasks where it is not given) and what they need is run; what the batch carries is not.
        What wanted nodes give has a row for each sample, also where rows hold several on the way. With a ``wish``, blocks make
        what is wished for, and what only teaches them is not run.
        """
        values: Values = dict(batch)
        asked = set(self.plan.objectives if wanted is None else wanted)
        chosen = self._needed(asked, values, wish is not None)
        joint = [key for key in self.plan.joint if key in chosen] if processes() > 1 else []
        self._run([key for key in self.plan.batch_nodes if key in chosen and key not in joint], values, asked, wish)
        if joint:
            ends = {end for key in joint for end in self.plan.inputs[key].values() if end.node not in joint}
            whole = gathered_values({end: unpacked(values[end]) for end in sorted(ends)})
            with alone(), drawing_alike(self.draws):
                self._run(joint, whole, asked, wish)
            values.update({end: value for end, value in whole.items() if end.node in joint})
        return values

    def _run(self, keys: Iterable[str], values: Values, asked: Collection[str], wish: Wish | None) -> None:
        """Run some nodes in order; what they give joins ``values``."""
        for key in keys:
            incoming = {port: values[end] for port, end in self._inputs(key, wish is not None).items()}
            call = None if wish is None else partial(self.node(key).make, wish)  # type: ignore[operator, misc, arg-type]
            made = _called(self.node(key), incoming, call)
            made = {port: unpacked(value) for port, value in made.items()} if key in asked else made
            values.update({End(node=key, port=port): value for port, value in made.items()})
            if len(self.plan.places[self.plan.owner(key)]) > 1:  # the next place writes over what this one saw
                self._routed[key] = _routed(self.node(key))

    def _inputs(self, key: str, makes: bool) -> Mapping[str, End]:
        """What comes in at a node: when it makes something, without what only teaches it."""
        return self.plan.made_of(key) if makes else self.plan.inputs[key]

    def _needed(self, wanted: set[str], values: Mapping[End, Any], makes: bool) -> set[str]:
        """The wanted nodes and what they need, without those whose values the batch already carries."""

        def is_there(node: str) -> bool:
            return all(End(node=node, port=port.name) in values for port in self.plan.specs[node].gives)

        open_ends = [node for node in wanted if not is_there(node)]
        found = set(open_ends)
        while open_ends:
            for end in self._inputs(open_ends.pop(), makes).values():
                if end not in values and end.node not in found and end.node in self.plan.batch_nodes:
                    found.add(end.node)
                    open_ends.append(end.node)
        return found

    def towers(self) -> list[str]:
        """Blocks that look at each sample alone."""
        return [key for key in self.plan.batch_nodes if key not in self.plan.mixing]

    def losses(self, values: Mapping[End, Any]) -> dict[str, Tensor]:
        """The loss of each objective that was run."""
        ends = {key: End(node=key, port="loss") for key in self.plan.objectives}
        return {key: values[end] for key, end in ends.items() if end in values}

    def makings(self) -> tuple[Making, ...]:
        """Every image and waveform that a block here makes."""
        return makings(self.plan)

    def make(
        self, making: Making, batch: Mapping[End, Any], seeds: Sequence[int], wish: Wish | None = None
    ) -> Iterator[Thing]:
        """Make some, one after another (:func:`core.compiler.answers.making.make`)."""
        return make(self, making, batch, seeds, wish)

    def codecs(self) -> tuple[Codec, ...]:
        """Every quantizer here, with what draws from its tokens."""
        return codecs(self.plan)

    def encoded(self, codec: Codec, batch: Mapping[End, Any]) -> Codes:
        """The codes of a batch (:func:`core.compiler.answers.decoding.encoded`)."""
        return encoded(self, codec, batch)

    def decoded(self, codec: Codec, codes: Codes) -> Tensor:
        """Images drawn from codes (:func:`core.compiler.answers.decoding.decoded`)."""
        return decoded(self, codec, codes)

    def patches(self, codec: Codec, book: int, grid: Grid, device: torch.device) -> Tensor:
        """What each code of a book looks like (:func:`core.compiler.answers.decoding.patches`)."""
        return patches(self, codec, book, grid, device)

    def opposing(self, values: Mapping[End, Any]) -> dict[str, Tensor]:
        """The loss of each opponent that plays, by objective."""
        found = {}
        for key in self.plan.objectives:
            node = self.node(key)
            if isinstance(node, Objective) and node.opposed and End(node=key, port="loss") in values:
                incoming = {port: values[end] for port, end in self.plan.inputs[key].items()}
                loss = _called(node, incoming, node.opposing)
                if loss is not None:
                    found[key] = loss
        return found

    def grad_cam(self, batch: Mapping[End, Any]) -> list[Evidence]:
        """Where the evidence of each pair lies in towers without attention; nothing is changed."""
        return grad_cam(self, batch)

    def words_in_image(self, batch: Mapping[End, Any]) -> Meeting | None:
        """Cosines of every word with every patch, where the towers can be run for one token; nothing is changed."""
        return words_in_image(self, batch)

    def marked(self, key: str, batch: Mapping[End, Any]) -> dict[str, list[list[Marked]]]:
        """Spans of each sample's time that an objective finds and was told (:meth:`Objective.marked`); nothing is changed."""
        node, ends = self.node(key), self.plan.inputs[key]
        if not isinstance(node, Objective) or type(node).marked is Objective.marked:
            return {}
        with at_rest(self):
            values = self.run(batch, [end.node for end in ends.values() if end.node in self.plan.batch_nodes])
            found: dict[str, list[list[Marked]]] = _called(
                node, {port: values[end] for port, end in ends.items()}, node.marked
            )
        return found

    def said(self, key: str, batch: Mapping[End, Any]) -> Tensor | None:
        """What an objective answers of the samples of a batch that it asks: a class's code or a number [A]; nothing is changed."""
        node, ends = self.node(key), self.plan.inputs[key]
        if not isinstance(node, Objective) or type(node).answers is Objective.answers:
            return None
        with at_rest(self):
            values = self.run(batch, [end.node for end in ends.values() if end.node in self.plan.batch_nodes])
            found = _called(node, {port: values[end] for port, end in ends.items()}, node.answers).get("said")
        return found.detach().cpu() if isinstance(found, Tensor) and found.ndim == 1 else None

    def synced(self, key: str, batch: Mapping[End, Any]) -> Synced | None:
        """How an objective finds the two streams of each sample to lie in time (:meth:`Objective.synced`); nothing is changed."""
        node, ends = self.node(key), self.plan.inputs[key]
        if not isinstance(node, Objective) or type(node).synced is Objective.synced:
            return None
        with at_rest(self):
            values = self.run(batch, [end.node for end in ends.values() if end.node in self.plan.batch_nodes])
            found: Synced = _called(node, {port: values[end] for port, end in ends.items()}, node.synced)
        return found

    def attention_maps(self, batch: Mapping[End, Any]) -> dict[str, tuple[Tensor, dict[str, Any], dict[str, Any]]]:
        """Every attention map by ``node/layer number``: rows [B, heads, queries, keys], what queries and keys stand for.

        A forward of its own in eval mode, not compiled even where towers are: modes and training are left as they were.
        """
        with at_rest(self):
            return self._attention_maps(batch)

    def _attention_maps(self, batch: Mapping[End, Any]) -> dict[str, tuple[Tensor, dict[str, Any], dict[str, Any]]]:
        found: dict[str, tuple[Tensor, dict[str, Any], dict[str, Any]]] = {}
        values: Values = dict(batch)
        for key in self.towers():
            if any(end not in values for end in self.plan.inputs[key].values()):
                continue  # only one modality was asked about
            incoming = {port: values[end] for port, end in self.plan.inputs[key].items()}
            incoming = taken_by(self.node(key), incoming)
            made, maps = self.node(key).watched(**incoming)  # type: ignore[operator]
            values.update({End(node=key, port=port): value for port, value in made.items()})
            for number, rows in enumerate(maps.values()):
                found[f"{key}/{number}"] = placed(rows, made, incoming)
        return found


def _routed(node: nn.Module) -> list[Any]:
    return [part.routed for part in node.modules() if getattr(part, "routed", None) is not None]


def _called(node: nn.Module, incoming: Mapping[str, Any], call: Callable[..., Any] | None = None) -> Any:
    """A node's forward, or another of its methods, with each document in a row of its own unless the node reads packs.

    Objectives and choices of negatives run in float32, also where towers run in bfloat16.

    Autocast would make logits of up to 100 in bfloat16, whose steps there are as wide as 0.5.
    """
    incoming = taken_by(node, incoming)
    leaf = next((x for x in pytree.tree_leaves(dict(incoming)) if isinstance(x, Tensor)), None)
    kind = "meta" if leaf is None else leaf.device.type
    if not getattr(node, "in_float32", False) or kind == "meta" or not torch.is_autocast_enabled(kind):
        return (call or node)(**incoming)
    with torch.autocast(kind, enabled=False):
        wide = {name: map_tensors(lambda x: full(x) if x.is_floating_point() else x, v) for name, v in incoming.items()}
        return (call or node)(**wide)


def placed(
    rows_BHNM: Tensor, made: Mapping[str, Any], incoming: Mapping[str, Any]
) -> tuple[Tensor, dict[str, Any], dict[str, Any]]:
    """A map over the tokens that a node gave or was given, and what its queries and its keys stand for."""
    sides = [_standing(count, made, incoming) for count in rows_BHNM.shape[-2:]]
    queries, keys = (_grid(count, side) for count, side in zip(rows_BHNM.shape[-2:], sides))
    return spread(rows_BHNM, *sides), queries, keys


def _standing(count: int, made: Mapping[str, Any], incoming: Mapping[str, Any]) -> Tokens | None:
    """The tokens that ``count`` positions are: those that come out, or those that came in, whose places are known."""
    some = [value for value in map(unpacked, (*made.values(), *incoming.values())) if isinstance(value, Tokens)]
    known = (one for one in some if one.place_BN2 is not None or one.grid is not None or one.before is not None)
    return next((one for one in known if one.x_BND.shape[1] == count), None)


def _grid(count: int, tokens: Tokens | None) -> dict[str, Any]:
    """What ``count`` positions stand for; of merged tokens, what those stood for that they are made of."""
    if tokens is not None and tokens.place_BN2 is not None:
        return own_grids(tokens.place_BN2, tokens.mask_BN)
    grid = None if tokens is None else tokens.before or tokens.grid
    return (grid or Grid(kind="latents", sizes=(count,))).as_dict()


def spread(rows_BHNM: Tensor, queries: Tokens | None, keys: Tokens | None) -> Tensor:
    """A map of merged tokens over those that they are made of: each has its row, and an equal share of what it is looked at."""
    if queries is not None and queries.before is not None and queries.into_BM is not None:
        rows_BHNM = _at(rows_BHNM.transpose(2, 3), queries.into_BM.clamp_min(0)).transpose(2, 3)
    if keys is not None and keys.before is not None and keys.into_BM is not None and keys.size_BN is not None:
        rows_BHNM = _at(rows_BHNM / keys.size_BN.clamp_min(1).to(rows_BHNM.dtype)[:, None, None], keys.into_BM)
    return rows_BHNM


def _at(rows_BHNM: Tensor, into_BP: Tensor) -> Tensor:
    """The columns of ``into_BP``, nothing where it is -1."""
    place_BHNP = into_BP.clamp_min(0)[:, None, None].expand(-1, *rows_BHNM.shape[1:3], -1)
    return torch.where(into_BP[:, None, None] >= 0, rows_BHNM.gather(3, place_BHNP), 0.0)


def own_grids(place_BN2: Tensor, mask_BN: Tensor | None) -> dict[str, Any]:
    """Patches of pictures whose sizes differ: ``each`` is every picture's rows and columns, padded behind to one length."""
    size_B2 = place_BN2.amax(1) + 1
    real_BN = place_BN2[..., 0] >= 0
    leading = 0 if mask_BN is None else int((mask_BN & ~real_BN)[:1].sum())
    height, width = (int(edge) for edge in size_B2.amax(0))
    return {"kind": "patches", "extra": leading, "height": height, "width": width, "each": size_B2.tolist()}


def registered_as(key: str) -> str:
    """What the module of a node is called: names in a ModuleDict may not hold dots or clash with its attributes."""
    return "n_" + key.replace(".", "\u00b7")
