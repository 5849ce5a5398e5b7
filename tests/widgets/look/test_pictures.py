"""Pictures from arrays: the right pixels, and heat that hides nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from widgets.look.pictures import fitted, heat_colour, heat_of, image_of, readable

pytestmark = pytest.mark.usefixtures("qapp")


def test_an_array_becomes_its_pixels():
    pixels = np.zeros((2, 3, 3), dtype=np.uint8)
    pixels[1, 2] = (10, 20, 30)
    image = image_of(pixels[:, ::1])
    assert (image.width(), image.height()) == (3, 2)
    assert image.pixelColor(2, 1).getRgb()[:3] == (10, 20, 30)
    pixels[1, 2] = 99
    assert image.pixelColor(2, 1).red() == 10, "the pixels are copied"


def test_heat_grows_more_opaque_with_weight_and_survives_nan():
    image = heat_of(np.array([[0.0, 0.1, 0.5, 1.0, np.nan]], dtype=np.float32))
    alphas = [image.pixelColor(x, 0).alpha() for x in range(5)]
    assert alphas[0] == alphas[4] == 0
    assert alphas[:4] == sorted(alphas[:4])
    assert len(set(alphas[:4])) == 4


def test_no_weight_at_all_is_no_heat():
    assert heat_of(np.zeros((2, 2), dtype=np.float32)).pixelColor(1, 1).alpha() == 0


def test_fitting_keeps_proportions_and_the_middle():
    place = fitted(2, 1, QRectF(0, 0, 100, 100))
    assert place == QRectF(0, 25, 100, 50)


def test_words_are_lit_between_their_background_and_the_colour():
    dark, lit = heat_colour(0.0, "#ffffff", "#000000"), heat_colour(1.0, "#ffffff", "#000000")
    assert QColor("#000000").lightness() < dark.lightness() < lit.lightness() < 255


def test_pieces_of_text_are_readable():
    assert readable(("a", " ", "\n", "b")) == ("a", "␣", "␣", "b")
    assert readable(("", "b", " button", " (", "")) == ("⟨start⟩", "b", "button", "(", "⟨end⟩")
