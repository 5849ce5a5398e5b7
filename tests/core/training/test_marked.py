"""Events and words in time while a run trains: found and true, of the same held-out clips; looking changes nothing, resuming neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.graph import edits
from core.graph.document import Document
from core.telemetry.events import Segments
from tests.core.data.clips import tone
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.documents import Drawing

MARKED = {"marked": {"every": 2, "samples": 3}}


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low and high tones."""
    root = tmp_path_factory.mktemp("tones")
    rows = []
    for number in range(16):
        name, split = ("low", "high")[number % 2], "train" if number < 12 else "test"
        tone(root / f"{number}.wav", 0.25 + 0.01 * number, (300.0 if name == "low" else 1500.0) + 10 * number)
        rows.append({"file": f"{number}.wav", "label": name, "transcript": name, "split": split})
    (root / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return root


def document(folder: Path, *, steps: int = 4, **recipe: Any) -> Document:
    """Sequences of two tones, whose classes and whose words are found."""
    draw = Drawing("tones in time")
    draw.add(
        "sources.sound_sequences",
        folder=str(folder),
        hertz=8000,
        least=2,
        most=2,
        part_seconds=0.5,
        gap_seconds=0.1,
        turns=1,
    )
    draw.add("transforms.sound_length", seconds=1.0)
    draw.add("transforms.log_mel", n_fft=256, hop=80, mels=16)
    draw.add("transforms.tokenizer", method="characters", vocabulary=300, length=16)
    draw.add("encoders.audio_cnn", width=8, stages=1)
    draw.add("connectors.frequency_merge", width=16)
    draw.add("objectives.event_detection", classes=2)
    draw.add("objectives.ctc")
    for source, target in (
        ("sound_sequences.waveform", "sound_length.waveform"), ("sound_length.waveform", "log_mel.waveform"),
        ("log_mel.spectrogram", "audio_cnn.spectrogram"), ("audio_cnn.tokens", "frequency_merge.tokens"),
        ("frequency_merge.tokens", "event_detection.tokens"), ("sound_sequences.segments", "event_detection.segments"),
        ("sound_sequences.transcript", "tokenizer.sentence"), ("tokenizer.text", "ctc.text"), ("frequency_merge.tokens", "ctc.tokens"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(draw.document, steps=steps, batch_size=4, learning_rate=0.01, **recipe)


def test_looking_changes_nothing_and_says_what_is_found_under_what_is_true(tones: Path) -> None:
    bare, watched = trainer(document(tones)), trainer(document(tones, diagnostics=MARKED))
    assert (bare.train(), watched.train()) == ("finished", "finished")
    assert same(weights(bare), weights(watched))
    said: list[Segments] = watched.listener.of(Segments)  # type: ignore[attr-defined]
    steps = {series: [one.at.step for one in said if one.series == series] for series in {one.series for one in said}}
    assert steps["segments/event_detection/true"] == [1, 2, 4]
    assert set(steps) <= {f"segments/{node}{kind}" for node in ("event_detection", "ctc") for kind in ("", "/true")}
    (true,) = (one for one in said if (one.series, one.at.step) == ("segments/event_detection/true", 4))
    assert set(true.labels) == {"high", "low"}
    assert len(true.spans) == 6
    assert {over.split("/")[0] for over in true.over} == {"test"}
    (aligned,) = (one for one in said if (one.series, one.at.step) == ("segments/ctc/true", 4))
    letters = [
        "".join(label for label, over in zip(aligned.labels, aligned.over) if over == clip)
        for clip in dict.fromkeys(aligned.over)
    ]
    assert {word for letter in letters for word in letter.split()} == {"high", "low"}
    assert all(
        one.start <= other.start for one, other in zip(aligned.spans, aligned.spans[1:]) if one.start < other.start
    )


def test_a_resumed_run_is_the_run_that_never_stopped(tones: Path, tmp_path: Path) -> None:
    whole = trainer(document(tones))
    assert whole.train() == "finished"
    first = trainer(document(tones))
    while first.position.step < 2:
        first._step()
    again = resumed(document(tones), tmp_path, checkpoint(first, tmp_path))
    assert again.train() == "finished"
    assert same(weights(whole), weights(again))
