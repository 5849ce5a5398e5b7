"""Every monitor of the catalogue: says what to do when there is nothing, draws what there is, forgets when told."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QComboBox, QWidget

from core.graph.document import Document, Node
from core.graph.file import dumps
from core.graph.vocabulary import Vocabulary
from core.telemetry.events import At, Histogram, LogLine, Scalars
from studio.benches.synthetic import SyntheticRun
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.look.labels import LooseLabel
from widgets.look.language import load_table
from widgets.look.theme import apply_theme, theme
from widgets.look.titles import use_vocabulary
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.loss import LossMonitor, LossSettings
from widgets.monitors.curves.rates import RateMonitor
from widgets.monitors.lines import Legend, read_line, smoothed
from widgets.monitors.log import LogSettings
from widgets.monitors.monitor import Figures
from widgets.monitors.pairs.retrieval import RetrievalMonitor, _head
from widgets.monitors.pairs.samples import SampleMonitor, SampleSettings, way_words
from widgets.monitors.pairs.similarity import SimilarityMonitor

EVERY = sorted(monitors)
CURSOR = Cursor(runs=("a",), step=100)


@pytest.fixture(scope="module")
def run():
    run = MemoryRun(steps=200)
    for event in SyntheticRun(steps=200).events(100):
        run.say(event)
    return run


def made(qtbot, cls, size=(460, 280)):
    monitor = cls()
    qtbot.addWidget(monitor)
    monitor.resize(*size)
    monitor.show()
    return monitor


def shown(qtbot, cls, run, cursor=CURSOR):
    monitor = made(qtbot, cls)
    monitor.present(monitor.read(monitor.settings(), [run], cursor))
    return monitor


def test_every_monitor_is_found():
    assert set(EVERY) == {
        "loss", "similarity", "retrieval", "samples", "attention", "device", "gradients", "rates", "tasks", "log", "experts",
        "metrics", "made", "distributions", "marked", "codes", "sounds", "sync", "embedding_map",
    }  # fmt: skip


@pytest.mark.parametrize("key", EVERY)
def test_an_empty_run_says_what_to_do(qtbot, key):
    monitor = shown(qtbot, monitors[key], MemoryRun())
    assert len(monitor.message()) > 20
    assert monitor.figures.text() == ""


@pytest.mark.parametrize("key", EVERY)
def test_a_run_is_drawn_with_figures_and_forgotten(qtbot, key, run):
    monitor = shown(qtbot, monitors[key], run)
    assert monitor.message() == ""
    assert any(letter.isdigit() for letter in monitor.figures.text())
    blank = monitor.grab().toImage()
    monitor.clear()
    assert monitor.message()
    assert monitor.grab().toImage() != blank


@pytest.mark.parametrize("key", EVERY)
def test_settings_and_values_are_frozen(qtbot, key, run):
    monitor = made(qtbot, monitors[key])
    settings, value = monitor.settings(), monitor.read(monitor.settings(), [run], CURSOR)
    for each in (settings, value):
        if each is not None:
            with pytest.raises(dataclasses.FrozenInstanceError):
                each.step = 3
    assert settings == monitor.settings()


@pytest.mark.parametrize("key", EVERY)
def test_what_lies_after_the_cursor_changes_nothing(qtbot, key):
    short, long = MemoryRun(steps=200), MemoryRun(steps=200)
    synthetic = SyntheticRun(steps=200)
    for event in synthetic.events(60):
        short.say(event)
        long.say(event)
    for step in range(61, 120):
        for event in synthetic.step(step):
            long.say(event)
    at = Cursor(runs=("a",), step=60)
    one, other = shown(qtbot, monitors[key], short, at), shown(qtbot, monitors[key], long, at)
    assert one.grab().toImage() == other.grab().toImage()


@pytest.mark.parametrize("key", EVERY)
@pytest.mark.parametrize("name", ["light", "dark"])
def test_both_themes(qtbot, key, run, name, qapp):
    assert isinstance(qapp, QApplication)
    monitor = shown(qtbot, monitors[key], run)
    apply_theme(qapp, name)
    assert monitor.message() == ""
    picture = monitor.grab().toImage()
    assert picture.pixelColor(6, picture.height() // 2).name() == theme().panel
    apply_theme(qapp, "dark")


@pytest.mark.parametrize("key", EVERY)
@pytest.mark.parametrize("axis", ["epoch", "seconds", "samples"])
def test_every_axis(qtbot, key, run, axis):
    monitor = shown(qtbot, monitors[key], run, Cursor(runs=("a",), step=100, axis=axis))
    assert monitor.message() == ""


@pytest.mark.parametrize("key", EVERY)
def test_a_small_card_still_draws(qtbot, key, run):
    monitor = made(qtbot, monitors[key], (200, 140))
    monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
    assert not monitor.grab().isNull()


@pytest.mark.parametrize("key", EVERY)
def test_titles_are_translated(key):
    chinese = load_table("zh_CN")
    cls = monitors[key]
    for words in (cls.title, cls.summary, cls.empty):
        assert chinese.get(words, words) != words


# Loss


def test_smoothing_is_debiased_and_skips_gaps():
    values = np.array([4.0, 4.0, np.nan, 4.0, np.inf, 4.0])
    out = smoothed(values, 0.9)
    assert np.allclose(out[[0, 1, 3, 5]], 4.0)
    assert np.isnan(out[[2, 4]]).all()


def test_no_spike_is_lost_however_few_points_are_drawn():
    run = MemoryRun(steps=20_000)
    for step in range(1, 20_001):
        run.say(Scalars(at=At(step=step, seconds=step), values={"loss": 99.0 if step == 12_345 else 1.0}))
    line = read_line(run, Cursor(runs=("a",), step=20_000), "loss", points=500)
    assert line.raw_y.max() == 99.0
    assert len(line.raw_y) <= 1000


def test_a_loss_that_is_not_finite_is_a_gap_and_said(qtbot):
    run = MemoryRun(steps=10)
    for step, loss in enumerate([2.0, 1.5, float("nan"), float("inf")], start=1):
        run.say(Scalars(at=At(step=step, seconds=step), values={"loss": loss}))
    monitor = shown(qtbot, LossMonitor, run, Cursor(runs=("a",), step=3))
    assert "NaN" in monitor.figures.text()
    monitor.present(monitor.read(monitor.settings(), [run], Cursor(runs=("a",), step=4)))
    assert "∞" in monitor.figures.text()
    assert monitor.message() == ""


def test_runs_are_overlaid_in_the_series_colours(qtbot, run):
    other = MemoryRun(steps=200, name="second")
    for event in SyntheticRun(steps=200, seed=5).events(80):
        other.say(event)
    monitor = made(qtbot, LossMonitor)
    value = monitor.read(LossSettings(), [run, other], Cursor(runs=("a", "b"), step=100))
    monitor.present(value)
    assert [line.run_name for line in value.lines] == ["mini-CLIP", "second"]
    picture = monitor.grab().toImage()
    names = {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}
    assert {theme().series[0], theme().series[1]} <= names


@pytest.mark.parametrize("log_x", [True, False])
@pytest.mark.parametrize("log_y", [True, False])
def test_logarithmic_axes(qtbot, run, log_x, log_y):
    monitor = made(qtbot, LossMonitor)
    monitor._log_x.setChecked(log_x)
    monitor._log_y.setChecked(log_y)
    value = monitor.read(monitor.settings(), [run], CURSOR)
    monitor.present(value)
    left, right, bottom, top = value.frame
    assert (right < 3) == log_x
    assert left < right
    assert bottom < top


def test_a_click_in_the_plot_asks_for_that_step(qtbot, run):
    monitor = shown(qtbot, LossMonitor, run)
    plot = monitor._plot
    box = plot.plotItem.getViewBox()
    at = plot.mapFromScene(box.mapViewToScene(QPointF(60, sum(box.viewRange()[1]) / 2)))
    with qtbot.waitSignal(monitor.cursorRequested) as caught:
        QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert abs(caught.args[0] - 60) <= 1


def test_zoom_stays_until_a_double_click(qtbot, run):
    monitor = shown(qtbot, LossMonitor, run)
    plot, box = monitor._plot, monitor._plot.plotItem.getViewBox()
    whole = box.viewRange()
    centre = QPointF(plot.viewport().rect().center())
    wheel = QWheelEvent(
        centre, plot.viewport().mapToGlobal(centre), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    plot.wheelEvent(wheel)
    zoomed = box.viewRange()
    assert zoomed != whole
    monitor.present(monitor.read(monitor.settings(), [run], Cursor(runs=("a",), step=90)))
    assert box.viewRange() == zoomed
    QTest.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.viewport().rect().center())
    assert box.viewRange()[0] == [0.0, 200.0]


# The others


def test_collapse_is_said(qtbot):
    run, at = MemoryRun(steps=100), At(step=50, seconds=5)
    counts = np.zeros(20, dtype=np.uint32)
    counts[19] = 100
    for side in ("positive", "negative"):
        run.say(Histogram(at=at, series=f"similarity/info_nce/{side}", low=-1, high=1, counts=counts))
    run.say(
        Scalars(at=at, values={"similarity/info_nce/effective rank": 1.2, "similarity/info_nce/negative mean": 0.98})
    )
    monitor = shown(qtbot, SimilarityMonitor, run)
    assert "Collapse" in monitor.figures.text()


def test_the_histogram_is_the_one_at_the_cursor(run):
    value = SimilarityMonitor.read(SimilarityMonitor().settings(), [run], Cursor(runs=("a",), step=52))
    assert value.positive.step == 50
    assert dict(value.strips)["negative"].shape[1] == 60


def test_retrieval_shows_chance_beside_each_recall(run):
    value = RetrievalMonitor.read(RetrievalMonitor().settings(), [run], CURSOR)
    assert value.splits == ("unseen concepts", "unseen style", "seen"), "held-out splits first"
    row = next(row for row in value.rows if row.split == "unseen concepts" and row.way == "image_to_text")
    assert row.chance["R@10"] == pytest.approx(10 / 167)
    assert row.figures["R@10"] > row.chance["R@10"]


def test_the_headline_is_a_held_out_figure_beside_its_own_chance(qtbot, run):
    monitor = shown(qtbot, RetrievalMonitor, run)
    rows = [row for row in monitor.value().rows if row.split == "unseen concepts"]
    mean = sum(row.figures["R@10"] for row in rows) / len(rows)
    said = f"unseen concepts · mean of both directions · R@10 {100 * mean:.0f} % · chance level 6.0 %"
    assert monitor.figures.text() == said


def test_the_headline_is_the_figure_that_chooses_and_the_test_split_says_what_it_holds(qtbot):
    ways = [(f"retrieval/{split}/{way}/{name}", value) for split, shift in (("validation", 0.0), ("test", 0.3))
            for way, value in (("image_to_text", 0.1 + shift), ("text_to_image", 0.2 + shift))
            for name, value in (("R@10", value), ("chance R@10", 0.05))]  # fmt: skip
    run = named_run(*ways, ("selection/validation/R@10", 0.15))
    run.param = lambda name: "unseen images" if name == "test holds" else ""
    monitor = shown(qtbot, RetrievalMonitor, run)
    assert monitor.figures.text() == "validation · mean of both directions · R@10 15 % · chance level 5.0 %"
    assert "test (unseen images) · image → text" in legend(monitor)


def test_samples_mark_the_right_answer_and_filter_wrong_ones(run):
    every = SampleMonitor.read(SampleSettings(), [run], CURSOR)
    assert every.asked == 16
    assert every.first_right == sum(q.answers[0][0] == q.right for q in every.questions)
    wrong = SampleMonitor.read(SampleSettings(show="wrong"), [run], CURSOR)
    assert len(wrong.questions) == every.asked - every.first_right
    assert all(question.rank != 0 for question in wrong.questions)


def test_the_log_is_filtered_and_searched():
    run = MemoryRun()
    for step, level in enumerate(("info", "warning", "error"), start=1):
        run.say(LogLine(at=At(step=step, seconds=step), text=f"Line {level} <b>", level=level))
    read = monitors["log"].read
    at = Cursor(runs=("a",), step=9)
    assert len(read(LogSettings(), [run], at).lines) == 3
    assert [line.level for line in read(LogSettings(level="warning"), [run], at).lines] == ["warning", "error"]
    assert [line.step for line in read(LogSettings(search="error"), [run], at).lines] == [3]
    assert len(read(LogSettings(), [run], Cursor(runs=("a",), step=2)).lines) == 2


@pytest.mark.parametrize("key", EVERY)
@pytest.mark.parametrize("size", [(350, 230), (480, 290)])
def test_no_part_of_a_card_lies_over_another(qtbot, key, size, run):
    monitor = made(qtbot, monitors[key], size)
    monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
    monitor.grab()
    for parent in (monitor, *monitor.findChildren(QWidget)):
        if isinstance(parent, (QAbstractScrollArea, QComboBox)) or parent.layout() is None:
            continue
        parts = [part for part in parent.children() if isinstance(part, QWidget) and part.isVisible()]
        for one, other in itertools.combinations(parts, 2):
            assert not one.geometry().intersects(other.geometry()), (one, other)


def named_run(*events, steps=4):
    """A run whose drawing has a block with a title of its own, two alike, and one without."""
    run = MemoryRun(steps=steps)
    titles = {"vit": "Matching image", "pool": "Pool", "pool_2": "Pool", "masked_words": ""}
    blocks = {"vit": "encoders.vit", "masked_words": "objectives.masked_words"}
    nodes = {
        key: Node(id=key, block=blocks.get(key, "connectors.pool"), x=0.0, y=0.0, title=title)
        for key, title in titles.items()
    }
    run.document = dumps(Document(name="titles", nodes=nodes))
    for step in range(1, steps + 1):
        for name, value in events:
            run.say(Scalars(at=At(step=step, seconds=step), values={name: value}))
    return run


def legend(monitor):
    return [name for entries in monitor.findChildren(Legend) for name, _, _ in entries._entries]


def test_blocks_are_called_as_on_the_canvas(qtbot):
    run = named_run(("gradient/vit", 2.0), ("gradient/pool", 1.0), ("gradient/pool_2", 0.5), ("gradient/gone_now", 0.1))
    monitor = shown(qtbot, monitors["gradients"], run)
    assert legend(monitor) == ["gone now", "Pool", "Pool 2", "Matching image"]
    assert "Matching image" in monitor.figures.text()
    losses = named_run(("loss", 2.0), ("loss/vit", 1.0), ("loss/pool", 1.0))
    assert "Matching image" in legend(shown(qtbot, monitors["loss"], losses))


def test_one_rate_for_all_is_one_line(qtbot):
    one = named_run(("rate/vit", 0.1), ("rate/pool", 0.1), ("rate/pool_2", 0.1))
    assert legend(shown(qtbot, monitors["rates"], one)) == ["learning rate"]
    two = named_run(("rate/vit", 0.1), ("rate/pool", 0.2))
    names = legend(shown(qtbot, monitors["rates"], two))
    assert names == ["learning rate · Pool", "learning rate · Matching image"]


def test_sides_of_a_fused_question_have_plain_words(qtbot):
    ways = ("image_to_shared", "shared_to_image")
    run = named_run(
        *((f"retrieval/test/{way}/R@10", 0.5) for way in ways), *((f"score/test/{given}/R@10", 0.4) for given in ("text", "image+text"))
    )  # fmt: skip
    monitor = shown(qtbot, RetrievalMonitor, run)
    assert [row.name for row in monitor.value().rows] == [
        "image → fused",
        "fused → image",
        "image + text",
        "text",
    ]
    assert not [name for name in legend(monitor) if "_" in name or "shared" in name]
    assert [way_words(way) for way in ways] == ["image → fused", "fused → image"]


def test_answers_of_masked_words_are_held_out_figures_too(qtbot):
    use_vocabulary(Vocabulary())
    run = named_run(("score/test/masked_words/accuracy", 0.4), ("score/test/masked_words/chance accuracy", 0.1))
    monitor = shown(qtbot, RetrievalMonitor, run)
    assert monitor.figures.text() == "test · masked words · accuracy 40 % · chance level 10 %"
    assert [row.name for row in monitor.value().rows] == ["masked words"]


def test_the_headline_leaves_out_what_chance_has_whole(qtbot):
    """Among four boxes R@10 is always 100 %; and of two pairs of sides the one that is farther above chance is told."""
    stem = "retrieval/test/phrase_to_box"
    boxes = named_run(*((f"{stem}/{name}", value) for name, value in (
        ("R@1", 0.4), ("chance R@1", 0.25), ("R@10", 1.0), ("chance R@10", 1.0))))  # fmt: skip
    monitor = shown(qtbot, RetrievalMonitor, boxes)
    assert monitor.figures.text() == "test · phrase → box · R@1 40 % · chance level 25 %"
    assert [line.at for line in monitor.value().lines] == [0.4]
    few, many = "retrieval/test/audio_to_text", "retrieval/test/image_to_text"
    run = named_run(
        (f"{few}/R@10", 0.67), (f"{few}/chance R@10", 0.64), (f"{many}/R@10", 0.3), (f"{many}/chance R@10", 0.05)
    )
    monitor = shown(qtbot, RetrievalMonitor, run)
    assert "R@10 30 % · chance level 5.0 %" in monitor.figures.text()
    assert monitor.value().rows[0].way == "image_to_text"


def test_how_many_samples_a_score_stands_on_is_told_beside_it(qtbot):
    stem = "retrieval/test/image_to_text"
    run = named_run((f"{stem}/R@10", 0.5), (f"{stem}/chance R@10", 0.05), (f"{stem}/examples", 1204))
    monitor = shown(qtbot, RetrievalMonitor, run)
    assert monitor.figures.text() == "test · image → text · R@10 50 % · chance level 5.0 % · N 1,204"
    assert "N 1,204" in monitor._table.toolTip()


def test_one_evaluation_alone_can_be_seen(qtbot):
    monitor = shown(qtbot, RetrievalMonitor, named_run(("retrieval/test/image_to_text/R@10", 0.5), steps=1))
    (raw, _), *_ = monitor._lines._pairs
    x, y = raw.getData()
    assert len(x) == 2
    assert x[0] < x[1]
    assert y.tolist() == [0.5, 0.5]


def test_figures_are_left_out_whole_where_the_card_is_narrow(qtbot):
    figures = Figures()
    qtbot.addWidget(figures)
    figures.set_text("negatives μ 0.05 · rank 41.2 · positives μ 0.72")
    assert figures.that_fit(5000) == figures.text() == figures.toolTip()
    assert (
        figures.that_fit(figures.fontMetrics().horizontalAdvance("negatives μ 0.05 · rank 41.2") + 1)
        == "negatives μ 0.05 · rank 41.2"
    )
    assert figures.that_fit(10) == "negatives μ 0.05"


def test_without_a_picture_there_is_nothing_to_choose(qtbot, run):
    monitor = made(qtbot, monitors["attention"])
    assert not monitor.tools.isVisible()
    monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
    assert monitor.tools.isVisible()
    monitor.clear()
    assert not monitor.tools.isVisible()


def test_a_title_beside_a_command_ends_in_dots_and_is_never_cut(qtbot):
    card = RateMonitor()
    qtbot.addWidget(card)
    card.show()
    title = next(label for label in card.findChildren(LooseLabel) if label.text() == "Rates and temperature")
    for width, whole in ((520, True), (230, False)):
        card.resize(width, 200)
        QApplication.processEvents()
        assert (title.width() >= title.sizeHint().width()) == whole
        assert title.geometry().right() < card.change.mapTo(card, QPoint(0, 0)).x()
    assert title.toolTip().startswith("Rates and temperature")


def test_retrieval_shows_what_is_found_in_time_and_from_how_many_views(qtbot):
    stem = "score/test/localisation"
    found = ((f"{stem}/mAP@0.3", 0.4), (f"{stem}/mAP@0.5", 0.25), (f"{stem}/whole-clip mAP@0.5", 0.0))
    monitor = shown(qtbot, RetrievalMonitor, named_run(*found, steps=1))
    assert "mAP@0.5 25 %" in monitor.figures.text()
    assert "mAP@0.3 40, mAP@0.5 25" in monitor._table.toolTip()
    stem = "score/test/view_contrast"
    by_views = (
        (f"{stem}/{chance}R@1 from {n}", 0.1 if chance else n / 10) for n in (1, 2, 10) for chance in ("", "chance ")
    )
    monitor = shown(qtbot, RetrievalMonitor, named_run(*by_views, steps=1))
    assert "R@1 from 10 views 100 %" in monitor.figures.text()
    assert "R@1 from 1 views 10, R@1 from 2 views 20, R@1 from 10 views 100" in monitor._table.toolTip()
    heads = [_head(f"R@1 from {n}") for n in (1, 2, 10)]
    assert len(set(heads)) == 3
    assert max(map(len, heads)) <= len("mean rank"), "each is told apart from the others where it stands"
