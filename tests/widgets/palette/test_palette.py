"""The palette: families, search in both languages, keys, double click and drag."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.widgets import sample
from widgets.look import language
from widgets.look.entry import BLOCK_MIME
from widgets.palette.palette import Palette, block_tip


@pytest.fixture
def palette(qtbot):
    made = Palette()
    qtbot.addWidget(made)
    made.resize(220, 600)
    made.set_vocabulary(sample.vocabulary())
    made.show()
    qtbot.waitExposed(made)
    return made


def test_blocks_stand_under_their_families_sources_first(palette):
    heads = [palette.tree.topLevelItem(i).text(0) for i in range(palette.tree.topLevelItemCount())]
    assert heads == ["Sources", "Transforms", "Encoders", "Connectors", "Fusion", "Objectives"]
    assert len(palette.shown()) == len(sample.vocabulary())


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("vit", "encoders.vit"),
        ("contrastive", "objectives.infonce"),
        ("tt", "encoders.text_transformer"),
        ("fusion", "fusion.cross"),
    ],
)
def test_typing_finds_and_enter_asks(palette, qtbot, typed, first):
    QTest.keyClicks(palette.field, typed)
    assert first in palette.shown()
    with qtbot.waitSignal(palette.blockRequested) as caught:
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert caught.args == [first]


def test_arrows_move_through_what_is_shown(palette, qtbot):
    QTest.keyClicks(palette.field, "t")
    shown = palette.shown()
    palette.tree.setCurrentItem(palette._entries[shown[0]])
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    with qtbot.waitSignal(palette.blockRequested) as caught:
        QTest.keyClick(palette.tree, Qt.Key.Key_Return)
    assert caught.args == [shown[1]]


def test_nothing_found_says_so_and_esc_clears(palette):
    QTest.keyClicks(palette.field, "qqqq")
    assert palette.shown() == []
    assert palette._nothing.isVisible()
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.field.text() == ""
    assert palette.tree.isVisible()


def test_double_click_asks_and_a_heading_folds(palette, qtbot):
    item = palette._entries["encoders.vit"]
    spot = palette.tree.visualItemRect(item).center()
    with qtbot.waitSignal(palette.blockRequested, timeout=1000) as caught:
        QTest.mouseClick(palette.tree.viewport(), Qt.MouseButton.LeftButton, pos=spot)
        QTest.mouseDClick(palette.tree.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert caught.args == ["encoders.vit"]
    head = palette.tree.topLevelItem(0)
    QTest.mouseClick(palette.tree.viewport(), Qt.MouseButton.LeftButton, pos=palette.tree.visualItemRect(head).center())
    assert not head.isExpanded()


def test_a_drag_carries_the_key(palette):
    mime = palette.tree.mimeData([palette._entries["encoders.vit"]])
    assert bytes(mime.data(BLOCK_MIME).data()) == b"encoders.vit"
    assert not palette.tree.mimeData([palette.tree.topLevelItem(0)]).hasFormat(BLOCK_MIME)


def test_chinese_names_are_found(palette, monkeypatch):
    monkeypatch.setitem(language._table, "Cross-attention", "交叉注意力")
    palette.restyle()
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    palette.field.setText("注意")
    assert palette.shown() == ["fusion.cross"]


def test_the_tip_holds_summary_and_paper():
    text = block_tip(sample.vocabulary()["encoders.vit"])
    assert "Vision Transformer." in text
    assert "arXiv 2010.11929" in text


def test_the_tables_are_json_of_text_to_text():
    folder = resources.files("resources") / "translations" / "zh_CN"
    for area in ("canvas", "palette", "inspector", "look"):
        table = json.loads((folder / f"{area}.json").read_text(encoding="utf-8"))
        assert table
        assert all(isinstance(k, str) and isinstance(v, str) and v for k, v in table.items())
