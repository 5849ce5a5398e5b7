"""The plane of embeddings stays where it is however the space turns; what is drawn hangs on the cursor alone; a lasso lists pairs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from core.store.library import Library
from core.store.reader import RunReader
from core.telemetry.events import At, Embeddings
from widgets.monitors.cursor import Cursor
from widgets.monitors.pairs.embedding_map import HELD, EmbeddingMapMonitor, MapSettings, pairs_within, read_map
from widgets.monitors.pairs.plane import along, own_plane, steady, turned_onto
from widgets.monitors.pairs.umap_thread import UmapThread

GENERATOR = np.random.default_rng(0)
POINTS = GENERATOR.normal(size=(40, 16)) * np.linspace(3, 0.1, 16)


def rotation(seed: int, width: int = 16) -> np.ndarray:
    """A turn, or a turn with a mirror, of the whole space."""
    found, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_turning_the_space_leaves_the_picture_equal(seed: int) -> None:
    np.testing.assert_allclose(own_plane(POINTS @ rotation(seed)), own_plane(POINTS), atol=1e-9)
    np.testing.assert_allclose(along(POINTS @ rotation(seed), POINTS), own_plane(POINTS), atol=1e-9)


def test_a_space_that_turns_at_every_step_stands_still() -> None:
    steps = [POINTS @ rotation(seed) for seed in range(8)]
    for count in range(1, 9):
        np.testing.assert_allclose(steady(steps[:count]), own_plane(POINTS), atol=1e-9)


def test_a_mirrored_plane_is_turned_back_and_what_moves_is_seen_to_move() -> None:
    plane = own_plane(POINTS)
    mirrored = plane * np.asarray([1.0, -1.0])
    np.testing.assert_allclose(turned_onto(mirrored, plane), plane, atol=1e-9)
    moved = POINTS.copy()
    moved[0] += 0.5
    shown = steady([POINTS, moved @ rotation(3)])
    away = np.linalg.norm(shown - plane, axis=1)
    assert away[0] > 5 * np.median(away[1:])


def test_the_plane_is_the_widest_there_is() -> None:
    """Closed form: the squares add up to the two greatest squared singular values."""
    values = np.linalg.svd(POINTS - POINTS.mean(0), compute_uv=False)
    np.testing.assert_allclose((own_plane(POINTS) ** 2).sum(0), values[:2] ** 2)
    line = np.outer(np.arange(5.0), [1.0, 2.0])[:, :1]
    assert own_plane(line).shape == (5, 2)


def said(step: int, seed: int) -> Embeddings:
    both = (POINTS @ rotation(seed)) / 10
    return Embeddings(
        at=At(step=step, seconds=float(step)), series="embeddings/info_nce", left=both[:20].astype(np.float16),
        right=both[20:].astype(np.float16), numbers=np.arange(100, 120, dtype=np.int32), names=("image", "text"),
        labels=tuple(f"sample {n}" for n in range(20)), groups=tuple("ab"[n % 2] for n in range(20)),
    )  # fmt: skip


@pytest.fixture
def reader(library: Library, record: Callable[..., str]) -> RunReader:
    return library.reader(record(*(said(step, number) for number, step in enumerate((10, 20, 30)))))


def test_what_is_kept_is_what_was_said(reader: Any) -> None:
    looks = reader.embeddings_upto("embeddings/info_nce", 25)
    assert [look.step for look in looks] == [10, 20]
    event = said(20, 1)
    np.testing.assert_array_equal(looks[-1].left, event.left.astype(np.float32))
    np.testing.assert_array_equal(looks[-1].right, event.right.astype(np.float32))
    assert looks[-1].numbers.tolist() == list(range(100, 120))
    assert (looks[-1].names, looks[-1].labels, looks[-1].groups) == (event.names, event.labels, event.groups)


def test_the_picture_hangs_on_the_cursor_alone_and_stands_still(reader: Any) -> None:
    at_30 = read_map(MapSettings(), reader, Cursor(runs=("a",), step=30))
    back = read_map(MapSettings(), reader, Cursor(runs=("a",), step=30, follows_head=False))
    at_10 = read_map(MapSettings(), reader, Cursor(runs=("a",), step=12))
    assert at_30 is not None
    assert back is not None
    assert at_10 is not None
    assert (at_10.at.step, at_30.at.step) == (10, 30)
    np.testing.assert_array_equal(at_30.left_P2, back.left_P2)
    np.testing.assert_allclose(
        at_30.left_P2, at_10.left_P2, atol=5e-3
    )  # of 16 bits, though the space was turned between
    held = read_map(MapSettings(axes=HELD, held=30), reader, Cursor(runs=("a",), step=10))
    assert held is not None
    np.testing.assert_allclose(held.left_P2, at_30.left_P2, atol=5e-3)
    assert read_map(MapSettings(), reader, Cursor(runs=("a",), step=5)) is None


def test_a_lasso_lists_the_pairs_inside_and_a_click_lets_it_go(qtbot: Any, reader: Any) -> None:
    monitor = EmbeddingMapMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(700, 400)
    monitor.show()
    value = read_map(MapSettings(), reader, Cursor(runs=("a",), step=30))
    assert value is not None
    monitor.present(value)
    asked: list[Any] = []
    monitor.specimensWanted.connect(lambda run, numbers: asked.append((run, numbers)))
    plot = monitor.plot
    corners = [plot.rect().topLeft(), plot.rect().topRight(), plot.rect().bottomRight(), plot.rect().bottomLeft()]
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, corners[0])
    for corner in corners[1:]:
        QTest.mouseMove(plot, corner)
    with qtbot.waitSignal(monitor.cursorRequested) as seen, qtbot.waitSignal(plot.lassoed) as lasso:
        QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, corners[3])
    assert seen.args == [30]
    assert monitor.pairs.isVisible()
    rows = monitor.pairs.model.rows
    inside = lasso.args
    assert len(inside[0]) > 5
    assert list(rows) == pairs_within(value.at, *inside)
    assert len(pairs_within(value.at, range(20), range(20))) == 96
    assert [row.cosine for row in rows] == sorted((row.cosine for row in rows), reverse=True)
    assert all(row.left != row.right for row in rows)
    assert asked
    assert asked[0][0] == "a"
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, plot.rect().center())
    assert not monitor.pairs.isVisible()
    some = pairs_within(value.at, [0, 1], [0, 1])
    assert len(some) == 1, "a sample with itself is no pair, and both ways round are one"
    place = plot.places()[0][3]
    QTest.mouseMove(plot, QPointF(place).toPoint())


def test_a_run_that_recorded_none_says_which_diagnostic_does(qtbot: Any) -> None:
    monitor = EmbeddingMapMonitor()
    qtbot.addWidget(monitor)
    monitor.present(None)
    assert "Map of embeddings" in monitor.message()


def test_umap_is_made_beside_the_reader_and_only_what_was_asked_for_last() -> None:
    started, may_end = threading.Event(), threading.Event()
    made: list[float] = []

    def make(x_PD: np.ndarray, onto_P2: np.ndarray) -> np.ndarray:
        made.append(float(x_PD[0, 0]))
        started.set()
        assert may_end.wait(20)
        if x_PD[0, 0] == 3:
            raise ValueError("no such points")
        return onto_P2 + 1

    planes, onto = UmapThread(make), np.zeros((4, 2))
    points = [np.full((4, 3), float(n)) for n in range(4)]
    assert planes.ask(points[0], onto).waits
    assert started.wait(20)
    assert all(planes.ask(one, onto).waits for one in points[1:])
    may_end.set()
    planes.join()
    assert made == [0.0, 3.0], "what was scrubbed over is not made"
    np.testing.assert_array_equal(planes.ask(points[0], onto).plane, onto + 1)
    assert planes.ask(points[3], onto).failure == "no such points"
