"""A person's own videos: class folders and tables, parts of them in seconds and in frames, their middle frame and their sound."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.compiler.survey import survey
from core.data.base import Watch
from core.data.batch import collate
from core.data.sources.videos import Videos
from core.data.transforms.sample_frames import SampleFrames
from core.graph import edits
from core.graph.document import Document
from core.problems import Refused
from core.telemetry.spans import Span
from tests.conftest import SHARED_DATA
from tests.core.data.films import film, numbers, sound
from tests.documents import Drawing


def opened(root: Path, **knobs: Any) -> Videos:
    source = Videos(Videos.Config(folder=str(root), **{"image_size": 192, "shape": "stretch", **knobs}))
    source.open()
    return source


def table(root: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """One film of fifty frames at 25 a second, which shows their numbers, and rows about it."""
    film(root / "numbers.mp4", range(50), g="10")
    (root / "labels.jsonl").write_text("\n".join(json.dumps({"file": "numbers.mp4", **row}) for row in rows))
    return root


def frames(source: Videos, index: int, count: int = 5) -> tuple[list[int], tuple[float, ...]]:
    step = SampleFrames(SampleFrames.Config(frames=count, size=192, shape="stretch"))
    made = step.evaluated(source.part(index, ("clip",)), np.random.default_rng(0))["video"]
    return numbers(made.frames_TCHW), made.starts


def test_folders_are_classes_and_the_middle_frame_is_an_image(tmp_path: Path) -> None:
    for name in ("jump", "run"):
        (tmp_path / name).mkdir()
        film(tmp_path / name / "a.mp4", range(5 + len(name)))
    source = opened(tmp_path)
    assert source.code_names("classes") == ("jump", "run")
    sample = source.sample(0)
    assert sample["image"].shape == (3, 192, 192)
    assert numbers(sample["image"][None] * 255) == [4]
    assert (sample["classes"].tolist(), sample["sentence"]) == ([0], "jump")
    assert [(s.start, s.end) for s in sample["segments"].spans] == [(0.0, pytest.approx(0.36))]


def test_start_and_end_of_a_row_are_a_clip_whose_time_begins_at_zero(tmp_path: Path) -> None:
    rows = [{"start": 0.4, "end": 0.8, "caption": "a"}, {"start": 1.2, "end": 2.0, "caption": "b"}]
    source = opened(table(tmp_path, rows), times="parts")
    assert frames(source, 0) == ([11, 13, 15, 17, 19], pytest.approx((0.04, 0.12, 0.2, 0.28, 0.36)))
    assert frames(source, 1, 4)[0] == [32, 37, 42, 47]
    assert source.part(1, ("segments",))["segments"].spans == ()
    assert numbers(source.part(0, ("image",))["image"][None] * 255) == [15]


def test_segments_counted_in_frames_are_when_these_are_shown(tmp_path: Path) -> None:
    rows = [{"segments": [{"start": 5, "end": 10, "label": "wave"}, {"start": 30, "end": 50, "label": "run"}]}]
    marks = opened(table(tmp_path, rows), time_unit="frames").part(0, ("segments",))["segments"]
    assert marks.spans == (Span(start=0.2, end=0.4), Span(start=1.2, end=2.0))
    assert marks.classes == (1, 0)


def test_a_video_without_sound_is_silent_and_one_with_sound_is_heard(tmp_path: Path) -> None:
    film(tmp_path / "silent.mp4", range(10))
    time = np.arange(16_000) / 16_000
    sound(tmp_path / "tone.mp4", np.sin(2 * np.pi * 440 * time)[None].astype(np.float32), 16_000, "aac", frames=25)
    source = opened(tmp_path)
    names = [row.name for row in source.rows]
    waves = {name: source.part(place, ("waveform",))["waveform"] for place, name in enumerate(names)}
    assert waves["silent.mp4"].real == 0
    assert waves["tone.mp4"].real == pytest.approx(16_000, abs=400)
    spectrum = np.abs(np.fft.rfft(waves["tone.mp4"].own_S.numpy()))
    assert spectrum.argmax() * 16_000 / waves["tone.mp4"].real == pytest.approx(440, abs=2)


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    film(tmp_path / "good.mp4", range(10))
    (tmp_path / "bad.mp4").write_bytes((tmp_path / "good.mp4").read_bytes()[:300])
    source = opened(tmp_path)
    place = [row.name for row in source.rows].index("bad.mp4")
    for port in ("image", "waveform", "segments"):
        with pytest.raises(Refused, match=r"bad\.mp4"):
            source.part(place, (port,))


def test_without_a_folder_a_person_is_told_what_to_choose() -> None:
    problem = Videos(Videos.Config()).unready()
    assert problem is not None
    assert problem.what == "No folder of videos is chosen."


def test_a_batch_is_what_meta_says(tmp_path: Path) -> None:
    source = opened(table(tmp_path, [{"label": "x"}, {"label": "y"}]), image_size=32)
    ports = tuple(port for port in source.gives if port != "clip")
    batch = collate([{("v", port): value for port, value in source.part(n, ports).items()} for n in (0, 1)], (0, 1))
    meta = source.meta(2)
    for port in ("image", "classes", "speaker", "number"):
        assert batch["v", port].shape == meta[port].shape, port


@pytest.mark.skipif(not (SHARED_DATA / "lpc_sprites").is_dir(), reason="the sprites are not here")
def test_the_sprites_are_read_as_they_are() -> None:
    source = opened(SHARED_DATA / "lpc_sprites", image_size=64)
    assert {name: len(rows) for name, rows in source.splits().items()} == {
        "train": 1092,
        "validation": 210,
        "test": 252,
    }
    assert len(source.code_names("classes")) == 6
    assert source.left_out() == 0
    sequences = opened(SHARED_DATA / "lpc_sprites", table="segments.jsonl", time_unit="frames")
    assert len(sequences) == 96
    marks = sequences.part(0, ("segments",))["segments"]
    assert marks.spans == (Span(start=1.4, end=2.2), Span(start=3.6, end=4.3))
    assert [sequences.code_names("segments")[code] for code in marks.classes] == ["thrust", "spellcast"]


def leaky(root: Path) -> Document:
    """Parts of two films, of which the table puts one on both sides; a third film equals the first but for its name."""
    film(root / "a.mp4", range(50), g="10")
    film(root / "b.mp4", range(49), g="10")
    (root / "c.mp4").write_bytes((root / "a.mp4").read_bytes())
    rows = [
        {"file": "a.mp4", "start": 0, "end": 0.8, "caption": "one", "split": "train"},
        {"file": "a.mp4", "start": 0.8, "end": 1.6, "caption": "two", "split": "test"},
        {"file": "b.mp4", "start": 0, "end": 0.8, "caption": "three", "split": "train"},
        {"file": "c.mp4", "start": 0, "end": 0.8, "caption": "four", "split": "test"},
    ]
    (root / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    draw = Drawing("leaky")
    draw.add("sources.videos", folder=str(root))
    return draw.document


def test_a_split_that_leaks_is_told_and_mended(tmp_path: Path) -> None:
    document = leaky(tmp_path)
    facts = survey(document, "videos")
    assert facts.shared_groups
    assert facts.mend is not None
    assert facts.mend.fix is not None
    mended = survey(getattr(edits, facts.mend.fix.edit)(document, **facts.mend.fix.arguments), "videos")
    assert (mended.shared_groups, mended.exact_duplicates, mended.mend) == ((), (), None)
    assert sum(mended.counts.values()) == 4


def test_what_is_known_is_told_before_every_sample_is_read_and_the_rest_can_be_stopped(tmp_path: Path) -> None:
    document, told, steps = leaky(tmp_path), [], []
    whole = survey(document, "videos", first=told.append, watch=Watch(progress=lambda *step: steps.append(step)))
    assert steps[-1] == (4, 4)
    (known,) = told
    assert not known.is_checked
    assert (known.counts, known.shared_groups, len(known.specimens)) == (whole.counts, whole.shared_groups, 4)
    assert whole.is_checked
    stopped = survey(document, "videos", watch=Watch(is_cancelled=lambda: True))
    assert (stopped.is_checked, stopped.counts, stopped.mend) == (False, known.counts, known.mend)


def test_the_data_check_hears_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path / "tone.mp4", np.zeros((1, 16_000), np.float32), 16_000, "aac", frames=25)
    source = opened(tmp_path)
    monkeypatch.setattr("core.data.sources.videos.read_sound", lambda *_, **__: pytest.fail("its sound was decoded"))
    assert source.report().counts["train"] + source.report().counts["test"] + source.report().counts["validation"] == 1


def test_who_is_seen_in_a_video_is_a_person_not_a_speaker(tmp_path: Path) -> None:
    splits = ("train", "train", "test")
    rows = [{"label": "a", "subject": f"p{n}", "split": split} for n, split in enumerate(splits)]
    source = opened(table(tmp_path, rows))
    assert source.facts()["people"] == "3"
    assert source.held_out_by("test") == "unseen people"
