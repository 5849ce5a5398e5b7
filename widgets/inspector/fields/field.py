"""What a field of a form is: a widget for one value, of one kind of knob; every file of this folder registers one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.catalog import Catalog
from core.knobs import Knob, Value
from core.problems import Refused


class Field(QWidget):
    """Shows a value and announces what a person makes of it.

    ``edited`` carries a value that the knob accepts; ``refused`` the sentence that says why one cannot be used, or
    an empty one when all is well again.
    """

    key = ""
    edited = Signal(object)
    refused = Signal(str)

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.knob = knob

    def set_value(self, value: Value) -> None:
        """Show a value; nothing is announced."""
        raise NotImplementedError

    def offer(self, value: object) -> bool:
        """Announce a value if the knob accepts it, else why not."""
        reason = self.knob.problem_with(value)
        self.refused.emit(reason)
        if not reason:
            self.edited.emit(value)
        return not reason

    def offer_text(self, text: str, is_final: bool) -> bool:
        """Announce a typed value if it can be used and is final; say why not at once."""
        try:
            value = self.knob.parse(text.strip())
        except Refused as refused:
            self.refused.emit(refused.problems[0].what)
            return False
        self.refused.emit("")
        if is_final:
            self.edited.emit(value)
        return True


fields: Catalog[Field] = Catalog("widgets.inspector.fields", "field")
