"""Files change outside the window: what was refused because of them is looked at again, on every page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from core.graph import edits
from core.graph.document import Document, Node
from tests.documents import tiny_clip


def of_captions(folder: Path) -> Document:
    document = Document(nodes={"table": Node(id="table", block="sources.caption_table")})
    return edits.set_knob(document, "table", "folder", str(folder), None)


def write_table(folder: Path, head: str) -> None:
    for number in range(4):
        Image.new("RGB", (8, 8), (number * 60, 0, 0)).save(folder / f"{number}.png")
    rows = "".join(f"{number}.png,red {number},r\n" for number in range(4))
    (folder / "captions.csv").write_text(f"{head}\n{rows}", encoding="utf-8")


def test_a_mended_table_is_read_again(sit_down, tmp_path: Path) -> None:
    write_table(tmp_path, "file,caption,caption")
    person = sit_down(of_captions(tmp_path))
    assert any("two columns" in problem for problem in person.problems())
    person.window.canvas.select(["table"])
    preview = person.window.inspector.node_page.preview
    person.wait(lambda: person.texts(preview, "two columns"))
    write_table(tmp_path, "file,caption,notes")
    QApplication.sendEvent(person.window, QEvent(QEvent.Type.ActivationChange))
    person.wait(lambda: not any("two columns" in problem.what for problem in person.session.analysis.problems))
    person.wait(lambda: preview.table.rowCount() == 4)

    write_table(tmp_path, "file,caption,caption")
    person.go_to("Data")
    data = person.window.rooms.data().panel
    person.wait(lambda: person.texts(data, "two columns"))
    write_table(tmp_path, "file,caption,notes")
    person.click(person.button("Look again", data))
    person.wait(lambda: person.texts(data, "Every row and file is used."))


def test_a_new_experiment_is_seen_on_whatever_page_it_is_begun(sit_down) -> None:
    person = sit_down(tiny_clip())
    person.go_to("Runs")
    person.press(Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert person.window.pages.current == "design"
    assert not person.session.document.nodes


def test_the_overview_covers_no_graph_on_a_small_canvas(sit_down) -> None:
    person = sit_down(tiny_clip())
    canvas = person.window.canvas
    assert canvas.minimap.isVisible()
    person.window.resize(1024, 700)
    QApplication.processEvents()
    assert not canvas.minimap.isVisible()


def test_a_layout_of_a_larger_window_leaves_room_for_the_canvas(sit_down) -> None:
    window = sit_down(tiny_clip()).window
    window.resizeDocks([window.docks["monitors"]], [420], Qt.Orientation.Vertical)
    window.show_page("runs")
    window.resize(1024, 700)
    window.show_page("design")
    QApplication.processEvents()
    QApplication.processEvents()
    assert window.canvas.height() > 220
