"""Quantities, search, glyphs and contrast: what every widget shares."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

from widgets.look import quantities
from widgets.look.glyphs import _DRAWN, glyph, glyph_pixmap
from widgets.look.matching import best_first, match
from widgets.look.theme import DARK, LIGHT


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (quantities.count(1906), "1,906"), (quantities.count(74_000), "74 k"), (quantities.count(2_100_000), "2.1 M"),
        (quantities.count(999_990), "1 M"), (quantities.flops(38e6), "38 MFLOPs"), (quantities.flops(0), "0 FLOPs"),
        (quantities.mebibytes(9.6), "9.6 MiB"), (quantities.mebibytes(0.25), "256 KiB"), (quantities.mebibytes(2048), "2 GiB"),
        (quantities.duration(61), "61 s"), (quantities.duration(240), "4 min"), (quantities.duration(7800), "2 h 10 min"),
    ],
)  # fmt: skip
def test_quantities(made, text):
    assert made == text


def test_search_ranks_the_start_of_a_name_first():
    entries = [("a", ("Cross-attention", "reads vit tokens")), ("b", ("ViT", "a transformer")), ("c", ("Revit", ""))]
    assert best_first("vit", entries) == ["b", "a", "c"] or best_first("vit", entries)[0] == "b"
    assert best_first("", entries) == ["a", "b", "c"]
    assert match("tt", "Text transformer") > 0
    assert match("zz", "Text transformer") == 0
    assert match("text vit", "Text transformer") == 0


def test_every_glyph_lies_in_the_unit_square(qapp):
    for name in _DRAWN:
        box = glyph(name).boundingRect()
        assert box.left() >= -0.01
        assert box.right() <= 1.01
        assert not glyph_pixmap(name, "#ffffff").isNull()


def luminance(colour: str) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(colour).getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, two: str) -> float:
    a, b = sorted((luminance(one), luminance(two)), reverse=True)
    return (a + 0.05) / (b + 0.05)


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_texts_can_be_read(colours):
    for ground in (colours.window, colours.canvas, colours.panel, colours.raised):
        assert contrast(colours.text, ground) >= 7
        assert contrast(colours.muted, ground) >= 4.5
    assert contrast(colours.on_accent, colours.accent) >= 4.5
    for mark in (*colours.modality.values(), colours.good, colours.warning, colours.bad):
        assert contrast(mark, colours.canvas) >= 3
