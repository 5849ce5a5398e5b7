"""Held-out films while a run trains: the same ones every time, their frames as they are looked at, and what is said of each; looking changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.data.films.stage import ACTIONS
from core.data.sources.emoji_videos import EmojiVideos
from core.graph import edits
from core.graph.document import Document
from core.telemetry.events import Pictures
from tests.core.training.running import same, trainer, weights
from tests.documents import Drawing


def document(objective: str = "classification", **recipe: Any) -> Document:
    """Made videos asked for what is done, or for how well."""
    draw = Drawing("films")
    source = {"classification": "emoji_videos", "quality": "emoji_strokes"}[objective]
    draw.add(f"sources.{source}", seconds=2.0, videos=1)
    draw.add("transforms.sample_frames", frames=4, size=16)
    draw.add("encoders.video_cnn", width=8, stages=1)
    draw.add("connectors.pool", how="mean")
    draw.add(f"objectives.{objective}")
    asked = {"classification": "classes", "quality": "score"}[objective]
    for start, end in (
        (f"{source}.clip", "sample_frames.clip"), ("sample_frames.video", "video_cnn.video"), ("video_cnn.tokens", "pool.tokens"),
        ("pool.embedding", f"{objective}.embedding"), (f"{source}.{asked}", f"{objective}.{asked}"),
    ):  # fmt: skip
        draw.wire(start, end)
    return edits.set_recipe(
        draw.document, steps=2, batch_size=4, callbacks={}, threads=1, **{"diagnostics": {}, **recipe}
    )


def test_films_are_seen_with_what_is_said_and_nothing_changes() -> None:
    bare, watched = (trainer(document(diagnostics=some)) for some in ({}, {"films": {"every": 1, "samples": 3}}))
    assert (bare.train(), watched.train()) == ("finished", "finished")
    assert same(weights(bare), weights(watched))
    first, last = watched.listener.of(Pictures)  # type: ignore[attr-defined]
    assert [one.series for one in (first, last)] == ["made/classification/video"] * 2
    assert np.shape(first.pictures) == (3, 16, 4 * 16, 3)
    assert np.array_equal(first.pictures, last.pictures), "the same films every time"
    source = EmojiVideos(EmojiVideos.Config(seconds=2.0, videos=1))
    for picture, index, title, starts in zip(last.pictures, last.seeds, last.titles, last.frames):
        assert index in source.splits()["validation"]
        true, said = title.split(" → ")
        assert true == source.label(index)
        assert said in [action.words for action in ACTIONS]
        film = source.part(index, ("clip",))["clip"]
        seen = film.frames(np.array(starts), 16)
        assert np.array_equal(np.concatenate(list(seen.permute(0, 2, 3, 1).numpy()), 1), picture)


def test_a_score_is_told_as_a_number_and_what_answers_nothing_says_nothing() -> None:
    run = trainer(document("quality", diagnostics={"films": {"samples": 2}}))
    assert run.train() == "finished"
    said = run.listener.of(Pictures)  # type: ignore[attr-defined]
    assert len(said) == 2
    assert all(np.isfinite(float(title.split(" → ")[1])) for one in said for title in one.titles)
