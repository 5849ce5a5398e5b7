"""Offsets while a run trains: what is drawn of the same held-out clips, with the times that were planted; looking changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.graph import edits
from core.graph.document import Document
from core.telemetry.events import AttentionMap, Offsets, Scalars
from tests.core.training.running import same, trainer, weights
from tests.documents import Drawing


def document(**recipe: Any) -> Document:
    """Made videos whose sound is moved."""
    draw = Drawing("late")
    draw.add("sources.emoji_videos", seconds=2.0, silent=0.5, hertz=8000)
    draw.add("transforms.sample_frames", frames=8, size=16)
    draw.add("transforms.shift_sound", most=0.5, drift=0.1)
    draw.add("transforms.log_mel", n_fft=512, hop=400, mels=16, scale="Slaney")
    draw.add("encoders.video_cnn", width=8, stages=1)
    draw.add("encoders.audio_cnn", width=8, stages=1)
    draw.add("objectives.sync", most=0.5, step=0.1, width=8, sure=0.01)
    for source, target in (
        ("emoji_videos.clip", "sample_frames.clip"), ("emoji_videos.waveform", "shift_sound.waveform"),
        ("shift_sound.waveform", "log_mel.waveform"), ("log_mel.spectrogram", "audio_cnn.spectrogram"),
        ("sample_frames.video", "video_cnn.video"), ("video_cnn.tokens", "sync.video"), ("audio_cnn.tokens", "sync.audio"),
        ("shift_sound.offset", "sync.offset"), ("shift_sound.drift", "sync.drift"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {"evaluation": {"every": 4, "most": 24}}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(draw.document, steps=4, batch_size=4, learning_rate=0.01, **recipe)


def test_looking_changes_nothing_and_says_what_was_planted() -> None:
    bare, watched = (trainer(document(diagnostics=some)) for some in ({}, {"sync": {"every": 2, "samples": 3}}))
    assert (bare.train(), watched.train()) == ("finished", "finished")
    assert same(weights(bare), weights(watched))
    said = watched.listener  # type: ignore[attr-defined]
    maps, offsets = said.of(AttentionMap), said.of(Offsets)
    assert [one.at.step for one in maps if one.series == "sync/sync"] == [1, 2, 4]
    assert maps[0].weights.shape == (3, 1, 8, 8)
    assert np.abs(maps[0].weights).max() == pytest.approx(1.0)
    assert maps[0].queries["step"] == pytest.approx(0.25, rel=0.2)
    true = [one for one in offsets if one.series == "offsets/sync/true"]
    assert all(np.array_equal(one.seconds, true[0].seconds) for one in true)
    assert 0 < np.abs(true[0].seconds).max() <= 0.5
    assert {over.split("/")[0] for over in true[0].over} == {"validation"}
    (found,) = (one for one in offsets if (one.series, one.at.step) == ("offsets/sync", 4))
    assert found.over == true[0].over
    scores = {
        name: value for one in said.of(Scalars) for name, value in one.values.items() if name.startswith("score/")
    }
    assert scores["score/test/sync/chance recovered"] == pytest.approx(0.45, abs=0.1)
    assert {"score/test/sync/seconds path off", "score/test/sync/seconds constant off"} <= set(scores)
