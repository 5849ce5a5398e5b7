"""Each rule speaks where it should, is silent once it is followed, and what it makes of a drawing can be trained."""

from __future__ import annotations

import inspect
import re
from functools import cache

import pytest

from core.advice.advise import advise
from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import Proposal
from core.compiler.compile import analyse
from core.compiler.reading import readings
from core.graph.document import Document
from core.graph.file import dumps, loads
from studio.open.documents import Example, examples
from tests.core.advice.cases import CASES, Made, heard, read, seen, waves, words
from widgets.look import language


def named(made: Made) -> str:
    return f"{made.rule}-{made.example}"


def errors(document: Document) -> set[tuple[str, str]]:
    """What stands against a run, but for packages that are not installed here."""
    found = [problem for problem in analyse(document, words()).problems if problem.severity == "error"]
    return {(problem.node, problem.what) for problem in found if not problem.what.endswith("not installed.")}


def proposal(made: Made) -> Proposal:
    return _proposal(CASES.index(made))


@cache
def _proposal(number: int) -> Proposal:
    made = CASES[number]
    found = [one for one in advise(made.case()) if one.kind == made.rule]
    assert len(found) == 1, [one.key for one in advise(made.case())]
    return found[0]


@pytest.mark.parametrize("made", CASES, ids=named)
def test_a_rule_speaks_and_is_silent_once_it_is_followed(made: Made) -> None:
    found, before = proposal(made), made.document()
    assert found.node in before.nodes
    assert found.what.endswith(".")
    assert found.reason.endswith(".")
    assert found.sure == "measured here" or found.evidence.papers or found.sure == "rule of thumb"
    assert found.document != before
    assert errors(found.document) <= errors(before)
    assert loads(dumps(found.document)) == found.document
    assert found.kind not in {one.kind for one in advise(made.case(found.document))}


def test_every_rule_has_a_case() -> None:
    """Rules are told by the proposals that the trees' files write."""
    written = {
        f"{key}.{rule}" for key, tree in trees.items()
        for rule in re.findall(r'(?:rule="(\w+)"|node, "(\w+)")', _source(tree))
        for rule in rule if rule
    }  # fmt: skip
    assert written == {made.rule for made in CASES}


def _source(tree: type) -> str:
    return inspect.getsource(inspect.getmodule(tree))  # type: ignore[arg-type]


def test_reasons_say_what_was_read() -> None:
    said = {
        made.rule: proposal(made).reason
        for made in CASES
        if made.rule in ("frames.events", "balance.rare", "negatives.queue")
    }
    assert "1 s" in said["frames.events"]
    assert "0.75 s apart" in said["frames.events"]
    assert "500" in said["balance.rare"]
    assert "12" in said["balance.rare"]
    assert "batch of 16" in said["negatives.queue"]


def test_figures_are_those_of_the_gallery() -> None:
    """What is cited from an example stands in its note, number by number."""
    notes = {example.key: example.document.note for example in examples()}
    for made in CASES:
        evidence = proposal(made).evidence
        assert not evidence.example or evidence.example in notes
        for number in re.findall(r"\d+(?:\.\d+)?(?= %|\b)", evidence.figure):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d]|\.\d)", notes[evidence.example]), (
                made.rule,
                number,
            )


def test_tones_of_english_speech_keep_the_tower_that_is_there() -> None:
    case = Made(rule="", example="english", reading=heard(400, transcripts=1.0, english=1.0)).case()
    assert not [one for one in advise(case) if one.tree == "audio_encoder"]


@pytest.mark.parametrize(
    ("example", "reading"),
    [("mini_clip", read()), ("hard_curriculum", read()), ("negatives_queue", read()), ("video_localisation", seen(6, event=1)),
     ("video_actions", seen(2)), ("sound_events", heard(240, labels=1.0)), ("frozen_pair", read(800))],
)  # fmt: skip
def test_a_drawing_that_follows_them_hears_nothing(example: str, reading: object) -> None:
    assert advise(Made(rule="", example=example, reading=reading).case()) == ()  # type: ignore[arg-type]


def test_nothing_is_proposed_about_a_block_with_a_problem() -> None:
    document = waves("encoders.ai_sfx")  # at 16 kHz, which it refuses
    case = Made(rule="", example="waves", reading=heard(400, speakers=1.0)).case(document)
    assert {problem.node for problem in case.analysis.problems if problem.severity == "error"} >= {"ai_sfx"}
    assert not [one for one in advise(case) if one.node == "ai_sfx"]
    assert advise(Case(document=Document(), words=words())) == ()


@cache
def proposed(key: str) -> tuple[Example, tuple[Proposal, ...]]:
    example = next(one for one in examples() if one.key == key)
    document = example.document
    case = Case(document=document, words=words(), analysis=analyse(document, words()), readings=readings(document))
    return example, advise(case)


def follows(key: str) -> None:
    example, found = proposed(key)
    for one in found:
        assert errors(one.document) <= errors(example.document), one.key
        assert one.document.id == example.document.id


@pytest.mark.parametrize("key", ["problem_and_fix", "coca", "early_late_cost_sweep"])
def test_what_is_proposed_for_an_example_passes_the_check(key: str) -> None:
    follows(key)


@pytest.mark.long
@pytest.mark.parametrize("key", [example.key for example in examples()])
def test_what_is_proposed_for_any_example_passes_the_check(key: str) -> None:
    follows(key)


def test_proposals_are_said_in_chinese_whole() -> None:
    """No sentence of a proposal keeps English words but names of blocks and methods."""
    language.use_language("zh_CN")
    try:
        for made in CASES:
            found = proposal(made)
            for sentence in (found.what, found.reason, found.evidence.figure, found.sure):
                assert not re.search(r"[a-z]+ [a-z]+", language.said(sentence)), language.said(sentence)
    finally:
        language.use_language("en")
