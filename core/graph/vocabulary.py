"""What blocks exist, as plain values: the window draws a document with these before torch is imported.

The compiler writes a vocabulary from the classes (:mod:`core.compiler.describe`) and keeps it as JSON; the canvas, the
palette and the rules read only this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.graph.ports import Port
from core.knobs import Knob

Role = Literal["source", "transform", "block", "objective"]


@dataclass(frozen=True, kw_only=True)
class BlockSpec:
    """One kind of node: what the palette, the form and the canvas need to know.

    ``role`` says where it runs: sources and transforms per sample in loader workers, blocks and objectives per batch
    on the device.
    """

    key: str  # folder.file
    title: str
    role: Role
    family: str  # the palette's heading: Sources, Transforms, Encoders, Connectors, ...
    summary: str  # the docstring's first line
    papers: tuple[str, ...] = ()  # arXiv numbers
    takes: tuple[Port, ...] = ()
    gives: tuple[Port, ...] = ()
    knobs: tuple[Knob, ...] = ()
    modality: str = "any"
    repeatable: bool = False  # may stand for N copies in a row
    mixes: bool = False  # compares the samples of a batch: it must see the whole of it
    alternatives: bool = (
        False  # passes on whichever incoming port of a kind is there: where tasks of several sources join
    )
    carries: bool = True  # what it gives is made of what it takes; False: it takes that only to know how much to give
    origin: str = ""  # of a person's own block: its file and the SHA-256 of what was loaded
    known: bool = True  # False: a placeholder for a block this version lacks
    loading: bool = False  # a placeholder until the blocks have been read
    per_sample: tuple[str, ...] = ()  # of a subgraph: the ports whose inside works on single samples, whatever its role

    def input(self, name: str) -> Port | None:
        """The incoming port called ``name``."""
        return next((port for port in self.takes if port.name == name), None)

    def output(self, name: str) -> Port | None:
        """The outgoing port called ``name``."""
        return next((port for port in self.gives if port.name == name), None)

    def is_per_sample(self, port: str) -> bool:
        """Whether a port's side of it works on single samples, before batching."""
        return self.role in ("source", "transform") or port in self.per_sample

    def arms(self, name: str) -> tuple[str, ...]:
        """Incoming ports that an outgoing one is made of: those of its kind where they are alternatives, else all."""
        given = self.output(name)
        return tuple(port.name for port in self.takes if not self.alternatives or (given and port.kind == given.kind))

    def defaults(self) -> dict[str, Any]:
        """Every knob at its default."""
        return {knob.name: knob.default for knob in self.knobs}

    def placed(self) -> dict[str, Any]:
        """What a new node of this kind says from the start."""
        return {knob.name: knob.placed for knob in self.knobs if knob.placed is not None}

    def ways_through(self, there: Collection[str] | None = None) -> list[tuple[str, str]]:
        """Pairs of an incoming and an outgoing port of the same kind: what bypassing this node would join.

        ``there``: the incoming ports that something comes in by, None for all. Of two vectors that become one, the other passes
        where the first one's block is disabled.
        """
        takes = [port for port in self.takes if there is None or port.name in there]
        pairs = [(given.name, given.name) for given in self.gives if self._takes_alike(given)]
        used = {taken for taken, _ in pairs}
        for given in self.gives:
            if given.name in {gave for _, gave in pairs}:
                continue
            taken = next((one for one in takes if one.kind == given.kind and one.name not in used), None)
            if taken is not None:
                pairs.append((taken.name, given.name))
                used.add(taken.name)
        return pairs

    def _takes_alike(self, given: Port) -> bool:
        """Whether an incoming port has this one's name and kind: that is its way through."""
        taken = self.input(given.name)
        return taken is not None and taken.kind == given.kind


OptionFamily = Literal["callback", "diagnostic", "optimizer", "schedule", "batching"]


@dataclass(frozen=True, kw_only=True)
class OptionSpec:
    """One entry of the recipe's form: a callback or a diagnostic to switch on, an optimiser, a schedule or a way of
    batching to choose."""

    key: str
    title: str
    family: OptionFamily
    summary: str = ""
    knobs: tuple[Knob, ...] = ()
    papers: tuple[str, ...] = ()  # arXiv numbers


class Vocabulary(Mapping[str, BlockSpec]):
    """All block specs by key. An unknown key reads as a placeholder only through :meth:`spec`.

    ``options`` are the choices of the recipe: callbacks, diagnostics, optimisers, schedules, ways of batching. ``unlisted`` specs are
    known by their key and offered nowhere.
    """

    def __init__(
        self, specs: Iterable[BlockSpec] = (), options: Iterable[OptionSpec] = (), unlisted: Iterable[BlockSpec] = ()
    ) -> None:
        self._specs = {spec.key: spec for spec in specs}
        self.options = tuple(options)
        self.unlisted = {spec.key: spec for spec in unlisted}

    def __getitem__(self, key: str) -> BlockSpec:
        return self._specs[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def spec(self, key: str) -> BlockSpec:
        """The spec, or a placeholder without ports for a key that is not here, or not yet: nothing has been read."""
        if not self._specs and key not in self.unlisted:
            return BlockSpec(
                key=key, title="loading…", role="block", family="Unknown", known=False, loading=True, summary="loading…"
            )
        return self._specs.get(key) or self.unlisted.get(key) or BlockSpec(
            key=key, title=key, role="block", family="Unknown", known=False,
            summary="This version of the studio has no such block; its data is kept.",
        )  # fmt: skip

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """Plain data; :meth:`from_json` is its inverse."""
        return {
            "blocks": [dataclasses.asdict(spec) for spec in self._specs.values()],
            "options": [dataclasses.asdict(option) for option in self.options],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, list[dict[str, Any]]]) -> Vocabulary:
        """Read what :meth:`as_json` wrote. Raises KeyError or TypeError for anything else."""

        def knobs(raw: dict[str, Any]) -> tuple[Knob, ...]:
            return tuple(Knob(**{**knob, "choices": tuple(knob["choices"])}) for knob in raw["knobs"])

        def spec(raw: dict[str, Any]) -> BlockSpec:
            ports = {side: tuple(Port(**port) for port in raw[side]) for side in ("takes", "gives")}
            plain = {name: tuple(raw.get(name, ())) for name in ("papers", "per_sample")}
            return BlockSpec(**{**raw, **ports, **plain, "knobs": knobs(raw)})

        def option(raw: dict[str, Any]) -> OptionSpec:
            return OptionSpec(**{**raw, "knobs": knobs(raw), "papers": tuple(raw["papers"])})

        return cls(map(spec, data["blocks"]), map(option, data["options"]))
