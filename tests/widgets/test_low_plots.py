"""Where a card is low or narrow: labels never lie over one another, commands keep their icons, and pages fit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QLabel, QWidget

from widgets.library.library import LibraryView
from widgets.loose import LooseStack
from widgets.monitors.curves.rates import RateMonitor
from widgets.monitors.plot import Axis
from widgets.sweeps.sweeps import SweepsView


@pytest.mark.parametrize("size", [14.0, 24.0, 34.0, 60.0, 300.0])
@pytest.mark.parametrize(("low", "high"), [(0.0703, 0.0717), (-0.62, 0.71), (0.0, 1.0), (150.0, 260.0)])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_labels_of_a_low_axis_do_not_lie_over_one_another(qtbot, size, low, high, logarithmic):
    axis = Axis("left")
    axis.logarithmic = logarithmic
    if logarithmic:
        low, high = -1.2, 0.9  # decades
    height = QFontMetricsF(axis.style["tickFont"]).height() * 0.8  # of the digits alone
    for _, values in axis.tickValues(low, high, size):
        apart = [(b - a) / (high - low) * size for a, b in pairwise(values)]
        assert all(gap >= height for gap in apart), (size, values)


@pytest.mark.parametrize(("width", "alone"), [(1500, False), (620, True)])
def test_commands_of_runs_lose_their_words_before_they_are_cut(qtbot, width, alone):
    window, view = QWidget(), LibraryView()
    qtbot.addWidget(window)
    stack = LooseStack(window)
    stack.addWidget(view)
    stack.resize(width, 500)
    window.resize(width, 500)
    window.show()
    last = list(view._buttons.values())[-1]
    qtbot.waitUntil(lambda: last.geometry().right() <= width)
    for button in view._buttons.values():
        assert button.width() >= button.minimumSizeHint().width()
        assert button.toolTip()
        assert (button.toolButtonStyle().name == "ToolButtonIconOnly") is alone


def test_the_page_of_sweeps_fits_a_narrow_window(qtbot):
    view = SweepsView()
    qtbot.addWidget(view)
    view.resize(780, 500)
    view.show()
    view.pages.setCurrentIndex(1)
    view.name.setText("A sweep with a name that is rather long for a small window")
    assert view.minimumSizeHint().width() <= 780


def test_the_name_of_a_card_with_a_command_is_not_cut_where_it_has_room(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    card = RateMonitor(window)
    window.show()
    around = 66  # margins, gaps and the button of the options
    needed = card.fontMetrics().horizontalAdvance(RateMonitor.title) + card.change.sizeHint().width() + around
    card.setGeometry(0, 0, needed + 20, 200)
    name = next(label for label in card.findChildren(QLabel) if label.text() == RateMonitor.title)
    assert name.width() >= name.fontMetrics().horizontalAdvance(name.text())
