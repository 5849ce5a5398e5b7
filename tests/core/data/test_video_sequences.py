"""Films joined from clips: true times, every frame the right one of the right clip, one split, one performer, the same for everyone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data.films.joined import Moved, backgrounds, swayed
from core.data.films.stage import Scene, cloth
from core.data.sources.video_sequences import VideoSequences
from tests.core.data.films import film, numbers

LENGTHS = (8, 14)  # frames of each clip, 25 a second


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    rows = []
    for split, who in (("train", "ann"), ("train", "bob"), ("test", "cleo")):
        for label, length in zip(("waves", "bows"), LENGTHS):
            name = f"{who}_{label}.mp4"
            film(root / name, range(length))
            rows.append({"file": name, "label": label, "speaker": who, "split": split})
    (root / "clips.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return root


def source(folder: Path, **knobs: Any) -> VideoSequences:
    made = VideoSequences(
        VideoSequences.Config(folder=str(folder), **{"seconds": 4.0, "least": 2, "most": 3, "rate": 25.0, "sway": 0.0, **knobs})
    )  # fmt: skip
    made.open()
    return made


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_every_frame_is_the_right_one_and_pauses_hold_the_nearest(folder: Path, speed: float) -> None:
    made = source(folder, background="their own", speed=speed)
    sample = made.sample(made.splits()["train"][1])
    clip, marks = sample["clip"], sample["segments"]
    shown = clip.shown()
    assert (len(shown.starts_T), shown.end) == (100, 4.0)
    seen = numbers(clip.frames(shown.starts_T, 192, "stretch"))
    ends = [*(one.end for one in marks.spans[:-1]), marks.spans[-1].end]
    assert all(one.end <= other.start for one, other in zip(marks.spans, marks.spans[1:]))
    assert ends[-1] <= 4.0
    for piece, span in zip(clip.pieces, marks.spans):
        count = len(piece.film.shown().starts_T)
        inside = [n for n, start in enumerate(shown.starts_T) if span.start <= start < span.end]
        due = [min(int((shown.starts_T[n] - span.start) * piece.speed * 25 + 1e-6), count - 1) for n in inside]
        assert [seen[n] for n in inside] == due
        assert span.seconds == pytest.approx(count / 25 / piece.speed)
    held = [seen[n] for n, start in enumerate(shown.starts_T) if start < marks.spans[0].start]
    assert set(held) <= {0}


def test_a_film_is_of_one_split_and_one_performer_and_the_same_for_everyone(folder: Path) -> None:
    made, again = source(folder, performers="the same"), source(folder, performers="the same")
    for split, indices in made.splits().items():
        for index in indices:
            assert made.sample(index)["segments"] == again.sample(index)["segments"]
            who = {Path(piece.film.name).name.split("_")[0] for piece in made.sample(index)["clip"].pieces}
            assert len(who) == 1
            assert (who == {"cleo"}) == (split == "test")
    assert made.fingerprint() == again.fingerprint() != source(folder, performers="any").fingerprint()


def test_classes_and_captions_are_in_the_order_of_the_film(folder: Path) -> None:
    made = source(folder)
    names = made.code_names("segments")
    for index in made.splits()["train"]:
        sample = made.sample(index)
        assert [names[code] for code in sample["segments"].classes] == sample["done"].split(", then ")
        told = [Path(piece.film.name).name.split("_")[1].split(".")[0] for piece in sample["clip"].pieces]
        assert told == sample["done"].split(", then ")


def test_what_does_not_fit_is_left_out_and_too_few_clips_are_refused(folder: Path) -> None:
    made = source(folder, seconds=0.7, least=3, most=3, speed=1.0)
    for index in range(len(made)):
        spans = made.sample(index)["segments"].spans
        assert 1 <= len(spans) < 3
        assert spans[-1].end <= 0.7 + 1e-9
    with pytest.raises(ValueError, match="at least 3 clips and at most 2"):
        source(folder, least=3, most=2)


def test_held_frames_sway_and_only_a_border_of_one_colour_becomes_scenery() -> None:
    frames = torch.full((4, 3, 32, 32), 90, dtype=torch.uint8)
    frames[:, :, 12:20, 12:20] = 240
    assert backgrounds(frames).sum() == 4 * (32 * 32 - 64)
    mixed = torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert not backgrounds(mixed).any()
    times = np.arange(4) * 0.5
    still = Moved(sway=0.0, rate_2=np.array([0.3, 0.2]), phase_2=np.zeros(2))
    assert (swayed(frames, times, still) == frames).all()
    moved = Moved(
        sway=0.25, rate_2=np.array([0.0, 0.0]), phase_2=np.array([0.25, 0.0])
    )  # a quarter of the edge down, all the time
    there = swayed(frames, times, moved)[0, 0]
    assert there[20:28, 12:20].min() == 240
    assert there[12:20, 12:20].max() == 90
    scenery = Scene(things=(), background_CHW=cloth(np.random.default_rng(0)), drift=(0.2, 0.1))
    behind = swayed(frames, times, Moved(sway=0.0, rate_2=still.rate_2, phase_2=still.phase_2, behind=scenery))
    assert (behind[:, :, 12:20, 12:20] == 240).all()
    assert (behind[0, :, :12] != behind[1, :, :12]).any(), "it scrolls"
    assert (behind[:, :, :12] == scenery.drawn(times, 32)[:, :, :12]).all()
