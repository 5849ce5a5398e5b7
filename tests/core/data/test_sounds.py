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

from core.blocks.values import Waveform
from core.compiler.compile import analyse
from core.data.media import Wave
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
    assert (some["waveform"].samples_S.shape, some["waveform"].real) == ((HERTZ // 2,), HERTZ // 2)
    assert some["waveform"].hertz == none["waveform"].hertz == HERTZ
    assert some["waveform"].samples_S.abs().max() == pytest.approx(0.5, abs=0.01)
    assert (none["waveform"].samples_S.shape, none["waveform"].real) == ((0,), 0)
    assert torch.equal(source.sample(1)["waveform"].samples_S, some["waveform"].samples_S)


def test_the_first_named_column_that_a_row_has_is_taken(tmp_path: Path) -> None:
    source = opened(with_sounds(tmp_path), sound_column="speech, sound")
    assert source.sample(3)["waveform"].real == HERTZ // 4  # has both
    assert source.sample(1)["waveform"].real == HERTZ // 2
    assert [source.sample(n)["has_sound"] for n in range(5)] == [1, 1, 0, 1, 0]
    assert opened(tmp_path, sound_seconds=0.1).sample(1)["waveform"].real == HERTZ // 10
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
    return SoundLength(SoundLength.Config(**knobs))


def wave(samples_S: torch.Tensor, hertz: int = HERTZ) -> dict[str, Any]:
    return {"waveform": Wave.of(samples_S, hertz)}


def on_meta(batch: int, samples: int, hertz: int) -> dict[str, Any]:
    lengths = torch.empty(batch, dtype=torch.int64, device="meta")
    return {"waveform": Waveform(samples_BS=torch.empty(batch, samples, device="meta"), lengths_B=lengths, hertz=hertz)}


@pytest.mark.parametrize("hertz", [HERTZ, 44_100])
def test_lengths_are_one_and_what_was_there_is_known(hertz: int) -> None:
    draw = np.random.default_rng(0)
    block = length(seconds=1.0)
    short = block.apply(wave(torch.ones(hertz // 4), hertz), draw)["waveform"]
    assert short.samples_S.shape == (hertz,)
    assert short.samples_S.sum() == short.real == hertz // 4
    assert short.hertz == hertz
    again = length(seconds=0.5).apply({"waveform": short}, draw)["waveform"]  # what was padding is not real again
    assert (len(again.samples_S), again.real) == (hertz // 2, hertz // 4)
    assert block.apply(wave(torch.zeros(0), hertz), draw)["waveform"].real == 0
    assert block.meta(on_meta(3, 5, hertz), 3)["waveform"].samples_BS.shape == (3, hertz)


@pytest.mark.parametrize(("part", "first"), [("start", 0), ("middle", HERTZ // 2)])
def test_longer_sounds_are_cut_where_asked(part: str, first: int) -> None:
    made = length(seconds=1.0, part=part).apply(wave(torch.arange(2.0 * HERTZ)), np.random.default_rng(0))["waveform"]
    assert made.samples_S[0] == first
    assert made.real == len(made.samples_S) == HERTZ


def test_random_parts_follow_the_generator() -> None:
    block, sound = length(seconds=0.5, part="random"), wave(torch.arange(4.0 * HERTZ))
    made = [block.apply(sound, np.random.default_rng(seed))["waveform"] for seed in (1, 1, 2)]
    firsts = [one.samples_S[0].item() for one in made]
    assert firsts[0] == firsts[1] != firsts[2]


@pytest.mark.parametrize(("n_fft", "hop", "mels"), [(512, 160, 64), (400, 100, 40)])
def test_mels_equal_torchaudio(n_fft: int, hop: int, mels: int) -> None:
    if prepare_torchaudio() == "missing":
        pytest.skip("torchaudio is not installed")
    from torchaudio.transforms import MelSpectrogram

    sound = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) * 0.1
    theirs = MelSpectrogram(sample_rate=16_000, n_fft=n_fft, hop_length=hop, n_mels=mels)(sound).clamp_min(FLOOR).log()
    block = LogMel(LogMel.Config(n_fft=n_fft, hop=hop, mels=mels, normalise=False))
    ours = block.apply(wave(sound, 16_000), np.random.default_rng(0))["spectrogram"]
    torch.testing.assert_close(ours.x_FT, theirs, atol=1e-4, rtol=1e-4)
    meta = block.meta(on_meta(2, 16_000, 16_000), 2)["spectrogram"]
    assert meta.x_BFT.shape[1:] == ours.x_FT.shape
    for value in (ours, meta):
        assert (value.samples, value.hertz, value.hop, value.window) == (16_000, 16_000, hop, n_fft)


def test_a_tone_lies_in_its_band_and_silence_is_even() -> None:
    block = LogMel(LogMel.Config(mels=32))
    draw = np.random.default_rng(0)
    peaks = []
    for hertz in (300, 1000, 4000):
        sound = torch.sin(2 * torch.pi * hertz * torch.arange(16_000) / 16_000)
        peaks.append(int(block.apply(wave(sound, 16_000), draw)["spectrogram"].x_FT.mean(-1).argmax()))
    assert peaks[0] < peaks[1] < peaks[2]
    sound = torch.sin(2 * torch.pi * 2000 * torch.arange(32_000) / 32_000)
    at_twice_the_rate = int(block.apply(wave(sound, 32_000), draw)["spectrogram"].x_FT.mean(-1).argmax())
    as_if_half = int(block.apply(wave(sound, 16_000), draw)["spectrogram"].x_FT.mean(-1).argmax())
    assert as_if_half == peaks[1]  # the same numbers at half the rate are a tone of 1 kHz
    assert at_twice_the_rate != as_if_half
    silence = block.apply(wave(torch.zeros(16_000), 16_000), draw)["spectrogram"].x_FT
    assert silence.abs().max() < 0.01


def test_the_same_sound_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    block, sound = LogMel(LogMel.Config()), torch.randn(8000)
    calls = []
    made = block.spectrogram
    monkeypatch.setattr(block, "spectrogram", lambda *x: calls.append(1) or made(*x))
    first = block.apply(wave(sound), np.random.default_rng(0))["spectrogram"].x_FT
    first.zero_()  # what a step behind does to it stays its own
    assert block.apply(wave(sound.clone()), np.random.default_rng(0))["spectrogram"].x_FT.any()
    assert len(calls) == 1
    block.apply(wave(sound, 2 * HERTZ), np.random.default_rng(0))
    assert len(calls) == 2  # at another rate it is another sound
    assert pickle.loads(pickle.dumps(LogMel(LogMel.Config(mels=9)))).config.mels == 9


def test_a_sound_shorter_than_half_a_window_is_refused() -> None:
    with pytest.raises(Refused, match="shorter than half a window"):
        LogMel(LogMel.Config()).apply(wave(torch.zeros(10)), np.random.default_rng(0))
