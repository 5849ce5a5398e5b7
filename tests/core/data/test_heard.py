"""What a look at sounds finds: silence, clipping, lengths, and what two splits share, also at another volume or in another format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.compiler.survey import survey
from core.data.heard import clipped, heard
from core.data.media import Wave
from tests.core.data.clips import HERTZ, jsonl, opened
from tests.documents import Drawing


def birds(seed: int, seconds: float = 1.0) -> np.ndarray:
    """A tone that wanders and swells, unlike any other seed's."""
    draw, time = np.random.default_rng(seed), np.arange(round(seconds * HERTZ)) / HERTZ
    hertz = 600 + 400 * np.sin(2 * np.pi * draw.uniform(0.5, 4) * time + draw.uniform(0, 6)) + 200 * draw.uniform(0, 4)
    loud = 0.1 + np.abs(np.sin(2 * np.pi * draw.uniform(0.5, 3) * time + draw.uniform(0, 6)))
    made: np.ndarray = 0.3 * loud * np.sin(2 * np.pi * np.cumsum(hertz) / HERTZ) + 0.001 * draw.standard_normal(
        len(time)
    )
    return made.astype(np.float32)


def test_silence_and_clipping() -> None:
    time = torch.arange(HERTZ) / HERTZ
    sine = torch.sin(2 * torch.pi * 200 * time)
    for wave, silent, cut in (
        (0.5 * sine, False, False), (torch.zeros(HERTZ), True, False), ((3 * sine).clamp(-1, 1), False, True), (0.9e-3 * sine, True, False),
    ):  # fmt: skip
        ear = heard(Wave.of(wave, HERTZ))
        assert (ear.is_silent, ear.is_clipped) == (silent, cut)
        assert ear.seconds == pytest.approx(1.0)
    peaks = np.zeros(HERTZ, np.float32)
    peaks[::1000] = 1.0
    assert not clipped(peaks)  # single samples at full scale are loud, not cut off


def test_what_two_splits_share_is_found_at_another_volume_and_in_another_format(tmp_path: Path) -> None:
    names = [f"{n}.wav" for n in range(20)] + ["again.flac", "quieter.wav", "packed.ogg"]
    rows = [{"file": name, "label": name[:1], "split": "train" if n < 20 else "test"} for n, name in enumerate(names)]
    jsonl(tmp_path, rows[:20])
    for number in range(20):
        soundfile.write(tmp_path / f"{number}.wav", birds(number), HERTZ)
    soundfile.write(tmp_path / "again.flac", soundfile.read(tmp_path / "3.wav", dtype="int16")[0], HERTZ)
    soundfile.write(tmp_path / "quieter.wav", 0.4 * birds(5), HERTZ)
    soundfile.write(tmp_path / "packed.ogg", birds(7), HERTZ)
    jsonl_rows = "\n".join(str(row).replace("'", '"') for row in rows)
    (tmp_path / "labels.jsonl").write_text(jsonl_rows)
    source = opened(tmp_path)
    report = source.report()
    assert report.exact_duplicates == ((3, 20),)
    assert set(report.near_duplicates) == {(5, 21), (7, 22)}
    assert report.sounds is not None
    assert report.sounds.counts == (23,) or sum(report.sounds.counts) == 23
    assert (report.sounds.silent, report.sounds.clipped) == ((), ())
    assert report.sounds.together == pytest.approx(23.0, abs=0.1)


def test_the_page_gets_sounds_and_their_lengths(tmp_path: Path) -> None:
    jsonl(tmp_path, [{"file": f"{n}.wav", "label": "x", "split": "train"} for n in range(3)])
    soundfile.write(tmp_path / "2.wav", np.zeros(2 * HERTZ, np.float32), HERTZ)
    draw = Drawing()
    draw.add("sources.sounds", folder=str(tmp_path), hertz=HERTZ)
    facts = survey(draw.document)
    assert facts.sounds is not None
    assert facts.sounds.silent == ("x",)
    assert (facts.sounds.shortest, facts.sounds.longest) == (0.5, 2.0)
    one = facts.specimens[0]
    assert one.sound is not None
    assert (one.hertz, one.seconds, len(one.sound)) == (HERTZ, 0.5, HERTZ // 2)
