"""What is clicked or typed into can be seen: 3 : 1 against all that it may lie on (WCAG 2.2, 1.4.11), in both themes."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.inspector.fields.switch import Switch
from widgets.look.theme import THEMES, Theme, apply_theme, style_sheet

LEAST = 3.0


def luminance(colour: QColor) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor | str, other: QColor | str) -> float:
    low, high = sorted(luminance(QColor(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def grounds(colours: Theme) -> tuple[str, ...]:
    return colours.window, colours.canvas, colours.panel, colours.raised


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("role", ["edge", "accent", "muted"])
def test_borders_and_marks_of_controls_are_seen_on_every_ground(name: str, role: str) -> None:
    colours = THEMES[name]
    assert min(contrast(getattr(colours, role), ground) for ground in grounds(colours)) >= LEAST
    assert contrast(colours.on_accent, colours.accent) >= LEAST


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(("rule", "property_"), [("QPushButton", "border"), ("QScrollBar::handle", "background")])
def test_the_style_sheet_draws_controls_with_such_colours(name: str, rule: str, property_: str) -> None:
    body = re.search(rf"^\s*{rule} \{{(.*?)\}}", style_sheet(THEMES[name]), re.MULTILINE | re.DOTALL)
    assert body is not None
    colour = re.search(rf"{property_}:[^;]*(#\w{{6}})", body[1])
    assert colour is not None
    assert min(contrast(colour[1], ground) for ground in grounds(THEMES[name])) >= LEAST


def checks() -> QListWidget:
    made = QListWidget()
    item = QListWidgetItem("one", made)
    item.setCheckState(Qt.CheckState.Unchecked)
    return made


CONTROLS = {
    "check box": QCheckBox, "radio button": QRadioButton, "line": QLineEdit, "number": QDoubleSpinBox, "choice": QComboBox,
    "text": QPlainTextEdit, "item's check box": checks, "slider": lambda: QSlider(Qt.Orientation.Horizontal),
    "switch": Switch, "button": QPushButton,
}  # fmt: skip


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("kind", CONTROLS)
def test_a_control_as_it_is_drawn_has_a_border_that_is_seen(qtbot, name: str, kind: str) -> None:
    """Of the colours along its border, the one that stands out most from the ground."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    apply_theme(application, name.split()[-1], "high" if THEMES[name].is_high else "normal")
    try:
        page = QWidget()
        qtbot.addWidget(page)
        control = CONTROLS[kind]()
        control.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        QVBoxLayout(page).addWidget(control)
        page.resize(180, 70)
        page.show()
        image: QImage = page.grab().toImage()
        ground = THEMES[name].panel if kind == "item's check box" else image.pixelColor(2, 2)
        rows = range(control.y(), control.y() + min(control.height(), 26))
        seen = max(contrast(image.pixelColor(x, y), ground) for y in rows for x in range(control.x(), control.x() + 24))
        assert seen >= LEAST
    finally:
        apply_theme(application, "dark")


@pytest.mark.parametrize("name", [name for name in THEMES if THEMES[name].is_high])
def test_in_high_contrast_all_text_is_7_to_1_and_all_marks_3_to_1(name: str) -> None:
    """WCAG 2.2, 1.4.6 and 1.4.11, on every ground; modalities, curves and lines are marks."""
    colours = THEMES[name]
    for role in ("text", "muted", "accent", "good", "warning", "bad"):
        assert min(contrast(getattr(colours, role), ground) for ground in grounds(colours)) >= 7, role
    assert contrast(colours.on_accent, colours.accent) >= 7
    for colour in (*colours.modality.values(), *colours.series, colours.line, colours.edge):
        assert min(contrast(colour, ground) for ground in grounds(colours)) >= LEAST, colour


@pytest.mark.parametrize("name", THEMES)
def test_wires_and_handles_are_seen_on_the_canvas(name: str) -> None:
    colours = THEMES[name]
    assert min(contrast(colour, colours.canvas) for colour in colours.modality.values()) >= LEAST
