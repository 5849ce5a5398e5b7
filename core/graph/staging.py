"""Training in stages: the three of a language model that sees, one stage as a run of its own, and what a stage trains.

A picture tower and a language model are joined by a connector: first that alone learns, then the model with it, then all, each group
at a rate of its own (LLaVA, arXiv:2304.08485; rates of the chapter).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.graph.document import Document
from core.graph.edits import set_recipe
from core.graph.recipe import Rule, Stage
from core.graph.subgraphs.flat import flattened
from core.graph.vocabulary import Vocabulary

ENCODER_RATE, CONNECTOR_RATE, DECODER_RATE = 1e-5, 1e-4, 2e-5
NAMES = "connector alone", "connector and decoder", "everything"
TOWERS, WRITERS = "encoders", "generators"  # folders of blocks; what else learns joins them


def three_stages(document: Document, vocabulary: Vocabulary, names: Sequence[str] = NAMES) -> tuple[Stage, ...]:
    """Connector, connector and decoder, all; none where the drawing has no encoder or no decoder."""
    document = flattened(document).document
    owners = [key for key in document.nodes if document.owner(key) == key]
    towers, writers = (
        [key for key in owners if document.nodes[key].block.startswith(f"{folder}.")] for folder in (TOWERS, WRITERS)
    )
    if not towers or not writers:
        return ()
    between = [
        key for key in owners
        if key not in (*towers, *writers) and vocabulary.spec(document.nodes[key].block).role == "block"
    ]  # fmt: skip
    rates = {key: Rule(learning_rate=CONNECTOR_RATE) for key in between}
    writing = {key: Rule(learning_rate=DECODER_RATE) for key in writers}
    still = Rule(frozen=True)
    return (
        Stage(name=names[0], rules=dict.fromkeys((*towers, *writers), still)),
        Stage(name=names[1], rules={**dict.fromkeys(towers, still), **rates, **writing}),
        Stage(name=names[2], rules={**{key: Rule(learning_rate=ENCODER_RATE) for key in towers}, **rates, **writing}),
    )  # fmt: skip


def alone(document: Document, number: int) -> Document:
    """A document that trains one of its stages and nothing else. Raises IndexError where there is no such stage."""
    starts, stage = document.recipe.stage_starts(), document.recipe.stages[number]
    return set_recipe(
        document, stages=(replace(stage, share=1.0),), steps=max(starts[number + 1] - starts[number], 1)
    )  # fmt: skip


def is_stage_of(one: Document, document: Document, number: int) -> bool:
    """Whether a run's document trained that stage of this drawing, whatever its steps and its seed."""
    stages = one.recipe.stages
    if one.id != document.id or len(stages) != 1:
        return False
    return replace(stages[0], share=1.0) == replace(document.recipe.stages[number], share=1.0)


def begins_a_stage(before: Document, now: Document) -> bool:
    """Whether one run trains a stage alone and the run it begins from trained another alone: a stage counts its own steps."""
    stages, past = now.recipe.stages, before.recipe.stages
    return len(stages) == len(past) == 1 and stages != past


def rates_of(document: Document, number: int, learning: Iterable[str]) -> dict[str, float]:
    """The rates of those of these nodes that a stage trains."""
    rules = {key: document.rule(key, number) for key in learning}
    return {key: rule.learning_rate or 0.0 for key, rule in rules.items() if not rule.frozen}
