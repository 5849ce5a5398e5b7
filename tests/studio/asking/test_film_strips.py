"""What a step takes of a clip is seen in the inspector before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.compiler.film_strip import film_strip
from core.graph import edits
from core.graph.document import Document
from core.problems import Refused
from core.runs.vocabulary import full_vocabulary
from core.store.database import Store
from studio.asking.film_strips import bind_film_strips
from studio.session import Session
from tests.documents import Drawing
from widgets.inspector.inspector import Inspector


def drawn(**knobs: Any) -> Document:
    draw = Drawing("clips")
    draw.add("sources.emoji_videos")
    draw.add("transforms.sample_frames", **knobs)
    draw.wire("emoji_videos.clip", "sample_frames.clip")
    return draw.document


def test_a_strip_says_what_is_taken_and_how_far_apart() -> None:
    strip = film_strip(drawn(frames=5), "sample_frames")
    assert strip.seconds == 2.0
    assert len(strip.marks) == 5
    assert strip.marks == tuple(sorted(strip.marks))
    assert np.allclose(strip.marks, [0.2, 0.6, 1.0, 1.4, 1.8], atol=2.0 / strip.frames)
    assert strip.gaps is not None
    assert strip.gaps[0] <= 0.4 <= strip.gaps[1] + 1e-9
    assert {tile.shape for tile in strip.tiles} == {(48, 48, 3)}
    assert not strip.is_drawn
    assert film_strip(drawn(frames=5, jitter=1.0), "sample_frames").is_drawn


def test_why_there_is_no_strip_is_said() -> None:
    alone = Drawing("alone")
    alone.add("transforms.sample_frames")
    with pytest.raises(Refused, match="No videos lead in"):
        film_strip(alone.document, "sample_frames")
    empty = Drawing("empty")
    empty.add("sources.videos")
    empty.add("transforms.sample_frames")
    empty.wire("videos.clip", "sample_frames.clip")
    with pytest.raises(Refused, match="No folder of videos is chosen"):
        film_strip(empty.document, "sample_frames")


@pytest.fixture
def inspector(qtbot, tmp_path):
    session = Session(Store.open(tmp_path / "store.sqlite"))
    made = Inspector()
    qtbot.addWidget(made)
    bind_film_strips(session, made)
    made.set_vocabulary(full_vocabulary())
    yield made
    session.engine.close()
    session.store.close()


def test_the_inspector_follows_the_settings(inspector, qtbot) -> None:
    document = drawn(frames=4)
    inspector.set_document(document)
    inspector.set_selection(["sample_frames"])
    view = inspector.node_page.film
    qtbot.waitUntil(lambda: not view.isHidden(), timeout=30_000)
    assert view.words.text().startswith("4 of ")
    inspector.set_document(edits.set_knob(document, "sample_frames", "frames", 6, 8))
    qtbot.waitUntil(lambda: view.words.text().startswith("6 of "), timeout=30_000)
    QTest.mouseClick(view.strip, Qt.MouseButton.LeftButton, pos=QPoint(view.strip.width() // 2, 5))
    qtbot.waitUntil(lambda: view.player.picture.image is not None, timeout=30_000)
    assert 0.8 < view.player.seconds <= 1.0 + 1e-6, "from where the strip was clicked"
    asked: list[object] = []
    inspector.filmWanted.connect(lambda *wish: asked.append(wish))
    inspector.set_document(replace(edits.set_knob(document, "sample_frames", "frames", 6, 8), name="of another name"))
    assert not asked, "nothing that matters to the clip has changed"
    inspector.grab()
