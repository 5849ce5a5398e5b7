"""The recipe's options: one of several (optimiser, schedule), or each on or off (callbacks, diagnostics), with its own knobs."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.graph.recipe import Choice
from core.graph.vocabulary import OptionSpec
from core.knobs import Value
from widgets.inspector.fields.switch import Switch
from widgets.inspector.form import KnobForm
from widgets.inspector.parts import heading, text_label
from widgets.look.language import tr
from widgets.look.plain import plain_tip


class OneOf(QWidget):
    """A box of options and the chosen one's knobs."""

    changed = Signal(object)  # Choice

    def __init__(self, name: str) -> None:
        super().__init__()
        self._options: dict[str, OptionSpec] = {}
        self._choice = Choice(key="")
        self.box, self.form, self._summary = QComboBox(), KnobForm(), text_label("", muted=True)
        self.box.setAccessibleName(name)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(lambda index: self._send(Choice(key=self.box.itemData(index))))
        self.form.changed.connect(self._turn)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        for widget in (heading(name), self.box, self._summary, self.form):
            layout.addWidget(widget)

    def show_options(self, options: tuple[OptionSpec, ...], choice: Choice) -> None:
        """Show these and which is chosen; a choice this version lacks is listed by its key and kept."""
        known = {option.key: option for option in options}
        keys = [*known, *([choice.key] if choice.key not in known else [])]
        if keys != [self.box.itemData(i) for i in range(self.box.count())]:
            self.box.clear()
            for key in keys:
                self.box.addItem(tr(known[key].title) if key in known else key if known else tr("loading…"), key)
        self._options, self._choice = known, choice
        self.box.setCurrentIndex(self.box.findData(choice.key))
        option = known.get(choice.key)
        lacking = tr("This version has no such choice; its data is kept.") if known else ""
        self._summary.setText(tr(option.summary) if option else lacking)
        self.box.setEnabled(bool(known))  # nothing has been read yet
        self.form.show_knobs(option.knobs if option else (), choice.knobs)

    def _turn(self, name: str, value: Value) -> None:
        knobs = {**self._choice.knobs, name: value}
        default = {knob.name: knob.default for knob in self._options[self._choice.key].knobs}
        self._send(Choice(key=self._choice.key, knobs={k: v for k, v in knobs.items() if v != default.get(k)}))

    def _send(self, choice: Choice) -> None:
        self.changed.emit(choice)


class OnOff(QWidget):
    """One option with its switch; its knobs are shown while it is on."""

    changed = Signal(str, bool, dict)  # key, on, knobs
    sweepRequested = Signal(str)  # path

    def __init__(self, option: OptionSpec) -> None:
        super().__init__()
        self._option = option
        self._values: dict[str, Value] = {}
        self.switch, self.form = Switch(), KnobForm()
        self.switch.setAccessibleName(tr(option.title))
        self.switch.setAccessibleDescription(tr(option.summary))
        self.switch.clicked.connect(lambda: self._send())
        self.form.changed.connect(self._turn)
        self.form.set_owner(f"{option.family}s.{option.key}")
        self.form.sweepRequested.connect(self.sweepRequested)
        row = QHBoxLayout()
        row.setSpacing(8)
        name = text_label(tr(option.title))
        name.setToolTip(plain_tip(tr(option.summary)))
        row.addWidget(name, 1)
        row.addWidget(self.switch)
        self._summary = text_label(tr(option.summary), muted=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self._summary)
        layout.addWidget(self.form)

    def show_values(self, values: Mapping[str, Value] | None) -> None:
        """The knobs' values, or None where it is off."""
        self._values = dict(values or {})
        self.switch.setChecked(values is not None)
        self.switch.update()
        self.form.setVisible(values is not None and bool(self._option.knobs))
        self.form.show_knobs(self._option.knobs, self._values)

    def _turn(self, name: str, value: Value) -> None:
        default = {knob.name: knob.default for knob in self._option.knobs}
        self._values = {k: v for k, v in {**self._values, name: value}.items() if v != default.get(k)}
        self._send()

    def _send(self) -> None:
        self.changed.emit(self._option.key, self.switch.isChecked(), dict(self._values))


class Switches(QWidget):
    """All options of a family, each on or off."""

    changed = Signal(dict)  # key -> knobs of what is on
    sweepRequested = Signal(str)  # path

    def __init__(self, name: str) -> None:
        super().__init__()
        self._options: tuple[OptionSpec, ...] = ()
        self._on: dict[str, Mapping[str, Value]] = {}
        self.rows: dict[str, OnOff] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(heading(name))

    def show_options(self, options: tuple[OptionSpec, ...], on: Mapping[str, Mapping[str, Value]]) -> None:
        """Show these and which are on; what this version does not know stays on unseen."""
        if options != self._options:
            for row in self.rows.values():
                self._layout.removeWidget(row)
                row.hide()
                row.deleteLater()
            self.rows = {option.key: OnOff(option) for option in options}
            for row in self.rows.values():
                row.changed.connect(self._switch)
                row.sweepRequested.connect(self.sweepRequested)
                self._layout.addWidget(row)
        self._options, self._on = options, dict(on)
        for key, row in self.rows.items():
            row.show_values(self._on.get(key))

    def _switch(self, key: str, on: bool, knobs: dict[str, Value]) -> None:
        kept = {name: dict(value) for name, value in self._on.items() if name != key}
        if on:
            kept[key] = knobs
        self.changed.emit(kept)
