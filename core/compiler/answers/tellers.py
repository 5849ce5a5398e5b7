"""Which objectives of a plan can be asked by themselves what they say of one sample: its class, what is said in it, what happens when.

A teller needs nothing but what a person brings; what it was taught with (classes, segments, text) is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.objectives.classification import Classification
from core.blocks.objectives.ctc import CTC
from core.blocks.objectives.event_detection import EventDetection
from core.blocks.objectives.localisation import Localisation
from core.blocks.objectives.sync import Sync
from core.compiler.answers.questions import asks_one_alone, brought
from core.compiler.answers.writing import tokenizer_behind
from core.compiler.plan import Plan
from core.graph.document import End


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An objective that tells something: of which kind of answer, from which port, and which one it learned that by."""

    answers: str  # of core.compiler.answers.answerable.ANSWERS
    told: str
    learned: str


@dataclass(frozen=True, kw_only=True)
class Teller:
    """An objective in its place."""

    node: str
    answers: str
    told: End  # what it tells something of
    learned: End  # what it was taught with: where the names of what it says come from
    given: frozenset[str]  # what a person brings
    tokenizer: str = ""  # the step whose pieces it says


KINDS: Mapping[type[Objective], Kind] = {
    Classification: Kind(answers="classify", told="embedding", learned="classes"),
    CTC: Kind(answers="transcribe", told="tokens", learned="text"),
    EventDetection: Kind(answers="localise", told="tokens", learned="segments"),
    Localisation: Kind(answers="localise", told="tokens", learned="segments"),
}


def tellers(plan: Plan) -> tuple[Teller, ...]:
    """Every objective that can be asked by itself, in running order."""
    found = []
    for key in plan.objectives:
        block = blocks[plan.document.nodes[key].block]
        kind = next((kind for cls, kind in KINDS.items() if issubclass(block, cls)), None)
        if kind is None:
            continue
        told, learned = plan.inputs[key][kind.told], plan.inputs[key][kind.learned]
        given = frozenset(brought(plan, told))
        tokenizer = tokenizer_behind(plan, learned) if kind.answers == "transcribe" else ""
        readable = kind.answers != "transcribe" or bool(tokenizer)
        if given and given <= BRINGS and readable and asks_one_alone(plan, (told,)):
            found.append(
                Teller(
                    node=key, answers=kind.answers, told=told, learned=learned, given=given, tokenizer=tokenizer
                )
            )  # fmt: skip
    return tuple(found)


def synchronisers(plan: Plan) -> tuple[str, ...]:
    """Objectives that say by how much the sound of one video that a person brings is late."""
    found = []
    for key in plan.objectives:
        if issubclass(blocks[plan.document.nodes[key].block], Sync):
            ends = plan.inputs[key]
            sides = [(ends["video"], {"film"}), (ends["audio"], {"sound"})]
            if all(brought(plan, end) == given for end, given in sides) and asks_one_alone(
                plan, [end for end, _ in sides]
            ):
                found.append(key)
    return tuple(found)


BRINGS = frozenset({"picture", "sentence", "sound", "film"})


def teller_of(found: Sequence[Teller], answers: str, given: str) -> Teller | None:
    """The first that gives this kind of answer to what a person brings alone."""
    return next((one for one in found if one.answers == answers and one.given == {given}), None)
