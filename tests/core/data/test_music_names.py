"""Keys and chords by names made alike, and music moved to another key with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.data.catalog import sources, transforms
from core.data.media import Bands, Marks
from core.data.music_names import NAMES, NO_CHORD, harmony, moved
from core.problems import Refused
from core.telemetry.spans import Span

CHORDS = [
    {"start": 0.0, "end": 0.5, "chord": "Db:maj7/3"},
    {"start": 0.5, "end": 1.0, "chord": "G:sus4"},
    {"start": 1.0, "end": 1.5, "chord": "N"},
]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("C:maj", "C major"), ("Db:maj7/3", "C# major"), ("Cb:min", "B minor"), ("F#:min7/b7", "F# minor"), ("G:7", "G major"),
        ("A", "A major"), ("N", NO_CHORD), ("E:maj6(9)", "E major"), ("G:sus4", ""), ("B:dim", ""), ("G:aug", ""), ("X", ""), ("", ""),
        ("A:minmaj7", ""), ("H:maj", ""),
    ],
)  # fmt: skip
def test_a_chord_is_its_triad(told: str, name: str) -> None:
    assert harmony(told) == name


def test_twelve_semitones_are_none_and_what_has_no_pitch_stays() -> None:
    assert len(NAMES) == 25
    for code in range(24):
        once = moved(code, 5)
        assert once != code
        assert moved(once, 7) == code
        assert once // 12 == code // 12
    assert moved(24, 5) == 24
    assert moved(-1, 5) == -1


def test_chroma_and_classes_are_moved_by_the_same_semitones() -> None:
    """A triad drawn into chroma lies, after any move, where its new name says."""
    chroma = torch.zeros(12, 4)
    chroma[[0, 4, 7]] = 1.0  # C major
    bands = Bands(x_FT=chroma, real=480, samples=480, hertz=16_000, hop=160, window=512)
    marks = Marks(spans=(Span(start=0.0, end=0.02), Span(start=0.02, end=0.03)), classes=(0, 24))
    step = transforms["transforms.transpose"](transforms["transforms.transpose"].Config())
    met = set()
    for seed in range(60):
        values = {"spectrogram": bands, "classes": torch.tensor([9]), "segments": marks}
        made = step.apply(values, np.random.default_rng(seed))
        root, none = made["segments"].classes
        assert none == 24
        assert made["segments"].spans == marks.spans
        assert set(made["spectrogram"].x_FT[:, 0].nonzero()[:, 0].tolist()) == {(root + k) % 12 for k in (0, 4, 7)}
        assert made["classes"].tolist() == [(9 + root) % 12]
        met.add(root)
    assert met == set(range(12))


def test_bands_that_are_no_pitch_classes_are_refused() -> None:
    bands = Bands(x_FT=torch.zeros(13, 4), real=480, samples=480, hertz=16_000, hop=160, window=512)
    step = transforms["transforms.transpose"](transforms["transforms.transpose"].Config())
    with pytest.raises(Refused, match="twelve bands of chroma; there are 13"):
        step.apply({"spectrogram": bands}, np.random.default_rng(0))


def test_a_table_of_music_gives_the_same_codes_whatever_occurs_in_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(24_000, np.float32), 16_000)
    rows = [
        {"file": "one.wav", "key": "Db:maj", "chords": CHORDS, "split": "train"},
        {"file": "two.wav", "key": "A:min", "chords": [], "split": "test"},
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    kind = sources["sources.sounds"]
    source = kind(kind.Config(folder=str(tmp_path), class_column="key", names="keys and chords"))
    source.open()
    assert source.code_names("classes") == source.code_names("segments") == NAMES  # type: ignore[attr-defined]
    first, second = (source.part(index, ("classes", "segments")) for index in (0, 1))
    assert (NAMES[first["classes"][0]], NAMES[second["classes"][0]]) == ("C# major", "A minor")
    assert [NAMES[code] for code in first["segments"].classes] == ["C# major", NO_CHORD]
    assert [span.start for span in first["segments"].spans] == [0.0, 1.0]
    assert {split: list(some) for split, some in source.splits().items() if some} == {"train": [0], "test": [1]}
    told = kind(kind.Config(folder=str(tmp_path), class_column="key"))
    told.open()
    assert told.code_names("classes") == ("A:min", "Db:maj")  # type: ignore[attr-defined]
