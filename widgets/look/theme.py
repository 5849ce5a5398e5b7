"""Colours, used the same everywhere: one accent, one colour a modality, light and dark.

``theme()`` gives the current colours; ``look.changed`` is emitted when they change, and every widget that paints by
hand repaints on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from widgets.look.desktop import wants_contrast


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours as ``#rrggbb``."""

    name: str
    is_dark: bool
    is_high: bool = (
        False  # of high contrast: text 7 : 1 (WCAG 2.2, 1.4.6), lines and marks 3 : 1, modalities by shape too
    )
    window: str  # behind everything
    canvas: str
    panel: str  # docks, cards
    raised: str  # buttons, fields, nodes
    line: str  # borders of areas, grid lines
    edge: str  # borders of what is clicked or typed into: 3 : 1 against all it may lie on (WCAG 2.2, 1.4.11)
    text: str
    muted: str  # second-rank text
    accent: str
    on_accent: str
    good: str
    warning: str
    bad: str
    modality: Mapping[str, str]
    series: tuple[str, ...]  # curves of compared runs, in order


DARK = Theme(
    name="dark", is_dark=True, window="#14161a", canvas="#121419", panel="#1b1e24", raised="#242830", line="#323741", edge="#6f7887",
    text="#e6e9ef", muted="#98a0ad", accent="#5c9dff", on_accent="#0b1220", good="#57c98a", warning="#e6b04a",
    bad="#f0716f",
    modality=MappingProxyType({
        "image": "#4ea1f5", "text": "#f0b34c", "audio": "#ec6fae", "video": "#4cc9c0", "shared": "#9b82f3",
        "loss": "#f0716f", "any": "#8d96a5",
    }),
    series=("#5c9dff", "#f0b34c", "#57c98a", "#ec6fae", "#9b82f3", "#4cc9c0", "#f0716f", "#b8c26a"),
)  # fmt: skip

LIGHT = Theme(
    name="light", is_dark=False, window="#eef0f3", canvas="#f6f7f9", panel="#ffffff", raised="#f2f4f7", line="#d3d8e0", edge="#727b8a",
    text="#1c2128", muted="#5d6776", accent="#1f6feb", on_accent="#ffffff", good="#1d8a4f", warning="#9a6700",
    bad="#cf3a38",
    modality=MappingProxyType({
        "image": "#1f78d1", "text": "#b67700", "audio": "#c23880", "video": "#0f8f86", "shared": "#6f4fd8",
        "loss": "#cf3a38", "any": "#68717f",
    }),
    series=("#1f6feb", "#b67700", "#1d8a4f", "#c23880", "#6f4fd8", "#0f8f86", "#cf3a38", "#7a8420"),
)  # fmt: skip


HIGH_DARK = Theme(
    name="high dark", is_dark=True, is_high=True, window="#000000", canvas="#000000", panel="#000000", raised="#1a1a1a", line="#8a8a8a",
    edge="#c8c8c8", text="#ffffff", muted="#d6d6d6", accent="#8ec5ff", on_accent="#000000", good="#7ef0ae", warning="#ffd866",
    bad="#ffa9a7",
    modality=MappingProxyType({
        "image": "#7fc1ff", "text": "#ffcf6b", "audio": "#ff9fd0", "video": "#6fe8de", "shared": "#c9b8ff", "loss": "#ffa9a7",
        "any": "#cccccc",
    }),
    series=("#8ec5ff", "#ffcf6b", "#7ef0ae", "#ff9fd0", "#c9b8ff", "#6fe8de", "#ffa9a7", "#d8e27a"),
)  # fmt: skip

HIGH_LIGHT = Theme(
    name="high light", is_dark=False, is_high=True, window="#ffffff", canvas="#ffffff", panel="#ffffff", raised="#f0f0f0", line="#6b6b6b",
    edge="#404040", text="#000000", muted="#3a3a3a", accent="#003a9e", on_accent="#ffffff", good="#00502a", warning="#5a3c00",
    bad="#8c0a0a",
    modality=MappingProxyType({
        "image": "#003f8f", "text": "#5a3c00", "audio": "#7d0d4c", "video": "#004d48", "shared": "#43249c", "loss": "#8c0a0a",
        "any": "#3a3a3a",
    }),
    series=("#003a9e", "#5a3c00", "#00502a", "#7d0d4c", "#43249c", "#004d48", "#8c0a0a", "#474f00"),
)  # fmt: skip
THEMES = {colours.name: colours for colours in (DARK, LIGHT, HIGH_DARK, HIGH_LIGHT)}


class Look(QObject):
    """Announces that the theme or the language is another one now."""

    changed = Signal()


look = Look()
IN_USE = "theme in use"  # the application's property
_current = DARK


def theme() -> Theme:
    """The colours in use."""
    return _current


def system_is_dark() -> bool:
    """Whether the desktop asks for dark windows."""
    hints = QGuiApplication.styleHints()
    return hints is None or hints.colorScheme() != Qt.ColorScheme.Light


def chosen(name: str = "system", contrast: str = "system") -> Theme:
    """The theme for ``light``, ``dark`` or what the ``system`` says, in ``high`` or ``normal`` contrast or as the ``system`` says."""
    dark = system_is_dark() if name == "system" else name == "dark"
    high = wants_contrast() if contrast == "system" else contrast == "high"
    if high:
        return HIGH_DARK if dark else HIGH_LIGHT
    return DARK if dark else LIGHT


def apply_theme(application: QApplication, name: str = "system", contrast: str = "normal") -> None:
    """Use a theme, see :func:`chosen`: Fusion, our palette, a short style sheet.

    Qt polishes every widget anew for each of them, which takes seconds: what is in use already is left as it is.
    """
    global _current
    _current = chosen(name, contrast)
    before, now = application.property(IN_USE), _current.name
    if before == now:
        return
    if before is None:
        application.setStyle("Fusion")
    application.setProperty(IN_USE, now)
    application.setPalette(qt_palette(_current))
    for name_of_class in EDGED:
        application.setPalette(edged_palette(_current), name_of_class)
    application.setStyleSheet(style_sheet(_current))
    look.changed.emit()


def qt_palette(colours: Theme) -> QPalette:
    """The theme as Qt knows it."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window, QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.panel, QPalette.ColorRole.AlternateBase: colours.raised,
        QPalette.ColorRole.Text: colours.text, QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text, QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text, QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent, QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Link: colours.accent, QPalette.ColorRole.Mid: colours.line, QPalette.ColorRole.Dark: colours.line,
        QPalette.ColorRole.Light: colours.raised,
    }  # fmt: skip
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        faded = QColor(colours.muted)
        faded.setAlpha(255 if colours.is_high else 140)
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded)
    return palette


EDGED = (
    "QCheckBox", "QRadioButton", "QAbstractItemView", "QLineEdit", "QAbstractSpinBox", "QComboBox", "QPlainTextEdit", "QTextEdit",
    "QSlider",
)  # fmt: skip


def edged_palette(colours: Theme) -> QPalette:
    """For what is clicked or typed into: Fusion draws its borders as the window's colour, darker by the factor 1.4."""
    palette, source = qt_palette(colours), QColor(colours.edge)
    hue, saturation, value, _ = source.getHsv()
    source.setHsv(hue, saturation, min(255, round(1.4 * value)))
    palette.setColor(QPalette.ColorRole.Window, source)
    return palette


def style_sheet(colours: Theme) -> str:
    """Only what the palette cannot say."""
    return f"""
    QToolTip {{ background: {colours.raised}; color: {colours.text}; border: 1px solid {colours.line}; padding: 4px 6px; }}
    QDockWidget {{ titlebar-close-icon: none; titlebar-normal-icon: none; }}
    QMainWindow {{ background: {colours.window}; }}
    QStatusBar {{ background: {colours.panel}; color: {colours.muted}; border-top: 1px solid {colours.line}; }}
    QStatusBar QLabel {{ color: {colours.muted}; padding: 0 8px; }}
    QToolBar#timeline {{ background: {colours.panel}; border: none; border-top: 1px solid {colours.line}; padding: 0; }}
    QSplitter::handle, QMainWindow::separator {{ background: {colours.line}; width: 1px; height: 1px; }}
    QMainWindow QSplitter::handle {{ background: transparent; }}
    QHeaderView::section {{ background: {colours.panel}; color: {colours.muted}; border: none;
        border-bottom: 1px solid {colours.line}; padding: 4px 8px; }}
    QTableView, QTreeView, QListView {{ border: none; gridline-color: {colours.line}; outline: none; }}
    QToolButton {{ border: none; border-radius: 5px; padding: 4px 8px; color: {colours.text}; }}
    {_focus(colours)}
    QToolButton:hover {{ background: {colours.raised}; }}
    QToolButton:checked {{ background: {colours.raised}; color: {colours.accent}; }}
    QToolButton:disabled {{ color: {colours.muted}; }}
    QPushButton {{ background: {colours.raised}; border: 1px solid {colours.edge}; border-radius: 5px; padding: 4px 12px; }}
    QPushButton:hover {{ border-color: {colours.accent}; }}
    QPushButton:disabled {{ color: {colours.muted}; border-color: {colours.line}; }}
    QPushButton[primary="true"] {{ background: {colours.accent}; color: {colours.on_accent}; border: none; font-weight: 600; }}
    QPushButton[primary="true"]:disabled {{ background: {colours.line}; color: {colours.muted}; }}
    QTabWidget::pane {{ border: none; }}
    QTabBar {{ background: transparent; }}
    QTabBar::tab {{ background: transparent; color: {colours.muted}; border: none; border-bottom: 2px solid transparent;
        padding: 7px 9px; }}
    QTabBar::tab:selected {{ color: {colours.text}; border-bottom-color: {colours.accent}; }}
    QTabBar::tab:hover {{ color: {colours.text}; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {colours.edge}; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }}
    QScrollBar::handle:hover {{ background: {colours.accent}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QLabel[muted="true"] {{ color: {colours.muted}; }}
    """


def _focus(colours: Theme) -> str:
    """In high contrast, a ring around what has the keys."""
    if not colours.is_high:
        return ""
    return (
        f"QToolButton:focus, QPushButton:focus, QTabBar:focus, QCheckBox:focus {{ border: 2px solid {colours.text}; }}"
    )
