"""What a player is given: the very frames of the film in their own proportions, and its sound from a time on."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.data.films.footage import FilmFile
from core.graph.reel import ReelFrames, ReelSound
from core.problems import Refused
from core.telemetry.spans import Span
from studio.asking.playing_films import frames_of, sound_of
from tests.core.data.films import film, numbers, sound


def test_every_frame_is_the_one_of_that_number_and_keeps_its_proportions(tmp_path: Path) -> None:
    marks = [0, 40, 80, 200, 240, 280, 320, 500]  # milliseconds: not at one rate
    film(tmp_path / "uneven.mp4", marks, Fraction(1, 1000))
    reel = FilmFile(file=tmp_path / "uneven.mp4", name="uneven").reel()
    assert reel.starts_T == pytest.approx([mark / 1000 for mark in marks], abs=1e-3)
    made = frames_of(ReelFrames(reel=reel, first=2, count=5))
    assert {one.shape for one in made} == {(192, 320, 3)}, "smaller than what is allowed, so as it is"
    assert numbers(torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)) == [2, 3, 4, 5, 6]
    smaller = FilmFile(file=tmp_path / "uneven.mp4", name="uneven").whole_frames(reel.starts_T[:2], 160)
    assert smaller.shape == (2, 3, 96, 160)


def test_a_part_of_a_film_is_played_from_its_own_beginning(tmp_path: Path) -> None:
    film(tmp_path / "whole.mp4", range(50))
    part = FilmFile(file=tmp_path / "whole.mp4", name="part", part=Span(start=0.4, end=1.2)).reel()
    assert (part.begin, part.frames) == (0.0, 20)
    made = frames_of(ReelFrames(reel=part, first=0, count=3))
    assert numbers(torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)) == [10, 11, 12]


def test_a_file_that_has_gone_is_said(tmp_path: Path) -> None:
    film(tmp_path / "whole.mp4", range(10))
    reel = FilmFile(file=tmp_path / "whole.mp4", name="whole").reel()
    (tmp_path / "whole.mp4").unlink()
    with pytest.raises(Refused, match="is not there"):
        frames_of(ReelFrames(reel=reel, first=0, count=3))


def test_sound_begins_where_it_is_wished_for(tmp_path: Path) -> None:
    film(tmp_path / "silent.mp4", range(10))
    silent = FilmFile(file=tmp_path / "silent.mp4", name="silent").reel()
    assert sound_of(ReelSound(reel=silent, start=0.0)) == b""
    kept = replace(silent, samples_S=np.arange(8000, dtype=np.float32) / 8000, hertz=8000)
    samples, hertz = soundfile.read(io.BytesIO(sound_of(ReelSound(reel=kept, start=0.25))))
    assert (hertz, len(samples)) == (8000, 6000)
    assert samples[0] == pytest.approx(0.25, abs=1e-4)


def test_the_sound_of_a_film_lies_where_its_frames_do(tmp_path: Path) -> None:
    samples = np.zeros((1, 32_000), np.float32)
    samples[0, 16_000:16_040] = 0.9
    sound(tmp_path / "click.mp4", samples, 16_000, "aac", frames=50)
    reel = FilmFile(file=tmp_path / "click.mp4", name="click").reel()
    heard, hertz = soundfile.read(io.BytesIO(sound_of(ReelSound(reel=reel, start=0.75))))
    assert (np.abs(heard) > 0.3).argmax() / hertz == pytest.approx(0.25, abs=0.01), "a second into the film"
