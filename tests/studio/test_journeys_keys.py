"""A person without a mouse draws mini-CLIP and trains it: on the canvas by keyboard alone, and in the outline alone."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QTreeWidgetItem, QWidget

from core.graph.document import Document, End
from tests.studio.journey import CTRL, Person
from widgets.canvas.outline import PORT, SPOKEN
from widgets.look.entry import KEY

KEYS, ALT, SHIFT = Qt.Key, Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
WIRES = {
    "emoji.image>resnet.image", "resnet.tokens>pool.tokens", "pool.embedding>projection.embedding", "projection.embedding>info_nce.left",
    "emoji.sentence>tokenizer.sentence", "tokenizer.text>text_transformer.text", "text_transformer.tokens>pool_2.tokens",
    "pool_2.embedding>projection_2.embedding", "projection_2.embedding>info_nce.right",
}  # fmt: skip
SETTINGS = {
    "emoji": {"image_size": 16},
    "tokenizer": {"vocabulary": 300, "length": 8},
    "resnet": {"width": 8},
    "text_transformer": {"width": 16, "depth": 1, "heads": 2},
}


class Typist(Person):
    """Every key goes to whatever has the focus; the mouse is never moved."""

    def focused(self) -> QWidget:
        found = QApplication.focusWidget()
        assert found is not None
        return found

    def search(self, words: str) -> None:
        """Type into the quick search that is open, and take the first answer."""
        assert self.focused() is self.window.canvas.search.field
        self.type(words)
        self.press(KEYS.Key_Return)

    def tab_to(self, widget: QWidget) -> None:
        """Tab until something has the focus."""
        for _ in range(120):
            if self.focused() is widget:
                return
            self.press(KEYS.Key_Tab)
        raise AssertionError(f"Tab never reaches {widget.accessibleName()!r}")

    def fill(self, form: Any, **knobs: int) -> None:
        """Go through a form and type values."""
        for name, value in knobs.items():
            edit = form.rows[name].field.edit
            self.tab_to(edit)
            self.press(KEYS.Key_A, CTRL)
            self.type(str(value))
            self.press(KEYS.Key_Return)

    def run_it(self) -> None:
        """Ctrl+Return, and wait for the end."""
        self.analysed()
        assert self.problems() == []
        self.press(KEYS.Key_Return, CTRL)
        self.wait(lambda: self.session.watched)
        uid = self.session.watched
        self.wait(lambda: self.ended(uid))
        facts = self.session.facts(uid)
        assert (facts.status, facts.step) == ("finished", 3)


def drawn(person: Typist) -> None:
    assert {wire.key for wire in person.session.document.wires} == WIRES
    nodes = list(person.window.canvas.board.nodes.values())
    assert not [(a, b) for a in nodes for b in nodes if a is not b and a.box.intersects(b.box)]


@pytest.mark.long
def test_mini_clip_is_drawn_and_trained_by_keyboard_alone(sit_down: Any) -> None:
    person = sit_down(Document(), Typist)
    canvas, inspector = person.window.canvas, person.window.inspector
    assert person.focused() is canvas

    def choose(port: str) -> str:
        """P until the port with this name is chosen; gives what is said of it."""
        for _ in range(12):
            person.press(KEYS.Key_P)
            if canvas.bubble.text().startswith(port):
                return canvas.bubble.text()
        raise AssertionError(f"no port {port}: {canvas.bubble.text()}")

    def grow(port: str, block: str) -> None:
        """A new block at a port of the selected one; the new one is selected then."""
        choose(port)
        person.press(KEYS.Key_Return)
        person.search("add a block")
        person.search(block)
        assert person.focused() is canvas

    person.press(KEYS.Key_Tab)
    person.search("emoji pairs")
    for port, block in (
        ("Output image", "ResNet"),
        ("Output tokens", "Pooling"),
        ("Output embedding", "Projection"),
        ("Output embedding", "InfoNCE"),
    ):
        grow(port, block)
    person.press(KEYS.Key_F, CTRL)
    person.search("emoji pairs")
    for port, block in (
        ("Output text", "Tokenizer"),
        ("Output token ids", "Text transformer"),
        ("Output tokens", "Pooling"),
        ("Output embedding", "Projection"),
    ):
        grow(port, block)
    choose("Output embedding")
    person.press(KEYS.Key_Return)
    person.search("infonce right")
    assert "wired to InfoNCE right" in canvas.bubble.text()
    person.press(KEYS.Key_Delete)
    assert len(person.session.document.wires) == 8
    assert canvas.selection() == ["projection_2"]
    person.press(KEYS.Key_Z, CTRL)
    drawn(person)

    person.analysed()
    person.press(KEYS.Key_F, CTRL)
    person.search("resnet")
    assert choose("Input image") == "Input image, image, B×3×64×64, wired to Emoji pairs image"
    assert "Output tokens, image tokens, B×" in choose("Output tokens")
    item = canvas.board.nodes["resnet"]
    assert item.chosen == ("tokens", True)
    with_ring = item._state()
    person.press(KEYS.Key_Escape)
    assert item.chosen is None
    assert canvas.selection() == ["resnet"]
    assert item._state() != with_ring

    for node, knobs in SETTINGS.items():
        person.press(KEYS.Key_F, CTRL)
        person.search("emoji pairs" if node == "emoji" else node.replace("_", " "))
        person.press(KEYS.Key_Return, ALT)
        person.fill(inspector.node_page.form, **knobs)
        person.press(KEYS.Key_F6, SHIFT)
        assert person.focused() is canvas
    person.press(KEYS.Key_Escape)
    assert canvas.selection() == []
    person.press(KEYS.Key_Return, ALT)
    person.fill(inspector.document_page.form, steps=3, batch_size=16)
    person.run_it()


@pytest.mark.long
def test_mini_clip_is_drawn_and_trained_in_the_outline_alone(sit_down: Any) -> None:
    person = sit_down(Document(), Typist)
    window, inspector = person.window, person.window.inspector
    tree = window.outline.tree
    person.press(KEYS.Key_O, CTRL | SHIFT)
    assert person.focused() is tree

    def row(node: str) -> QTreeWidgetItem:
        found = (tree.topLevelItem(number) for number in range(tree.topLevelItemCount()))
        return next(item for item in found if item.data(0, KEY) == node)

    def walk(role: int, wanted: object) -> QTreeWidgetItem:
        """Arrows, until such a row is current."""
        person.press(KEYS.Key_Home)
        for _ in range(90):
            if tree.currentItem().data(0, role) == wanted:
                return tree.currentItem()
            if not tree.currentItem().isExpanded():
                person.press(KEYS.Key_Right)
            person.press(KEYS.Key_Down)
        raise AssertionError(wanted)

    def at(node: str, port: str, gives: bool) -> QTreeWidgetItem:
        return walk(PORT, (End(node=node, port=port), gives))

    for words in (
        "emoji pairs",
        "resnet",
        "text transformer",
        "tokenizer",
        "pooling",
        "pooling",
        "projection",
        "projection",
        "infonce",
    ):
        person.press(KEYS.Key_Insert)
        person.search(words)
        assert person.focused() is tree
    for wire in sorted(WIRES):
        (giver, out), (taker, into) = (end.split(".") for end in wire.split(">"))
        at(giver, out, True)
        person.press(KEYS.Key_J, CTRL)
        title = row(taker).text(0).split(" · ")[0]
        number = taker.rpartition("_")[2]
        person.search(f"{title} {number} {into}" if number.isdigit() else f"{title} {into}")
    drawn(person)
    person.analysed()
    spoken = at("pool_2", "tokens", False)
    assert spoken.data(0, SPOKEN).startswith("Input tokens, text tokens, B×")
    person.press(KEYS.Key_Delete)
    assert len(person.session.document.wires) == 8
    assert tree.currentItem().data(0, PORT)[0].node == "pool_2"
    assert tree.currentItem().data(0, SPOKEN) == "Input tokens, tokens, B×N×D, not connected, needed"
    person.press(KEYS.Key_Z, CTRL)
    for node, knobs in SETTINGS.items():
        walk(KEY, node)
        person.press(KEYS.Key_Return, ALT)
        person.fill(inspector.node_page.form, **knobs)
        person.press(KEYS.Key_O, CTRL | SHIFT)
    tree.clearSelection()
    person.press(KEYS.Key_Return, ALT)
    person.fill(inspector.document_page.form, steps=3, batch_size=16)
    person.run_it()
