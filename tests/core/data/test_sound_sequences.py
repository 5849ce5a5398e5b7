"""Sequences of clips: true times, one split, both languages, the same for everyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data.sources.sound_sequences import SoundSequences, trimmed
from tests.core.data.clips import HERTZ, jsonl


def folder(root: Path, name: str, labels: tuple[str, ...]) -> Path:
    rows = [
        {"file": f"{split}{n}{label}.wav", "label": label, "transcript": f"{label}{n}", "split": split}
        for split, count in (("train", 3), ("test", 2))
        for label in labels
        for n in range(count)
    ]
    (root / name).mkdir()
    return jsonl(root / name, rows)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return folder(tmp_path, "words", ("a", "b")), folder(tmp_path, "digits", ("one",))


def source(first: Path, second: Path | None = None, **knobs: Any) -> SoundSequences:
    made = SoundSequences(
        SoundSequences.Config(folder=str(first), second=None if second is None else str(second), hertz=HERTZ, **knobs)
    )
    made.open()
    return made


def test_spans_hold_the_clips_and_between_them_is_silence(two: tuple[Path, Path]) -> None:
    made = source(two[0], gap_seconds=0.4)
    for index in (*made.splits()["test"], *made.splits()["train"][:6]):
        sample = made.sample(index)
        wave, marks = sample["waveform"], sample["segments"]
        assert 2 <= len(marks.spans) <= 3
        loud_S = torch.zeros(wave.real, dtype=torch.bool)
        for span in marks.spans:
            inside = span.samples(HERTZ)
            assert wave.own_S[inside.start : inside.stop].abs().max() > 0.4
            assert abs(float(wave.own_S[inside.start])) > 0.001
            loud_S[inside.start : inside.stop] = True
        assert wave.own_S[~loud_S].abs().max() == 0 if (~loud_S).any() else True
        assert all(one.end <= other.start for one, other in zip(marks.spans, marks.spans[1:]))
        assert [made.code_names("segments")[code] for code in marks.classes] == sample["sentence"].split(", then ")
        assert [word[0] for word in sample["transcript"].split()] == sample["sentence"].split(", then ")


def test_a_sequence_is_of_one_split_and_the_same_for_everyone(two: tuple[Path, Path]) -> None:
    made, again = source(*two), source(*two)
    home = {(folder, index): split for folder, index, split in made.home}
    for split, indices in made.splits().items():
        for index in indices:
            parts = made.parts(index)
            assert {home[one.folder, one.index] for one in parts} == {split}
            assert parts == again.parts(index)
    assert {split: len(indices) for split, indices in made.splits().items()} == {
        "train": 9 * 4,
        "validation": 0,
        "test": 6,
    }
    index = made.splits()["test"][0]
    torch.testing.assert_close(made.sample(index)["waveform"].samples_S, again.sample(index)["waveform"].samples_S)


def test_with_two_folders_both_are_heard_and_spans_tell_which(two: tuple[Path, Path]) -> None:
    made = source(*two, marks="folders")
    assert made.code_names("segments") == ("words", "digits")
    for index in range(len(made)):
        marks = made.part(index, ("segments",))["segments"]
        assert set(marks.classes) == {0, 1}
        assert list(marks.classes) == [one.folder for one in made.parts(index)]


def test_the_language_is_told_of_a_single_word_and_not_of_both_in_one(two: tuple[Path, Path]) -> None:
    made = source(*two, least=1, most=2)
    assert made.code_names("language") == ("words", "digits")
    told = {index: int(made.part(index, ("language",))["language"]) for index in range(len(made))}
    for index, code in told.items():
        folders = {one.folder for one in made.parts(index)}
        assert code == (folders.pop() if len(folders) == 1 else -1)
    assert set(told.values()) == {-1, 0, 1}


def test_speakers_of_the_other_folder_are_held_out_and_a_column_is_what_is_said(tmp_path: Path) -> None:
    names = {"a": "train", "b": "validation", "c": "test"}
    rows = [
        {"file": f"{n}{speaker}.wav", "label": "x", "text": "chars", "pinyin": f"p{n}", "speaker": speaker}
        for speaker in names
        for n in range(2)
    ]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        jsonl(tmp_path / name, rows)
    made = source(
        tmp_path / "first", tmp_path / "second", test="c", validation="b", second_test="c", second_validation="b",
        transcript_column="pinyin",
    )  # fmt: skip
    for split, indices in made.splits().items():
        for one in (part for index in indices for part in made.parts(index)):
            assert names[made.inner[one.folder].rows[one.index].told.speaker] == split
    words = made.part(made.splits()["test"][0], ("transcript",))["transcript"].split()
    assert {word for word in words if word.startswith("p")} <= {"p0", "p1"}
    assert "chars" in words


def test_every_clip_has_its_turns(two: tuple[Path, Path]) -> None:
    made = source(two[0], turns=5)
    counts = np.zeros(len(made.inner[0]))
    for index in made.splits()["train"]:
        for one in {(part.folder, part.index) for part in made.parts(index)}:
            counts[one[1]] += 1
    assert (counts[list(made.inner[0].splits()["train"])] >= 5).all()


def test_the_fingerprint_is_of_clips_and_settings(two: tuple[Path, Path]) -> None:
    first = source(*two).fingerprint()
    assert source(*two).fingerprint() == first
    assert len({first, source(two[0]).fingerprint(), source(*two, gap_seconds=0.5).fingerprint()}) == 3


def test_silence_at_the_ends_is_not_of_the_clip() -> None:
    clip = torch.tensor([0.0, 0.001, 0.5, 0.0, -1.0, 0.002])
    assert trimmed(clip).tolist() == [0.5, 0.0, -1.0]
    assert trimmed(torch.zeros(4)).tolist() == [0.0] * 4
    assert len(trimmed(torch.zeros(0))) == 0


def test_least_above_most_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 clips and at most 3"):
        SoundSequences(SoundSequences.Config(least=4))
