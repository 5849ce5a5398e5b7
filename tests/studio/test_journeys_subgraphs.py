"""A person and subgraphs: made from a selection, entered, edited, left, unpacked, with mouse and keys; undo goes across the border."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.graph import edits
from core.graph.document import Document
from core.graph.subgraphs.flat import flat_document
from core.graph.subgraphs.levels import level, with_level
from tests.documents import tiny_clip
from tests.studio.journey import CTRL, NO, SHIFT, Person
from tests.studio.window.test_context_menus import right_click
from tests.subgraphs import three_deep

KEYS = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


def double_click(person: Person, node: str) -> None:
    canvas = person.window.canvas
    at = canvas.mapFromScene(canvas.board.nodes[node].box.center())
    QTest.mouseDClick(canvas.viewport(), Qt.MouseButton.LeftButton, NO, at)


def test_a_subgraph_is_made_entered_edited_left_and_unpacked(sit_down):
    person = sit_down(tiny_clip())
    session, canvas = person.session, person.window.canvas
    before = session.document
    canvas.select(["tokenizer", "text_transformer", "pool_2"])
    person.press(KEYS.Key_G, CTRL | SHIFT, on=canvas)
    person.type("Text tower")
    person.press(KEYS.Key_Return)
    made = session.document
    assert [each.title for each in made.definitions.values()] == ["Text tower"]
    (copy,) = canvas.selection()
    assert canvas.board.nodes[copy].shape_now.title == "Text tower"
    assert {spot.port.name for spot in canvas.board.nodes[copy].shape_now.spots} == {"sentence", "embedding"}
    person.analysed()
    assert session.analysis.is_runnable
    assert canvas.board.nodes[copy].facts.parameters > 0

    canvas.zoom_to(0.7)
    looked_from = canvas.scale_now
    person.press(KEYS.Key_Return, on=canvas)
    assert session.levels.path == (copy,)
    assert set(canvas.board.nodes) == {"entry", "tokenizer", "text_transformer", "pool_2", "exit"}
    assert canvas.breadcrumb.isVisible()
    assert [button.text() for button in canvas.breadcrumb.buttons] == ["tiny clip", "Text tower"]
    assert canvas.board.nodes["text_transformer"].facts.parameters > 0
    assert canvas.board.wires["entry.sentence>tokenizer.sentence"] is not None

    person.turn("text_transformer", width=24)
    assert flat_document(session.document).nodes[f"{copy}.text_transformer"].knobs["width"] == 24
    canvas.select(["pool_2"])
    person.press(KEYS.Key_M, on=canvas)
    assert canvas.document.nodes["pool_2"].muted
    person.press(KEYS.Key_Z, CTRL, on=canvas)
    assert not canvas.document.nodes["pool_2"].muted
    assert session.levels.path == (copy,)
    canvas.select(["text_transformer"])
    person.press(KEYS.Key_D, CTRL, on=canvas)
    assert "text_transformer_2" in session.document.definitions["text_tower"].nodes
    person.press(KEYS.Key_Z, CTRL, on=canvas)

    canvas.select([])
    person.press(KEYS.Key_Escape, on=canvas)
    assert session.levels.path == ()
    assert not canvas.breadcrumb.isVisible()
    assert canvas.scale_now == looked_from  # as it was left
    canvas.select([copy])
    person.press(KEYS.Key_G, ALT | SHIFT, on=canvas)
    assert session.document.nodes["text_transformer"].knobs["width"] == 24
    assert set(session.document.nodes) == set(before.nodes)
    for _ in range(3):
        person.press(KEYS.Key_Z, CTRL, on=canvas)
    assert session.document == before  # made and named was one step
    person.press(KEYS.Key_Z, CTRL | SHIFT, on=canvas)
    assert session.document == made
    canvas.select(["vit", "pool"])
    person.press(KEYS.Key_G, CTRL | SHIFT, on=canvas)
    person.press(KEYS.Key_Return)
    assert len(session.document.definitions) == 2
    person.press(KEYS.Key_Z, CTRL, on=canvas)
    assert session.document == made  # the second was a step of its own


def test_three_levels_by_clicks_and_back_by_the_way(sit_down):
    person = sit_down(three_deep())
    session, canvas = person.session, person.window.canvas
    for node in ("tower_2", "body", "core"):
        double_click(person, node)
    assert session.levels.path == ("tower_2", "body", "core")
    assert canvas.breadcrumb.note.text()
    canvas.select(["vit"])
    assert person.window.inspector.node_page is not None
    person.window.inspector.node_page.training.state.buttons["frozen"].click()
    flat = flat_document(session.document)
    assert flat.rule("tower_2.body.core.vit", 0).frozen
    assert not flat.rule("tower.body.core.vit", 0).frozen
    buttons = canvas.breadcrumb.buttons
    assert buttons[1].accessibleName()
    buttons[1].setFocus()
    person.press(KEYS.Key_Space, on=buttons[1])
    assert session.levels.path == ("tower_2",)
    person.press(KEYS.Key_PageUp, on=canvas)
    assert session.levels.path == ()
    assert canvas.selection() == ["tower_2"]
    person.press(KEYS.Key_PageDown, on=canvas)
    assert session.levels.path == ("tower_2",)
    person.press(KEYS.Key_Z, CTRL, on=canvas)  # what was said three levels in is taken back from here
    assert not flat_document(session.document).rule("tower_2.body.core.vit", 0).frozen


def test_a_problem_inside_is_told_with_its_place_and_gone_to(sit_down):
    document = three_deep()
    path = ("tower", "body", "core")
    document = with_level(document, path, edits.set_knob(level(document, path), "vit", "heads", 5))
    person = sit_down(document)
    canvas, window = person.window.canvas, person.window
    person.wait(lambda: person.session.analysis is not None and not person.session.analysis.is_runnable)
    assert canvas.board.nodes["tower"].severity == "error"
    assert "Tower › Body › Core › " in canvas.problem_bar.sentence.text()
    row = window.problems.rows[0]
    window.show_left_tab(2)
    QApplication.processEvents()
    person.click(row)
    assert person.session.levels.path == path
    assert canvas.selection() == ["vit"]
    assert canvas.board.nodes["vit"].severity == "error"


def test_what_cannot_become_a_subgraph_says_why(sit_down):
    person = sit_down(tiny_clip())
    canvas = person.window.canvas
    canvas.select([])
    canvas.group_selection()
    canvas.select(["emoji"])
    canvas.group_selection()
    canvas.select(["vit", "projection"])
    canvas.group_selection()
    assert [said[:20] for said in person.said[-3:]] == [
        "Select the blocks th",
        "A source alone makes",
        "'pool' lies between ",
    ]
    assert person.session.document.definitions == {}


def test_a_port_is_led_out_and_taken_away_by_the_menu(sit_down):
    person = sit_down(three_deep())
    session, canvas = person.session, person.window.canvas
    double_click(person, "tower")
    end, gives = canvas.port_under(canvas.board.nodes["body"].spot_at("embedding", True))
    canvas.lead_out(end, gives)
    names = [port.name for port in session.document.definitions["tower"].gives]
    assert names == ["embedding", "embedding_2"]
    assert "body.embedding>exit.embedding_2" in canvas.board.wires
    assert {spot.port.name for spot in canvas.board.nodes["exit"].shape_now.spots} == set(names)
    person.press(KEYS.Key_Escape, on=canvas)
    assert {spot.port.name for spot in canvas.board.nodes["tower_2"].shape_now.spots if spot.outgoing} == set(names)
    double_click(person, "tower")
    end, _ = canvas.port_under(canvas.board.nodes["exit"].spot_at("embedding", False))
    canvas.remove_border_port(end)
    assert "Tower changed in 2 places" in person.said[-1]
    assert "wires that went with them: 2" in person.said[-1]
    person.press(KEYS.Key_Z, CTRL, on=canvas)
    assert len(session.document.wires) == len(three_deep().wires)


def test_settings_are_shown_named_ordered_set_and_hidden(sit_down):
    person = sit_down(three_deep())
    session, canvas, inspector = person.session, person.window.canvas, person.window.inspector
    for node in ("tower_2", "body", "core"):
        double_click(person, node)
    person.select("vit")
    page = inspector.node_page
    assert page is not None
    assert "↗" in page.form.rows["width"].label.text()
    assert "Width = 32" in page.copied.text()  # which this copy sets, through three levels
    depth = page.form.rows["depth"]
    menu = right_click(depth.label, depth.label.rect().center())
    assert menu is not None
    next(entry for entry in menu.actions() if entry.objectName() == "show_on_subgraph").trigger()
    menu.close()
    assert [each.name for each in session.document.definitions["core"].knobs] == ["width", "depth"]
    canvas.select([])
    row = inspector.subgraph_page.rows["knobs", "depth"]
    row.up.click()
    assert [each.name for each in session.document.definitions["core"].knobs] == ["depth", "width"]
    row = inspector.subgraph_page.rows["knobs", "width"]
    row.name.setFocus()
    row.name.selectAll()
    QTest.keyClicks(row.name, "breadth")
    person.press(KEYS.Key_Return, on=row.name)
    assert [each.name for each in session.document.definitions["core"].knobs] == ["depth", "breadth"]
    assert flat_document(session.document).nodes["tower_2.body.core.vit"].knobs["width"] == 32
    row = inspector.subgraph_page.rows["takes", "image"]
    row.name.setFocus()
    row.name.selectAll()
    QTest.keyClicks(row.name, "a.b")
    person.press(KEYS.Key_Return, on=row.name)
    assert "cannot be a name here" in person.said[-1]
    assert inspector.subgraph_page.rows["takes", "image"].name.text() == "image"

    person.press(KEYS.Key_Escape, on=canvas)
    person.turn("core", depth=2)
    flat = flat_document(session.document)
    assert [flat.nodes[f"{copy}.body.core.vit"].knobs["depth"] for copy in ("tower", "tower_2")] == [2, 2]
    canvas.leave()
    canvas.leave()
    assert session.levels.path == ()
    person.turn("tower", width=40)
    flat = flat_document(session.document)
    assert [flat.nodes[f"{copy}.body.core.vit"].knobs["width"] for copy in ("tower", "tower_2")] == [40, 32]
    assert inspector.node_page is not None
    person.click(inspector.node_page.enter)
    assert session.levels.path == ("tower",)
    inspector.subgraph_page.rows["knobs", "width"].remove.click()
    assert "tower_2 keeps width = 32, which nothing shows" in person.said[-1]
    assert session.document.nodes["tower_2"].knobs == {"width": 32}
    person.press(KEYS.Key_Z, CTRL, on=canvas)
    assert flat_document(session.document).nodes["tower_2.body.core.vit"].knobs["width"] == 32


def test_a_subgraph_is_taken_from_the_palette_and_carried_to_another_document(sit_down):
    person = sit_down(three_deep())
    session, canvas, palette = person.session, person.window.canvas, person.window.palette_panel
    assert palette.shown()[:3] == ["subgraphs.tower", "subgraphs.body", "subgraphs.core"]
    node = person.add_by_drag("subgraphs.tower", QPointF(100, 500))
    assert node == "tower_3"
    assert {spot.port.name for spot in canvas.board.nodes[node].shape_now.spots} == {"image", "embedding"}
    double_click(person, "tower")
    assert palette.shown()[:2] == ["subgraphs.body", "subgraphs.core"]  # never what would hold itself
    canvas.leave()
    canvas.select(["tower_2"])
    person.press(KEYS.Key_C, CTRL, on=canvas)
    session.show(Document())
    assert not any(key.startswith("subgraphs.") for key in palette.shown())
    person.press(KEYS.Key_V, CTRL, on=canvas)
    (pasted,) = canvas.selection()
    assert flat_document(session.document).nodes[f"{pasted}.body.core.vit"].knobs["width"] == 32
    assert palette.shown()[:3] == ["subgraphs.tower", "subgraphs.body", "subgraphs.core"]
    palette.forgetRequested.emit("subgraphs.tower")
    assert "Its copies in the document: 1" in person.said[-1]
    person.press(KEYS.Key_Delete, on=canvas)
    palette.forgetRequested.emit("subgraphs.tower")
    assert set(session.document.definitions) == {"body", "core"}
    for _ in range(3):
        person.press(KEYS.Key_Z, CTRL, on=canvas)
    assert session.document.definitions == {}
