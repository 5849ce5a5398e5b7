"""Planted duplicates are found behind the bars, judged, and left out by the next run: in the window, by mouse and keys."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from core.data.emoji_index import load_index, pictures_folder
from core.graph import edits
from core.graph.document import Document
from core.graph.judged import carried
from studio.open.documents import find_document
from tests.studio.journey import LEFT, NO, Person

SAMPLES, PLANTED, STEPS = 60, 12, 25
LONG = 300_000  # milliseconds
OTHER_WORDS = (
    "first thing", "second item", "third one", "a fourth", "number five", "sixth sign", "seventh mark", "eighth drawing",
    "ninth shape", "tenth symbol", "eleventh token", "twelfth figure",
)  # fmt: skip


def planted(folder: Path) -> set[frozenset[int]]:
    """Sixty pictures, twelve of them a second time under other names and captions; gives the pairs of numbers."""
    folder.mkdir()
    rows = [row for row in load_index() if (pictures_folder() / f"{row.file}.png").is_file()][::11][:SAMPLES]
    lines = []
    for number, row in enumerate(rows):
        shutil.copyfile(pictures_folder() / f"{row.file}.png", folder / f"{number}.png")
        lines.append((f"{number}.png", row.family, "train"))
    for number in range(PLANTED):
        shutil.copyfile(folder / f"{number * 5}.png", folder / f"copy_{number}.png")
        lines.append((f"copy_{number}.png", OTHER_WORDS[number], "train"))
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "caption", "split"), *lines])
    return {frozenset((number * 5, SAMPLES + number)) for number in range(PLANTED)}


def drawn(folder: Path, steps: int) -> Document:
    """The small CLIP on a folder of pictures, the whole set in every batch."""
    document = find_document("mini_clip")
    document = edits.change_node(
        document, "emoji", block="sources.caption_table", knobs={"folder": str(folder), "image_size": 32}
    )
    document = edits.set_knob(document, "resnet", "width", 16)
    nodes = {key: node for key, node in document.nodes.items() if key != "augment"}
    wires = tuple(w for w in document.wires if "augment" not in (w.source.node, w.target.node))
    document = replace(document, nodes=nodes, wires=wires, name="planted")
    document = edits.connect(document, edits.End(node="emoji", port="image"), edits.End(node="resnet", port="image"))
    return edits.set_recipe(
        document, steps=steps, batch_size=SAMPLES + PLANTED, callbacks={}, diagnostics={"similarity": {"every": 5}},
        learning_rate=0.003, threads=1,
    )  # fmt: skip


def brush(person: Person, monitor: Any, low: float, high: float) -> None:
    """Drag over the bars from one cosine to another."""
    plot = monitor._bars
    box = plot.plotItem.getViewBox()
    ends = [plot.mapFromScene(box.mapViewToScene(QPointF(x, 0.0))) for x in (low, high)]
    start, end = (QPoint(point.x(), plot.height() // 2) for point in ends)
    QTest.mousePress(plot.viewport(), LEFT, NO, start)
    QTest.mouseMove(plot.viewport(), (start + end) / 2)
    QTest.mouseMove(plot.viewport(), end)
    QTest.mouseRelease(plot.viewport(), LEFT, NO, end)


@pytest.mark.long
def test_planted_duplicates_are_found_judged_and_left_out(sit_down: Any, tmp_path: Path) -> None:
    person: Person = sit_down()
    pairs = planted(tmp_path / "pictures")
    person.session.show(drawn(tmp_path / "pictures", STEPS))
    assert person.problems() == []
    first = person.session.run()
    person.wait(lambda: person.ended(first), LONG)
    person.go_to("Train")
    monitor = person.window.wall.monitors["similarity"]
    person.wait(lambda: monitor.value() is not None and monitor.value().step == STEPS)
    person.wait_quiet()

    shown = person.session.library.reader(first).pairs_at("pairs/info_nce", STEPS)
    assert shown is not None
    hardest = [
        frozenset(pair) for pair in zip(shown.left[: shown.hardest].tolist(), shown.right[: shown.hardest].tolist())
    ]
    recall = len(pairs & set(hardest)) / len(pairs)
    count = SAMPLES + PLANTED
    chance = len(hardest) / (count * (count - 1) / 2)
    print(f"recall of planted pairs among the hardest {len(hardest)}: {recall:.2f}; by chance {chance:.3f}")
    assert recall >= 0.8
    assert chance < 0.05

    low = float(np.sort(shown.cosine[: shown.hardest])[0])
    brush(person, monitor, low - 0.02, 0.999)
    person.wait(lambda: monitor.pairs.isVisible() and monitor.pairs.model.rows)
    person.wait(lambda: not monitor.pairs.model.lacking())
    model, view = monitor.pairs.model, monitor.pairs.view
    found = [row for row, pair in enumerate(model.rows) if frozenset(pair.key) in pairs]
    assert len(found) >= 0.8 * len(pairs)
    row = model.rows[found[0]]
    one, other = model.image(row.left), model.image(row.right)
    assert one is not None
    assert one == other  # the very same picture
    assert model.sentence(row.left) != model.sentence(row.right)

    view.setFocus()
    for number in found:
        view.scrollTo(model.index(number))
        QTest.mouseClick(view.viewport(), LEFT, NO, view.visualRect(model.index(number)).center())
        QTest.keyClick(view, Qt.Key.Key_2)
    fingerprint = person.session.library.params(first)["data fingerprint"]
    kept = person.session.library.marks(fingerprint)
    assert {frozenset((each.left, each.right)) for each in kept} == {frozenset(model.rows[n].key) for n in found}
    assert {(each.mark, each.run, each.step) for each in kept} == {("duplicate", first, STEPS)}
    QTest.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(person.session.library.marks(fingerprint)) == len(found) - 1
    QTest.mouseClick(view.viewport(), LEFT, NO, view.visualRect(model.index(found[-1])).center())
    QTest.keyClick(view, Qt.Key.Key_2)

    assert f"({len(found)})" in monitor.pairs.use.text()
    person.click(monitor.pairs.use)
    person.wait(lambda: carried(person.session.document))
    assert carried(person.session.document)[0].pairs == len(found)
    person.session.undo()
    assert carried(person.session.document) == []
    person.session.redo()
    assert person.problems() == []
    second = person.session.run()
    person.wait(lambda: person.ended(second), LONG)
    library = person.session.library
    assert library.facts(second).status == "finished", library.facts(second).reason
    assert library.params(second)["judged pairs"] == f"{len(found)}, from planted #1 ({first})"
    assert any("Annotated pairs" in line.text for line in library.reader(second).log())
    judged = library.reader(second).points("judged/marked")[1]
    assert judged.min() == judged.max() == len(found)  # the whole set is in every batch
    again = library.reader(second).pairs_at("pairs/info_nce", STEPS)
    assert again is not None
    out = {
        frozenset((int(a), int(b)))
        for a, b, o in zip(again.left, again.right, again.origin)
        if again.origins[o] == "marked"
    }
    assert out <= {frozenset((each.left, each.right)) for each in kept}
