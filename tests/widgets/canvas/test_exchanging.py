"""A right click exchanges a block for another with the same ports, wires and all, as one step that can be undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPointF

from core.graph.vocabulary import Vocabulary
from tests.widgets import sample
from widgets.canvas import menus

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


@pytest.fixture
def widest(hand):
    """The sample's words and one more: another block with the ports of the pooling."""
    words = sample.vocabulary()
    pool = words[hand.session.now.nodes["pool"].block]
    other = replace(pool, key=f"{pool.key}_wider", title="Wider & other")
    hand.canvas.board.vocabulary = Vocabulary([*words.values(), other], words.options)
    return other.key


def exchange(hand, chosen):
    hand.canvas.select(chosen)
    menu = menus.menu_for(hand.canvas, QPointF())
    return menu, next(action for action in menu.actions() if action.objectName() == "exchange")


def test_the_menu_names_what_fits_and_the_wires_stay(hand, widest):
    before = hand.session.now
    menu, entry = exchange(hand, ["pool"])
    fitting = next(action for action in entry.menu().actions() if action.objectName() == f"exchange_for_{widest}")
    assert fitting.text() == "Wider && other"
    fitting.trigger()
    menu.close()
    assert hand.session.now.nodes["pool"].block == widest
    assert hand.session.now.wires == before.wires


def test_of_several_or_where_none_fits_nothing_is_offered(hand, widest):
    for chosen in (["pool", "pool_2"], ["infonce"]):
        menu, entry = exchange(hand, chosen)
        assert not entry.isEnabled()
        assert entry.toolTip()
        menu.close()


def test_each_of_them_can_be_asked_for_as_a_sweep(hand, widest):
    heard = []
    hand.canvas.alternativesRequested.connect(heard.append)
    menu, entry = exchange(hand, ["pool"])
    next(action for action in entry.menu().actions() if action.objectName() == "alternatives").trigger()
    menu.close()
    assert heard == ["pool"]
    menu, entry = exchange(hand, ["infonce"])
    assert not any(action.objectName() == "alternatives" for action in entry.menu().actions())
    menu.close()
