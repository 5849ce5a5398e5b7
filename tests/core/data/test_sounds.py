"""Sounds of a table: found, cut, padded, turned into spectrograms that torchaudio would give."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from core.compiler.compile import analyse
from core.data.sources.caption_table import CaptionTable
from core.data.transforms.log_mel import FLOOR, LogMel
from core.data.transforms.sound_length import SoundLength
from core.problems import Refused
from core.torchaudio_import import prepare_torchaudio
from tests.documents import Drawing

HERTZ = 8000


def tone(file: Path, hertz: float, seconds: float) -> None:
    time = np.arange(round(seconds * HERTZ)) / HERTZ
    soundfile.write(file, (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), HERTZ)


def with_sounds(root: Path, **last: Any) -> Path:
    rows = []
    for number in range(24):
        Image.new("RGB", (8, 8), (number * 10, 0, 0)).save(root / f"{number}.png")
        rows.append(
            {"file": f"{number}.png", "caption": f"thing {number}", "split": "test" if number % 4 == 3 else "train"}
        )
        if number % 2:
            tone(root / f"{number}.wav", 200 + 100 * number, 0.5)
            rows[-1]["sound"] = f"{number}.wav"
        if number % 3 == 0:
            tone(root / f"said {number}.wav", 300, 0.25)
            rows[-1]["speech"] = f"said {number}.wav"
    rows[-1].update(last)
    (root / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return root


def opened(root: Path, **knobs: Any) -> CaptionTable:
    source = CaptionTable(CaptionTable.Config(folder=str(root), image_size=16, sound_hertz=HERTZ, **knobs))
    source.open()
    return source


def test_a_row_has_its_sound_or_says_that_it_has_none(tmp_path: Path) -> None:
    source = opened(with_sounds(tmp_path))
    some, none = source.sample(1), source.sample(2)
    assert (some["has_sound"], none["has_sound"]) == (1, 0)
    assert some["waveform"].shape == (HERTZ // 2,)
    assert some["waveform"].abs().max() == pytest.approx(0.5, abs=0.01)
    assert none["waveform"].shape == (0,)
    assert torch.equal(source.sample(1)["waveform"], some["waveform"])


def test_the_first_named_column_that_a_row_has_is_taken(tmp_path: Path) -> None:
    source = opened(with_sounds(tmp_path), sound_column="speech, sound")
    assert source.sample(3)["waveform"].shape == (HERTZ // 4,)  # has both
    assert source.sample(1)["waveform"].shape == (HERTZ // 2,)
    assert [source.sample(n)["has_sound"] for n in range(5)] == [1, 1, 0, 1, 0]
    assert opened(tmp_path, sound_seconds=0.1).sample(1)["waveform"].shape == (HERTZ // 10,)
    with pytest.raises(Refused, match="no column 'song'"):
        opened(tmp_path, sound_column="song")


def test_a_sound_that_is_not_there_is_told_and_the_row_stays(tmp_path: Path) -> None:
    source = opened(with_sounds(tmp_path, sound="gone.wav"))
    assert len(source) == 24
    assert source.sample(23)["has_sound"] == 0
    assert "gone.wav" in source.problems()[0].what


def test_the_fingerprint_knows_the_sounds(tmp_path: Path) -> None:
    before = opened(with_sounds(tmp_path)).fingerprint()
    tone(tmp_path / "1.wav", 500, 0.6)
    assert opened(tmp_path).fingerprint() != before


def test_without_a_folder_the_drawing_says_what_is_wanted() -> None:
    draw = Drawing()
    node = draw.add("sources.caption_table")
    problem = next(problem for problem in analyse(draw.document).problems if problem.node == node)
    assert "No folder" in problem.what
    assert "captions.jsonl" in problem.hint


def length(**knobs: Any) -> SoundLength:
    return SoundLength(SoundLength.Config(hertz=HERTZ, **knobs))


def test_lengths_are_one_and_the_share_is_what_was_there() -> None:
    draw = np.random.default_rng(0)
    block = length(seconds=1.0)
    short = block.apply({"waveform": torch.ones(HERTZ // 4)}, draw)
    assert short["waveform"].shape == (HERTZ,)
    assert short["waveform"].sum() == HERTZ // 4
    assert short["share"] == 0.25
    assert block.apply({"waveform": torch.zeros(0)}, draw)["share"] == 0
    assert block.meta({}, 3)["waveform"].shape == (3, HERTZ)


@pytest.mark.parametrize(("part", "first"), [("start", 0), ("middle", HERTZ // 2)])
def test_longer_sounds_are_cut_where_asked(part: str, first: int) -> None:
    made = length(seconds=1.0, part=part).apply({"waveform": torch.arange(2.0 * HERTZ)}, np.random.default_rng(0))
    assert made["waveform"][0] == first
    assert made["share"] == 1


def test_random_parts_follow_the_generator() -> None:
    block, sound = length(seconds=0.5, part="random"), torch.arange(4.0 * HERTZ)
    firsts = [block.apply({"waveform": sound}, np.random.default_rng(seed))["waveform"][0].item() for seed in (1, 1, 2)]
    assert firsts[0] == firsts[1] != firsts[2]


@pytest.mark.parametrize(("n_fft", "hop", "mels"), [(512, 160, 64), (400, 100, 40)])
def test_mels_equal_torchaudio(n_fft: int, hop: int, mels: int) -> None:
    if prepare_torchaudio() == "missing":
        pytest.skip("torchaudio is not installed")
    from torchaudio.transforms import MelSpectrogram

    sound = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) * 0.1
    theirs = MelSpectrogram(sample_rate=16_000, n_fft=n_fft, hop_length=hop, n_mels=mels)(sound).clamp_min(FLOOR).log()
    block = LogMel(LogMel.Config(n_fft=n_fft, hop=hop, mels=mels, normalise=False))
    ours = block.apply({"waveform": sound}, np.random.default_rng(0))["spectrogram"]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    meta = block.meta({"waveform": torch.empty(2, 16_000, device="meta")}, 2)["spectrogram"]
    assert meta.shape[1:] == ours.shape


def test_a_tone_lies_in_its_band_and_silence_is_even() -> None:
    block = LogMel(LogMel.Config(mels=32))
    draw = np.random.default_rng(0)
    peaks = []
    for hertz in (300, 1000, 4000):
        sound = torch.sin(2 * torch.pi * hertz * torch.arange(16_000) / 16_000)
        peaks.append(int(block.apply({"waveform": sound}, draw)["spectrogram"].mean(-1).argmax()))
    assert peaks[0] < peaks[1] < peaks[2]
    silence = block.apply({"waveform": torch.zeros(16_000)}, draw)["spectrogram"]
    assert silence.abs().max() < 0.01


def test_the_same_sound_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    block, sound = LogMel(LogMel.Config()), torch.randn(8000)
    calls = []
    made = block.spectrogram
    monkeypatch.setattr(block, "spectrogram", lambda x: calls.append(1) or made(x))
    first = block.apply({"waveform": sound}, np.random.default_rng(0))["spectrogram"]
    first.zero_()  # what a step behind does to it stays its own
    assert block.apply({"waveform": sound.clone()}, np.random.default_rng(0))["spectrogram"].any()
    assert len(calls) == 1
    assert pickle.loads(pickle.dumps(LogMel(LogMel.Config(mels=9)))).config.mels == 9


def test_a_sound_shorter_than_half_a_window_is_refused() -> None:
    with pytest.raises(Refused, match="shorter than half a window"):
        LogMel(LogMel.Config()).apply({"waveform": torch.zeros(10)}, np.random.default_rng(0))
