"""Which encoder is suggested for which recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.advice.hearing import FEW, hearing_for
from core.data.clips import Mark, Told
from core.data.counting import tells_of
from core.telemetry.spans import Span
from tests.core.data.clips import jsonl, opened

MARK = Mark(span=Span(start=0.0, end=1.0), label="car")


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (Told(transcript="ja"), "Whisper"), (Told(labels=("anger",), transcript="ja", speaker="03"), "WavLM"),
        (Told(labels=("dog",), caption="a dog barking"), "CLAP"), (Told(labels=("D:maj",)), "Chroma"), (Told(labels=("C#4",)), "Chroma"),
        (Told(marks=(MARK,)), "every frame"), (Told(labels=("Dog bark",)), "frozen AST"),
    ],
)  # fmt: skip
def test_what_there_is_to_learn_decides(told: Told, word: str) -> None:
    row = hearing_for(tells_of([told] * 9 + [Told(labels=("x",))]))
    assert row is not None
    assert word in row.sentence


def test_how_much_there_is_decides_what_is_learned_from_scratch() -> None:
    row = hearing_for(tells_of([Told(labels=("Dog bark",))] * FEW))
    assert row is not None
    assert "Spectrogram transformer" in row.sentence
    assert hearing_for(tells_of([])) is None


def test_the_page_says_it(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path, [{"file": f"{n}.wav", "digit": n, "speaker": f"s{n}"} for n in range(4)]))
    assert "WavLM" in source.facts()["suggested encoder"]
