"""Which questions a person can ask of a plan: with a sentence, a picture, both, a sound or a film, and what is ranked for them.

A question is embedded from what is given alone. What is not given must not matter: either nothing of the question's side
hangs on it, or it stands behind a modality dropout (arXiv:1501.00102), whose learned missing token then takes its place,
or it flows beside in a block that keeps its streams apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from core.blocks.catalog import blocks
from core.blocks.connectors.modality_dropout import ModalityDropout
from core.compiler.answers.subsets import droppers
from core.compiler.plan import Plan, Task, hangs_on
from core.graph.document import End
from core.problems import Problem

GIVEN = {
    "image": "picture",
    "sentence": "sentence",
    "waveform": "sound",
    "clip": "film",
}  # a source port's kind -> what a person brings
Kind = Literal["pictures", "sentences", "sounds", "films"]
ASKED_WITH = (
    frozenset({"sentence"}), frozenset({"picture"}), frozenset({"sentence", "picture"}), frozenset({"sound"}),
    frozenset({"film"}),
)  # fmt: skip

SAME = {
    "pictures": "picture",
    "sounds": "sound",
    "films": "film",
}  # what is found -> with what it would find others like it


@dataclass(frozen=True, kw_only=True)
class Question:
    """One way of asking."""

    given: frozenset[str]  # of ``sentence``, ``picture``, ``sound`` and ``film``
    objective: str
    asked: End  # the side that is embedded from what is given
    answers: End  # the side that a split is ranked by
    finds: Kind
    hidden: tuple[str, ...] = ()  # modality dropouts that put their missing token


def questions_of(plan: Plan, task: Task | None = None) -> dict[frozenset[str], Question]:
    """The best way of asking for each combination of what a person can bring; one that cannot be asked is absent.

    Of one task, where it is given, else of all.
    """
    found: dict[frozenset[str], tuple[tuple[int, int, int], Question]] = {}
    for number, objective in enumerate(plan.objectives if task is None else task.objectives):
        pair = plan.pair(objective)
        for asked, answers in (pair, pair[::-1]) if pair else ():
            for given in ASKED_WITH:
                question = _question(plan, objective, asked, answers, given)
                if question is None:
                    continue
                same = given == {SAME.get(question.finds)}
                worth = (len(brought(plan, answers)), int(same), number)  # one modality, and another than was given
                if given not in found or worth < found[given][0]:
                    found[given] = (worth, question)
    return {given: question for given, (_, question) in found.items()}


def _question(plan: Plan, objective: str, asked: End, answers: End, given: frozenset[str]) -> Question | None:
    if not asks_one_alone(plan, (asked, answers)):
        return None
    hidden = {node for node in droppers(plan, asked.node) if not brought(plan, plan.inputs[node]["embedding"]) <= given}
    if brought(plan, asked, hidden) != given:
        return None
    there = brought(plan, answers)
    alone: dict[str, Kind] = {"sound": "sounds", "film": "films"}
    finds: Kind = "pictures" if "picture" in there else alone.get("".join(there), "sentences")
    return Question(
        given=given, objective=objective, asked=asked, answers=answers, finds=finds, hidden=tuple(sorted(hidden))
    )


def asks_one_alone(plan: Plan, ends: Collection[End]) -> bool:
    """Whether one sample alone is what was trained there: nothing behind these ends compares the samples of a batch."""
    return not any(plan.specs[node].mixes and not _streams_apart(plan, node) for node in _behind(plan, ends))


def brought(plan: Plan, end: End, hidden: Collection[str] = ()) -> set[str]:
    """What a person would bring for an embedding; a source's port itself where nobody can.

    What stands behind ``hidden`` dropouts does not count.
    """
    found, waiting, seen = set(), [end], set()
    while waiting:
        now = waiting.pop()
        if now in seen or now.node in hidden:
            continue
        seen.add(now)
        if now.node in plan.sources:
            port = plan.specs[now.node].output(now.port)
            found.add(GIVEN.get(port.kind, now.port) if port is not None else now.port)
        waiting += _incoming(plan, now)
    return found


def _incoming(plan: Plan, end: End) -> list[End]:
    """What an end is made of: all that its node takes, or only its own stream, where a block keeps streams apart or says what an end hangs on."""
    given = plan.inputs.get(end.node, {})
    key = plan.document.nodes[end.node].block
    if plan.specs[end.node].alternatives or end.port in hangs_on(key):
        return plan.behind(end)
    if _streams_apart(plan, end.node) and end.port in given:
        return [given[end.port]]
    is_dropout = plan.document.nodes[end.node].block == ModalityDropout.key
    return [source for port, source in given.items() if not (is_dropout and port == "present")]


def _streams_apart(plan: Plan, node: str) -> bool:
    key = plan.document.nodes[node].block
    return key in blocks and blocks[key].streams_apart


def _behind(plan: Plan, ends: Collection[End]) -> set[str]:
    found: set[str] = set()
    waiting = list(ends)
    while waiting:
        now = waiting.pop()
        if now.node not in found:
            found.add(now.node)
            waiting += plan.inputs.get(now.node, {}).values()
    return found


def why_not(questions: Mapping[frozenset[str], Question], given: frozenset[str]) -> Problem:
    """Why a plan cannot be asked so, and how it can be."""
    if not questions:
        return Problem(
            what="This run cannot be asked: nothing in it compares a sentence or an image with others by itself.",
            hint="Its own held-out answers stand in the monitors Retrieval and Answers.",
        )
    if given == {"sentence", "picture"}:
        return Problem(
            what="This run takes a sentence or an image, not both at once.", hint="Remove the sentence or the image."
        )
    if given == {"sentence"}:
        return Problem(what="This run cannot be asked with a sentence alone.", hint="Give it an image.")
    if given == {"sound"}:
        return Problem(
            what="This run does not compare audio with anything else.", hint="Give it a sentence or an image."
        )
    if given == {"film"}:
        return Problem(
            what="This run does not compare videos with anything else.", hint="Give it a sentence or an image."
        )
    return Problem(what="This run cannot be asked with an image alone.", hint="Give it a sentence.")
