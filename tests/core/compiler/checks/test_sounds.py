"""Neighbouring sound blocks that contradict each other are found when the drawing is checked, and one click mends each."""

from __future__ import annotations

from typing import Any

import pytest

from core.compiler.compile import analyse
from core.graph import edits
from core.graph.document import Document
from core.problems import Problem
from tests.documents import Drawing

SAYS = ("Hz", "seconds", "frequency", "lengths", "samples")


def drawn(*, length: dict[str, Any] | None = None, mel: dict[str, Any] | None = None, **source: Any) -> Document:
    draw = Drawing("sounds")
    draw.add("sources.caption_table", folder="/nowhere", **source)
    before = "caption_table.waveform"
    if length is not None:
        draw.add("transforms.sound_length", **length)
        draw.wire(before, "sound_length.waveform")
        before = "sound_length.waveform"
    draw.add("transforms.log_mel", **(mel or {}))
    draw.wire(before, "log_mel.waveform")
    return draw.document


def contradictions(document: Document) -> list[Problem]:
    return [
        p
        for p in analyse(document).problems
        if p.node in ("sound_length", "log_mel") and any(w in p.what for w in SAYS)
    ]


def mended(document: Document, problem: Problem) -> Document:
    assert problem.fix is not None
    return getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)  # type: ignore[no-any-return]


def test_the_defaults_agree() -> None:
    assert contradictions(drawn(length={})) == []


@pytest.mark.parametrize("hertz", [8_000, 44_100])
def test_one_rate_goes_from_the_source_through_every_block(hertz: int) -> None:
    document = drawn(length={"seconds": 1.5}, sound_hertz=hertz)
    assert contradictions(document) == []
    outputs = analyse(document).nodes
    assert outputs["sound_length"].outputs["waveform"].concrete == f"B {round(1.5 * hertz)}"
    assert outputs["log_mel"].outputs["spectrogram"].concrete == f"B 64 {round(1.5 * hertz) // 160 + 1}"


def test_more_seconds_than_are_read_is_a_problem() -> None:
    document = drawn(length={"seconds": 5.0}, sound_seconds=2.0)
    (problem,) = contradictions(document)
    assert problem.what == "It makes clips of 5 seconds, of which 2 at most are read; the rest is silence."
    assert problem.severity == "error"
    document = mended(document, problem)
    assert document.nodes["caption_table"].knobs["sound_seconds"] == 5.0
    assert contradictions(document) == []


def test_a_second_length_may_not_stretch_the_first() -> None:
    draw = Drawing()
    draw.add("sources.caption_table", folder="/nowhere", sound_seconds=10.0)
    draw.add("transforms.sound_length", seconds=1.0)
    draw.add("transforms.sound_length", seconds=3.0)
    draw.wire("caption_table.waveform", "sound_length.waveform")
    draw.wire("sound_length.waveform", "sound_length_2.waveform")
    (problem,) = [p for p in analyse(draw.document).problems if p.node == "sound_length_2"]
    assert "of which 1 at most are read" in problem.what
    assert problem.fix is not None
    assert problem.fix.arguments == {"node": "sound_length", "name": "seconds", "value": 3.0}
    fixed = mended(draw.document, problem)
    assert not [p for p in analyse(fixed).problems if "are read" in p.what]
    moved = edits.set_knob(draw.document, "sound_length", "part", "random")  # reading more would cut another part
    (again,) = [p for p in analyse(moved).problems if p.node == "sound_length_2"]
    assert again.fix is not None
    assert again.fix.arguments == {"node": "sound_length_2", "name": "seconds", "value": 1.0}


@pytest.mark.parametrize("part", ["middle", "random"])
def test_the_middle_of_what_is_already_cut_is_a_problem(part: str) -> None:
    document = drawn(length={"seconds": 2.0, "part": part}, sound_seconds=2.0)
    (problem,) = contradictions(document)
    assert problem.severity == "error"
    assert "only the first 2 seconds are read is always their start" in problem.what
    document = mended(document, problem)
    assert document.nodes["caption_table"].knobs["sound_seconds"] == 600.0
    assert contradictions(document) == []
    (told,) = contradictions(drawn(length={"seconds": 2.0, "part": part}, sound_seconds=10.0))
    assert told.severity == "warning"
    assert told.what == f"Only the first 10 seconds of a sound are read, and the {part} part is taken from those."


@pytest.mark.parametrize(
    ("mel", "what", "knob", "value"),
    [
        ({"low_hertz": 9_000.0}, "The lowest frequency, 9000 Hz, does not lie below the highest, 8000 Hz.", "low_hertz", 0.0),
        ({"low_hertz": 900.0, "high_hertz": 800.0}, "The lowest frequency, 900 Hz, does not lie below the highest, 800 Hz.", "low_hertz", 0.0),
        ({"high_hertz": 9_000.0}, "Sounds at 16,000 Hz hold nothing above 8000 Hz; the bands go up to 9000 Hz.", "high_hertz", None),
    ],
)  # fmt: skip
def test_bands_lie_below_half_the_rate(mel: dict[str, Any], what: str, knob: str, value: float | None) -> None:
    document = drawn(length={}, mel=mel)
    (problem,) = contradictions(document)
    assert (problem.what, problem.severity) == (what, "error")
    document = mended(document, problem)
    assert document.nodes["log_mel"].knobs.get(knob) == value
    assert contradictions(document) == []


def test_lengths_that_cannot_be_a_batch_and_windows_that_do_not_fit_are_told() -> None:
    (uneven,) = contradictions(drawn())
    assert (uneven.severity, uneven.hint) == ("warning", "Put Audio length before it.")
    (short,) = contradictions(drawn(length={"seconds": 0.05}, mel={"n_fft": 4096}))
    assert short.what == "Clips of 800 samples are shorter than half a window of 4,096."
