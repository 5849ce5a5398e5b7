"""The bar along the top: the device is a chip in it, not a wall."""

from __future__ import annotations

from widgets.top_bar import TopBar


def test_the_device_is_a_chip_with_air_above_and_below(qtbot):
    bar = TopBar([("design", "Design")])
    qtbot.addWidget(bar)
    bar.resize(1200, 44)
    bar.set_device("GPU 0 63 % · CPU 98 %")
    bar.show()
    chip = bar._device.geometry()
    assert chip.height() <= bar.height() - 12
    assert abs(chip.center().y() - bar.rect().center().y()) <= 1
    assert chip.right() <= bar.width() - 8
