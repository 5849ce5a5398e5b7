"""What the compiler found out about a drawing, as plain values the canvas can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.problems import Problem


@dataclass(frozen=True, kw_only=True)
class PortFacts:
    """What flows out of a port, from the real module on meta tensors."""

    symbolic: str  # "B N D"
    concrete: str  # "B 65 192"
    tokens: int = 0  # positions a sample, 0 where it has none
    mebibytes: float = 0.0  # for one batch
    modality: str = ""  # core.graph.ports.MODALITIES; of tokens it is what they were made of
    dtype: str = ""  # float32, uint8, int64 ...; empty where nothing is a tensor yet
    trained: bool = False  # whether a gradient flows here


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """What one node costs and gives. FLOPs count a multiply-add as two, forward, one sample."""

    parameters: int = 0
    trained_parameters: int = 0
    weights_of: str = ""  # the node at which its weights are counted, where that is another: here they count as none
    shared_parameters: int = 0  # so many of them
    flops: int = 0
    activation_mebibytes: float = 0.0  # saved for the backward pass, one batch
    frozen: bool = False  # in the first stage
    detail: str = ""  # one short line: "w192 d6 p8"
    outputs: Mapping[str, PortFacts] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Facts for every node that could be analysed, and every Problem."""

    nodes: Mapping[str, NodeFacts] = field(default_factory=dict)
    wholes: Mapping[str, NodeFacts] = field(
        default_factory=dict
    )  # of copies of subgraphs the sum of what is in them, by path
    borders: Mapping[str, NodeFacts] = field(default_factory=dict)  # what comes in at the border of each, by path
    problems: tuple[Problem, ...] = ()
    parameters: int = 0
    trained_parameters: int = 0
    flops: int = 0  # forward, one sample
    mebibytes: float = 0.0  # predicted peak in training: weights, gradients, optimiser state, activations
    seconds: float = 0.0  # predicted for the whole run on this machine; 0 where unknown

    @property
    def is_runnable(self) -> bool:
        """Whether nothing stands against a run."""
        return not any(problem.severity == "error" for problem in self.problems)
