"""What could stand between two ports that no wire may join: one block, else the shortest row of blocks.

A gesture that was refused offers these, and so does the Problem of a document that came with such a wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.graph import edits
from core.graph.document import Document, End
from core.graph.edits import NewBlock
from core.graph.ports import Port, mismatch
from core.graph.rules import order_refusal, reachable
from core.graph.usage import block_usage
from core.graph.vocabulary import BlockSpec, Vocabulary

MOST_BLOCKS: Final = 3  # sentence → tokenizer → tower → pool → embedding is the longest way the field walks
MOST_ALIKE: Final = 3  # of the rows that pass the same kinds, so many are looked at further


@dataclass(frozen=True, kw_only=True)
class Step:
    """One block of a bridge, with the port it is entered by and the one it is left by."""

    spec: BlockSpec
    entry: str
    leave: str


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """Blocks in a row that make what one port gives into what another takes."""

    steps: tuple[Step, ...]

    @property
    def key(self) -> str:
        """The blocks' keys with their ports: one bridge differs from another by these."""
        return " ".join(f"{step.entry}>{step.spec.key}>{step.leave}" for step in self.steps)

    @property
    def title(self) -> str:
        """The blocks' names, in order."""
        return " → ".join(step.spec.title for step in self.steps)

    def blocks(self) -> tuple[NewBlock, ...]:
        """The blocks as :func:`core.graph.edits.put_between` takes them."""
        return tuple((step.spec.key, step.entry, step.leave, step.spec.placed()) for step in self.steps)


def bridges(document: Document, source: End, target: End, words: Vocabulary) -> list[Bridge]:
    """The shortest rows of blocks that lead from one port to another, best first; empty where a wire would do or nothing can.

    Of equals, what the document and the gallery use more comes first.
    """
    if source.node not in document.nodes or target.node not in document.nodes:
        return []
    giver, taker = words.spec(document.nodes[source.node].block), words.spec(document.nodes[target.node].block)
    out, into = giver.output(source.port), taker.input(target.port)
    if out is None or into is None or not mismatch(out, into) or order_refusal(giver, taker, out.name, into.name):
        return []
    if source.node in reachable(document, target.node) or into.kind == "loss":
        return []
    counts = dict(block_usage())
    for node in document.nodes.values():
        counts[node.block] = counts.get(node.block, 0) + 1
    return _search(out, giver, into, taker, words, counts)


def _search(
    out: Port, giver: BlockSpec, into: Port, taker: BlockSpec, words: Vocabulary, counts: Mapping[str, int]
) -> list[Bridge]:
    """Level by level: all rows of one block, else of two, else of three. A kind that was reached is not left and reached again."""
    rows: list[tuple[Step, ...]] = [()]
    seen = {out.kind}
    for _ in range(MOST_BLOCKS):
        longer = [(*row, step) for row in rows for step in _next_steps(row, out, giver, words)]
        whole = [row for row in longer if _leaves(row[-1]).kind == into.kind and not order_refusal(row[-1].spec, taker)]
        if whole:
            return [Bridge(steps=row) for row in sorted(whole, key=lambda row: _rank(row, into, counts))]
        rows = _kept([row for row in longer if _leaves(row[-1]).kind not in seen], into, counts)
        seen |= {_leaves(row[-1]).kind for row in rows}
    return []


def _next_steps(row: Sequence[Step], out: Port, giver: BlockSpec, words: Vocabulary) -> Iterator[Step]:
    before, given = (row[-1].spec, _leaves(row[-1])) if row else (giver, out)
    for spec in words.values():
        if spec.role in ("source", "objective") or not spec.carries or order_refusal(before, spec):
            continue
        for entry in spec.takes:
            if entry.kind != given.kind or any(not port.optional for port in spec.takes if port.name != entry.name):
                continue
            for leave in spec.gives:
                if leave.kind not in (given.kind, "loss") and entry.name in spec.arms(leave.name):
                    yield Step(spec=spec, entry=entry.name, leave=leave.name)


def _kept(rows: Sequence[tuple[Step, ...]], into: Port, counts: Mapping[str, int]) -> list[tuple[Step, ...]]:
    """The best few of the rows that end in one kind."""
    kept: dict[str, list[tuple[Step, ...]]] = {}
    for row in sorted(rows, key=lambda row: _rank(row, into, counts)):
        alike = kept.setdefault(_leaves(row[-1]).kind, [])
        if len(alike) < MOST_ALIKE:
            alike.append(row)
    return [row for alike in kept.values() for row in alike]


def _leaves(step: Step) -> Port:
    port = step.spec.output(step.leave)
    assert port is not None
    return port


def _rank(row: Sequence[Step], into: Port, counts: Mapping[str, int]) -> tuple[object, ...]:
    """Main ways before side ways, then what is used most, then by name."""
    aside = sum(step.leave != step.spec.gives[0].name for step in row)
    foreign = sum(step.spec.modality not in (into.modality, "any", "shared") for step in row if into.modality != "any")
    return aside, foreign, -sum(counts.get(step.spec.key, 0) for step in row), [step.spec.title for step in row]


def bridged(
    document: Document, source: End, target: End, bridge: Bridge, words: Vocabulary, width: int = 0
) -> tuple[Document, tuple[str, ...]]:
    """The document with the row between the two ports, wired, and the new nodes.

    ``width`` is what comes in beside the target, where that is known: an objective, which compares, gets a projection of that
    width before it. What a block itself calls its width is not always how wide it gives, and a fusion takes any.
    """
    blocks = [*bridge.blocks(), *_sizing(words.spec(document.nodes[target.node].block), target.port, words, width)]
    after = edits.put_between(document, source, target, blocks)
    return after, tuple(key for key in after.nodes if key not in document.nodes)


def _sizing(taker: BlockSpec, port: str, words: Vocabulary, width: int) -> list[NewBlock]:
    into = taker.input(port)
    if not width or into is None or taker.role != "objective":
        return []
    step = projection_to(into.kind, words, width)
    return [] if step is None else [(step.spec.key, step.entry, step.leave, {**step.spec.placed(), "width": width})]


def _has_width(spec: BlockSpec, width: int) -> bool:
    """Whether a block gives what it is told to be so wide."""
    knob = next((knob for knob in spec.knobs if knob.name == "width"), None)
    return knob is not None and knob.problem_with(width) == ""


def projection_to(kind: str, words: Vocabulary, width: int) -> Step | None:
    """The connector used most that gives the same kind at another width."""
    usage, found = block_usage(), []
    for spec in words.values():
        if spec.family == "Connectors" and len(spec.takes) == 1 and _has_width(spec, width):
            entry, leave = spec.takes[0], next((port for port in spec.gives if port.kind == kind), None)
            if entry.kind == kind and leave is not None:
                found.append(Step(spec=spec, entry=entry.name, leave=leave.name))
    return max(found, key=lambda step: usage.get(step.spec.key, 0), default=None)
