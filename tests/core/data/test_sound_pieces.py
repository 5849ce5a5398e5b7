"""A sound read some at a time is the sound read whole, at its own rate and at another, and as a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.data.live import arrivals
from core.data.readers import audio
from core.data.readers.audio import read_sound, sound_pieces
from core.problems import Refused


def written(folder: Path, name: str, seconds: float, rate: int) -> Path:
    noise_SC = np.random.default_rng(0).normal(0, 0.1, (round(seconds * rate), 2)).astype(np.float32)
    soundfile.write(folder / name, noise_SC, rate)
    return folder / name


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
@pytest.mark.parametrize("hertz", [22_050, 16_000, 48_000])
def test_pieces_are_the_whole(tmp_path: Path, name: str, hertz: int) -> None:
    file = written(tmp_path, name, 3.37, 22_050)
    pieces = list(sound_pieces(file, hertz=hertz, seconds=0.5))
    whole_S = read_sound(file, hertz=hertz).samples_S
    assert len(pieces) >= 6
    assert max(len(piece) for piece in pieces) < 0.8 * hertz
    torch.testing.assert_close(torch.cat(pieces), whole_S, rtol=0, atol=2e-4 if name == "a.mp3" else 1e-5)


def test_a_file_that_ends_with_a_piece_has_no_more(tmp_path: Path) -> None:
    file = written(tmp_path, "a.wav", 2.0, 16_000)
    assert [len(piece) for piece in sound_pieces(file, hertz=16_000, seconds=1.0) if len(piece)] == [16_000, 16_000]


def test_a_stream_gives_a_tenth_of_a_second_each_and_reads_a_piece_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "a.wav", 25.05, 8_000)
    asked, by_soundfile = list[float](), audio._by_soundfile
    monkeypatch.setattr(
        audio, "_by_soundfile", lambda file, start, *rest: asked.append(start) or by_soundfile(file, start, *rest)
    )
    coming = arrivals(file, hertz=8_000)
    first = next(coming)
    assert asked == [0.0]
    rest = list(coming)
    assert asked == [0.0, 10.0, 20.0]
    parts = [one.sound_S for one in (first, *rest) if one.sound_S is not None]
    assert [len(part) for part in parts[:-1]] == [800] * 250
    assert rest[-1].due == pytest.approx(25.05)
    torch.testing.assert_close(torch.cat(parts), read_sound(file, hertz=8_000).samples_S)


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    (tmp_path / "empty.wav").touch()
    for name in ("broken.wav", "empty.wav", "missing.wav"):
        with pytest.raises(Refused, match=name):
            list(sound_pieces(tmp_path / name))
