"""Which blocks of a plan write text, what they write about, and how their numbers become words.

Axes: B batch, L word pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.blocks.catalog import blocks
from core.blocks.generators.causal import CausalDecoder
from core.blocks.generators.writing import Beginning
from core.blocks.values import Tokens
from core.compiler.module import Experiment
from core.compiler.plan import Plan
from core.data.base import Transform
from core.data.pipeline import SampleGraph, generator
from core.graph.document import End


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A decoder in its place."""

    node: str
    text: End  # what it reads in training
    about: End | None  # the tokens before the words, or the codes
    modality: str  # of what it writes about; empty: of nothing
    tokenizer: str  # the node that cuts sentences for it


def writers(plan: Plan) -> tuple[Writer, ...]:
    """Every decoder whose words can be read back."""
    found = []
    for key in plan.batch_nodes:
        if not issubclass(blocks[plan.document.nodes[key].block], CausalDecoder):
            continue
        ends = plan.inputs[key]
        if "codes" in ends:
            continue  # here it draws what the words say
        about = ends.get("tokens") or ends.get("before")
        tokenizer = tokenizer_behind(plan, ends["text"])
        if tokenizer:
            modality = "" if about is None else plan.modality_of(about)
            found.append(Writer(node=key, text=ends["text"], about=about, modality=modality, tokenizer=tokenizer))
    return tuple(found)


def tokenizer_behind(plan: Plan, end: End) -> str:
    """The nearest step behind an end that makes text of sentences; empty where there is none."""
    waiting = [end]
    while waiting:
        now = waiting.pop(0)
        spec = plan.specs[now.node]
        if spec.role == "transform" and {port.kind for port in spec.takes} == {"sentence"}:
            return now.node
        waiting += plan.inputs.get(now.node, {}).values()
    return ""


def told_by(plan: Plan, tokenizer: str) -> End:
    """The end of a source where the sentences come from that a step cuts."""
    end = next(iter(plan.inputs[tokenizer].values()))
    while end.node not in plan.sources:
        end = next(iter(plan.inputs[end.node].values()))
    return end


def decoder_of(writer: Writer, experiment: Experiment) -> CausalDecoder:
    """The decoder itself."""
    decoder = experiment.node(writer.node)
    assert isinstance(decoder, CausalDecoder)
    return decoder


def tokenizer_of(node: str, graph: SampleGraph) -> Transform:
    """The step itself, fitted."""
    part = next(part for key, part, _ in graph.parts if key == node)
    assert isinstance(part, Transform)
    return part


def brackets(tokenizer: Transform) -> tuple[int, int]:
    """The pieces that begin and end a sentence; -1 for an end that is never written."""
    empty = tokenizer.apply({"sentence": ""}, generator(0, 0, 0, ""))["text"]
    ids = empty.ids[: empty.real].tolist()
    return (ids[0], ids[-1]) if len(ids) > 1 else (ids[0] if ids else 0, -1)


def beginning(tokens: Tokens | None, rows: int, start: int, device: torch.device) -> Beginning:
    """So many sentences of which only the first piece is there."""
    ids_B1 = torch.full((rows, 1), start, device=device)
    return Beginning(ids_BL=ids_B1, real_BL=torch.ones_like(ids_B1, dtype=torch.bool), tokens=tokens)
