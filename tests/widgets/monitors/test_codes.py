"""The code-book monitor: counts and drawings at the cursor, a collapse said aloud, a cell for every code."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from core.telemetry.events import At, Codes, Pictures, Scalars
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.code_sheet import CodeSheet
from widgets.monitors.made.codes import CodeMonitor, CodeSettings, book_name, is_collapsed


@pytest.fixture
def run():
    run = MemoryRun(steps=100)
    for step in range(10, 101, 10):
        at = At(step=step, seconds=step / 10)
        counts = np.array([80, 0, 0, 0, 0] if step < 50 else [40, 20, 10, 10, 0], dtype=np.uint32)
        for name in ("codes/vq", "codes/residual/1"):
            run.say(Codes(at=at, series=name, counts=counts, perplexity=1.0, dead=4, bits=0.5))
        used = float((counts > 0).mean())
        values = {
            "perplexity": 3.36 if used > 0.5 else 1.0,
            "use": used,
            "dead": 5 * (1 - used),
            "bits": 0.5,
            "entropy bits": 0.2,
        }
        run.say(Scalars(at=at, values={f"codes/vq/{name}": value for name, value in values.items()}))
    shade = np.arange(5, dtype=np.uint8).repeat(3).reshape(5, 3) * 50
    sheet = np.zeros((4, 6, 3), dtype=np.uint8)
    for code in range(5):
        sheet[code // 3 * 2 : code // 3 * 2 + 2, code % 3 * 2 : code % 3 * 2 + 2] = shade[code]
    run.say(Pictures(at=At(step=50, seconds=5), series="code book/vq", pictures=sheet[None], seeds=(0,)))
    return run


def read(run, step, **settings):
    return CodeMonitor.read(CodeSettings(**settings), [run], Cursor(runs=("a",), step=step))


def test_counts_and_the_drawing_are_those_of_the_cursor(run):
    assert read(run, 5) is None
    early, late = read(run, 40, series="codes/vq"), read(run, 60, series="codes/vq")
    assert early.counts.tolist() == [80, 0, 0, 0, 0]
    assert early.picture is None
    assert late.counts.tolist() == [40, 20, 10, 10, 0]
    assert (late.picture.width(), late.picture.height()) == (6, 4)
    assert late.all_series == ("codes/residual/1", "codes/vq")
    assert len(late.lines) == 1
    assert len(read(run, 60, series="codes/vq", figure="bits").lines) == 2
    assert late.frame[3] == 5.0


def test_a_collapse_is_a_warning_and_a_code_that_is_pointed_at_says_its_use(qtbot, run):
    monitor = CodeMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(420, 260)
    monitor.show()
    monitor.present(read(run, 40, series="codes/vq"))
    assert monitor.figures.text() == "perplexity 1 of 5 · 4 dead · 0.5 bits per pixel"
    assert is_collapsed(monitor.value().figures, 5)
    monitor.present(read(run, 100, series="codes/vq"))
    assert monitor.figures.text() == "perplexity 3.36 of 5 · 1 dead · 0.5 bits per pixel"
    assert not is_collapsed(monitor.value().figures, 5)
    monitor.sheet.pointed.emit(1)
    assert monitor.figures.text() == "code 1: 25.00% of use"
    monitor.sheet.pointed.emit(-1)
    assert monitor.figures.text().startswith("perplexity")


def test_every_code_has_a_cell_and_is_found_there(qtbot, run):
    sheet = CodeSheet()
    qtbot.addWidget(sheet)
    sheet.resize(90, 70)
    value = read(run, 60, series="codes/vq")
    sheet.set_codes(value.counts, value.picture)
    assert [sheet.code_at(sheet.place(code).center()) for code in range(5)] == list(range(5))
    assert sheet.code_at(QPointF(-5, 3)) == -1
    assert sheet.code_at(sheet.place(5).center()) == -1
    image = sheet.grab().toImage()
    seen = [image.pixelColor(sheet.place(code).center().toPoint()).red() for code in range(4)]
    assert seen == [0, 50, 100, 150]  # the drawing's own colours
    assert image.pixelColor(sheet.place(4).center().toPoint()).red() != 200  # unused: faint


def test_books_are_called_by_block_and_number():
    assert book_name({"rvq": "Residual quantizer"}, "codes/rvq/2") == "Residual quantizer · 2"
    assert book_name({}, "codes/my_vq") == "my vq"
