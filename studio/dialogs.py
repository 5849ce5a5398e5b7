"""The few times the window asks back: unsaved work, a run in progress, a new rate, the sheet of keys, the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QInputDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPlainTextEdit,
    QVBoxLayout,
)

from studio.health import report_text
from widgets.look.language import tr
from widgets.look.theme import apply_theme

if TYPE_CHECKING:
    from studio.session import Session
    from studio.window import Window


class Dialogs:
    """Questions and sheets."""

    def __init__(self, session: Session, window: Window) -> None:
        self._session, self._window = session, window

    def apply_theme(self, name: str) -> None:
        """Other colours, everywhere."""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, name)

    def rebuild(self) -> None:
        """The window anew, in the language the preferences name."""
        from studio.app import rebuild_window  # app builds windows; a window may ask for another

        rebuild_window(self._window)

    def offer_recovery(self) -> None:
        """Documents that were never saved, after a crash."""
        lost = self._session.lost_documents()
        if not lost:
            return
        journal, document, _ = lost[-1]
        self._window.messages.show_message(
            tr("“{name}” was changed and not saved when the studio last ended.", name=document.name),
            "warning",
            (
                (tr("Recover"), lambda: self._session.recover(journal, document)),
                (tr("Discard"), lambda: journal.unlink(missing_ok=True)),
            ),
        )

    def may_close(self) -> bool:
        """Ask only where something would be lost or stopped."""
        here = self._session.running_here()
        if not here:
            return True
        box = QMessageBox(self._window)
        box.setText(tr("A run is training in this window."))
        box.setInformativeText(
            tr(
                "It will be saved and stopped; you can continue it later. To let a run outlive the window, train it in a process of its own."
            )
        )
        stop = box.addButton(tr("Save, stop and close"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(tr("Keep open"), QMessageBox.ButtonRole.RejectRole)
        box.exec()
        return box.clickedButton() is stop

    def ask_rate(self) -> None:
        """A learning rate for every block of the run that trains."""
        rate, given = QInputDialog.getDouble(
            self._window, tr("Learning rate"), tr("New learning rate for all blocks"), 0.001, 0.0, 10.0, 8
        )
        if given:
            self._session.command("rate", node="", learning_rate=rate)

    def open_commands(self) -> None:
        """Type a few letters of a command, Enter does it."""
        sheet = CommandSheet(self._window)
        sheet.show()

    def show_keys(self) -> None:
        """Every key on one sheet."""
        lines = []
        for entry in self._window.menus.all():
            text, _, own = entry.text().partition("\t")
            keys = own or ", ".join(sequence.toString() for sequence in entry.shortcuts())
            if keys:
                lines.append(f"{keys:<26}{text}")
        lines += [f"{keys:<26}{tr(text)}" for keys, text in MOUSE]
        self._sheet(tr("Keys"), "\n".join(lines))

    def show_doctor(self) -> None:
        """What is installed; asked behind the window."""
        self._session.engine.ask(report_text, lambda text, why: self._sheet(tr("Check this machine"), why or str(text)))

    def _sheet(self, title: str, text: str) -> None:
        sheet = QDialog(self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.setWindowTitle(title)
        sheet.resize(720, 560)
        body = QPlainTextEdit(text)
        body.setReadOnly(True)
        body.setStyleSheet("font-family: monospace;")
        QVBoxLayout(sheet).addWidget(body)
        sheet.show()


MOUSE = (
    ("Double click, Tab", "Add a block at the cursor"),
    ("Wheel", "Zoom at the cursor"),
    ("Middle drag, Space + drag", "Move the view"),
    ("Drop a wire", "Add what fits it"),
    ("Alt + click a port", "Break its wires"),
    ("Double click a wire", "Add a reroute point"),
    ("Space (timeline)", "Play or pause"),
    ("[ ]", "Jump between marks"),
    ("L", "Back to live"),
)


class CommandSheet(QDialog):
    """A search field over all commands."""

    def __init__(self, window: Window) -> None:
        super().__init__(window, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = window.menus.all()
        self._field, self._list = QLineEdit(), QListWidget()
        self._field.setPlaceholderText(tr("Find a command…"))
        column = QVBoxLayout(self)
        column.addWidget(self._field)
        column.addWidget(self._list)
        self._field.textChanged.connect(self._filter)
        self._field.returnPressed.connect(self._do)
        self._list.itemActivated.connect(lambda _: self._do())
        self.resize(520, 380)
        self.move(window.geometry().center().x() - 260, window.geometry().top() + 80)
        self._filter("")
        self._field.setFocus()

    def _filter(self, text: str) -> None:
        self._list.clear()
        words = text.casefold().split()
        for number, entry in enumerate(self._entries):
            title = entry.text().replace("\t", "   ")
            if all(word in title.casefold() for word in words):
                item = QListWidgetItem(
                    title if entry.isEnabled() else f"{title}   – {entry.toolTip().splitlines()[-1]}"
                )
                item.setData(Qt.ItemDataRole.UserRole, number)
                self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _do(self) -> None:
        item = self._list.currentItem()
        if item is not None:
            entry = self._entries[item.data(Qt.ItemDataRole.UserRole)]
            self.close()
            entry.trigger()
