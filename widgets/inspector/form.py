"""A form made from knobs: label, field, unit, range, help and reset for each; what cannot be used is said, not sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.column import ColumnField
from widgets.inspector.fields.field import Field, fields
from widgets.inspector.note import Note
from widgets.look.glyphs import glyph_icon
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.quantities import number
from widgets.look.theme import theme

LABEL_WIDTH = 112


class Row(QObject):
    """One knob's widgets in the form's grid."""

    edited = Signal(str, object)
    menuRequested = Signal(str, QWidget, QPoint)  # name, who was clicked, where on the screen

    def __init__(self, knob: Knob, grid: QGridLayout, line: int, form: QWidget) -> None:
        super().__init__(form)
        self.knob, self.is_sweepable = knob, False
        self.label, self.reset = QLabel(tr(knob.title)), QToolButton()
        self.field: Field = fields[knob.kind](knob)
        self.note = Note(self.field)
        self._set_up()
        grid.addWidget(self.label, line, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.field, line, 1)
        grid.addWidget(self.reset, line, 2, Qt.AlignmentFlag.AlignTop)
        self.field.edited.connect(lambda value: self.edited.emit(knob.name, value))
        self.field.refused.connect(self.say)
        self.reset.clicked.connect(self._restore)
        self.say("")

    def _set_up(self) -> None:
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setFixedWidth(LABEL_WIDTH)
        self.label.setWordWrap(True)
        self.label.setContentsMargins(0, 5, 0, 0)
        self._mark(True)  # a changed setting is bold: its row is as high from the start
        self.label.setMinimumHeight(self.label.heightForWidth(LABEL_WIDTH))
        self._mark(False)
        self.label.setBuddy(self.field)
        self.reset.setFixedSize(22, 22)
        self.reset.setIcon(glyph_icon("reset", theme().accent, 16))
        self.reset.setIconSize(QSize(16, 16))
        self.reset.setStyleSheet("QToolButton { padding: 0; }")
        self.reset.setToolTip(plain_tip(tr("Back to {default}", default=shown(self.knob, self.knob.default))))
        self.reset.setAccessibleName(tr("Reset {name}", name=tr(self.knob.title)))
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        explained = explain(self.knob)
        for widget in (self.label, self.field):
            widget.setToolTip(plain_tip(explained))
        target = self.field.focusProxy() or self.field
        target.setAccessibleName(tr(self.knob.title))
        target.setAccessibleDescription(explained)
        target.installEventFilter(self)
        for widget in {self.label, self.field} - {target}:
            widget.installEventFilter(self)

    def show_value(self, value: Value) -> None:
        """Show a value and whether it differs from the default."""
        self.field.set_value(value)
        changed = value != self.knob.default
        self.reset.setVisible(changed)
        self._mark(changed)

    def _mark(self, changed: bool) -> None:
        font = self.label.font()
        font.setBold(changed)
        self.label.setFont(font)

    def mark_shown(self, name: str) -> None:
        """Inside a subgraph: that its copies can set this, and under which name."""
        title = tr(self.knob.title)
        self.label.setText(f"{title} ↗" if name else title)
        words = tr("Each copy of the subgraph can set this as {name}.", name=name) if name else ""
        self.label.setToolTip(plain_tip("\n".join(filter(None, (explain(self.knob), words)))))
        self.label.setAccessibleDescription(words)

    def say(self, refusal: str) -> None:
        """Why what was typed cannot be used; while nothing is wrong, the help of the field that is being edited."""
        self.refusal = refusal
        target = self.field.focusProxy() or self.field
        text = said(refusal) or (explain(self.knob) if target.hasFocus() else "")
        self.note.say(text, is_refusal=bool(refusal))

    def _restore(self) -> None:
        self.say("")
        self.show_value(self.knob.default)
        self.edited.emit(self.knob.name, self.knob.default)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QContextMenuEvent) and self.is_sweepable:
            self.menuRequested.emit(self.knob.name, watched, event.globalPos())
            return True
        if watched is not (self.field.focusProxy() or self.field):
            return super().eventFilter(watched, event)
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            came = event.type() == QEvent.Type.FocusIn
            text = said(self.refusal) or (explain(self.knob) if came else "")
            self.note.say(text, is_refusal=bool(self.refusal))
        return super().eventFilter(watched, event)


class KnobForm(QWidget):
    """Shows values by name; announces each accepted change."""

    changed = Signal(str, object)  # knob name, value
    sweepRequested = Signal(str)  # the setting's path in the document
    showRequested = Signal(str, bool)  # inside a subgraph: a knob that each copy can set from now on, or no more

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._owner = ""
        self._knobs: tuple[Knob, ...] = ()
        self._shown: Mapping[str, str] | None = None
        self.rows: dict[str, Row] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._body: QWidget | None = None
        self.more: QToolButton | None = None

    def set_owner(self, path: str) -> None:
        """Whose knobs these are in the document ("vit", "recipe", "callbacks.ema"): they can then be swept."""
        self._owner = path
        for row in self.rows.values():
            row.is_sweepable = bool(path)

    def set_shown(self, shown: Mapping[str, str] | None) -> None:
        """Inside a subgraph: which knobs its copies can set, and under which names; None elsewhere."""
        self._shown = shown
        for name, row in self.rows.items():
            row.mark_shown((shown or {}).get(name, ""))

    def _open_menu(self, name: str, target: QWidget, where: QPoint) -> None:
        menu = popup(self, target.createStandardContextMenu() if isinstance(target, QLineEdit) else None)
        if menu.actions():
            menu.insertSeparator(menu.actions()[0])
        wish = menu.addAction(tr("Sweep this setting…"), lambda: self.sweepRequested.emit(f"{self._owner}.{name}"))
        menu.insertAction(menu.actions()[0], wish)
        wish.setObjectName("sweep")
        if self._shown is not None:
            text = tr("Show on the subgraph no more") if name in self._shown else tr("Show on the subgraph")
            show = menu.addAction(text, lambda: self.showRequested.emit(name, name not in (self._shown or {})))
            menu.insertAction(wish, show)
            show.setObjectName("show_on_subgraph")
        menu.setParent(self, menu.windowFlags())
        menu.popup(where)

    def show_knobs(self, knobs: tuple[Knob, ...], values: Mapping[str, Value]) -> None:
        """Show these knobs with these values; a knob without one is at its default. Fields are kept where they fit."""
        if knobs != self._knobs:
            self._build(knobs)
        for name, row in self.rows.items():
            row.show_value(values.get(name, row.knob.default))
            row.mark_shown((self._shown or {}).get(name, ""))

    def offer_columns(self, names: Sequence[str]) -> None:
        """What a table has, for the settings that name one of its columns."""
        for row in self.rows.values():
            if isinstance(row.field, ColumnField):
                row.field.offer_columns(names)

    @property
    def names_columns(self) -> bool:
        """Whether a setting names a column of a table."""
        return any(knob.kind == "column" for knob in self._knobs)

    def _build(self, knobs: tuple[Knob, ...]) -> None:
        if self._body is not None:
            self._layout.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self._knobs, self.rows, self._body, self.more = knobs, {}, QWidget(), None
        inside = QVBoxLayout(self._body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        inside.addWidget(self._grid([knob for knob in knobs if not knob.advanced]))
        if advanced := [knob for knob in knobs if knob.advanced]:
            self._add_advanced(inside, advanced)
        self._layout.addWidget(self._body)

    def _add_advanced(self, inside: QVBoxLayout, knobs: list[Knob]) -> None:
        behind = self._grid(knobs)
        behind.hide()
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.setText(tr("More"))
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.toggled.connect(behind.setVisible)
        self.more.toggled.connect(
            lambda on: self.more.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        )
        inside.addWidget(self.more)
        inside.addWidget(behind)

    def _grid(self, knobs: list[Knob]) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for line, knob in enumerate(knobs):
            row = Row(knob, grid, line, box)
            row.edited.connect(self.changed)
            row.menuRequested.connect(self._open_menu)
            row.is_sweepable = bool(self._owner)
            self.rows[knob.name] = row
        return box


def shown(knob: Knob, value: Value) -> str:
    """A value as people read it."""
    if value is None:
        return tr("automatic")
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if isinstance(value, (int, float)):
        return number(float(value)) + (f" {tr(knob.unit)}" if knob.unit else "")
    return tr(value) if value else tr("empty")


def explain(knob: Knob) -> str:
    """The help, the range and the default, in one line."""
    parts = [tr(knob.help)]
    if knob.low is not None and knob.high is not None:
        parts.append(tr("{low} to {high}.", low=number(knob.low), high=number(knob.high)))
    elif knob.low is not None:
        parts.append(tr("At least {low}.", low=number(knob.low)))
    elif knob.high is not None:
        parts.append(tr("At most {high}.", high=number(knob.high)))
    parts.append(tr("Default: {value}.", value=shown(knob, knob.default)))
    return " ".join(parts)
