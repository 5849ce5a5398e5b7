"""The few times the window asks back: unsaved work, a run in progress, a new rate, the sheet of keys, the doctor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.graph.file import loads
from core.store.answers import RunFacts
from studio.open.another import ask_for_store
from studio.open.journal import Lost
from studio.session import Session
from studio.telling.about import about_text
from studio.telling.health import report_text
from studio.telling.help import OF_PAGES, ORDER, help_pages
from studio.watching.breakpoints import Breakpoints
from studio.watching.tray import Tray
from studio.window.frame import Frame
from studio.window.keys import Keys
from studio.window.menus import Menus
from widgets.help_sheet import HelpSheet
from widgets.keys_sheet import KeysSheet
from widgets.look.language import tr
from widgets.look.theme import apply_theme
from widgets.look.titles import titles_of
from widgets.rate_sheet import RateSheet
from widgets.store_sheet import StoreSheet

LOOK_MILLISECONDS = 50


class Dialogs:
    """Questions and sheets; ``afoot`` says which long work would end with the window."""

    def __init__(
        self, session: Session, window: Frame, menus: Menus, afoot: Callable[[], Sequence[str]]
    ) -> None:  # fmt: skip
        self._session, self._window, self._menus, self._afoot = session, window, menus, afoot
        self._leaving = False
        self.keys = Keys(session.preferences, menus, window)
        self.breakpoints, self.tray = Breakpoints(session, window), Tray(session, window)

    def apply_theme(self) -> None:
        """The colours that are preferred, everywhere."""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, self._session.preferences.theme, self._session.preferences.contrast)

    def offer_recovery(self) -> None:
        """Documents that were never saved, after a crash; the newest first, each in turn."""
        lost = self._session.journal.lost()
        if lost:
            self._offer(lost)

    def _offer(self, lost: list[Lost]) -> None:
        first, rest = lost[0], lost[1:]

        def decided(act: Callable[[], None]) -> None:
            act()
            if rest:
                self._offer(rest)

        self._window.messages.show_message(
            tr("“{name}” was changed and not saved when the studio last ended.", name=first.document.name),
            "warning",
            (
                (tr("Recover"), lambda: decided(lambda: self._session.recover(first))),
                (tr("Discard"), lambda: decided(lambda: self._session.journal.discard(first.place))),
            ),
        )

    def may_close_tab(self, number: int) -> bool:
        """Ask where a document is not saved; in a bar, with what may be done."""
        session = self._session
        tab = session.tabs.all[number]
        if not tab.is_changed:
            return True
        session.turn_to(number)

        def saved() -> None:
            self._menus.entry("save").trigger()
            if tab in session.tabs.all and not tab.is_changed:
                session.close_tab(session.tabs.all.index(tab))

        def discarded() -> None:
            if tab in session.tabs.all:
                session.close_tab(session.tabs.all.index(tab))

        self._window.messages.show_message(
            tr("“{name}” was changed and not saved.", name=tab.name), "warning",
            ((tr("Save and close"), saved), (tr("Discard"), discarded)),
        )  # fmt: skip
        return False

    def change_window(self, change: Callable[[], None]) -> None:
        """Make the window anew; where long work would end with it, that is said, and somebody decides."""
        if afoot := self._afoot():
            ends = tr("Making the window anew ends it; closing this message lets it go on.")
            self._window.messages.show_message(" ".join([*afoot, ends]), "warning", ((tr("End it and go on"), change),))
        else:
            change()

    def may_close(self) -> bool:
        """Ask only where a run or other work would be stopped; in a bar, so that everything can still be looked at meanwhile."""
        if not self._session.here.running():
            return self._leaving or self._may_end(self._afoot())
        if self._leaving:
            return False
        stop = (tr("Stop and close"), lambda: self._leave(hand_over=False))
        on = (tr("Close and train on"), lambda: self._leave(hand_over=True))
        saved = tr("A run is training in this window. It is saved first; closing this message keeps the window open.")
        lost = tr(
            "A run is training in this window and keeps no checkpoints: if it is stopped, it cannot be continued."
        )
        if self._session.here.keep_checkpoints():
            self._window.messages.show_message(saved, "warning", (stop, on))
        else:
            self._window.messages.show_message(lost, "warning", (stop,))
        return False

    def _may_end(self, afoot: Sequence[str]) -> bool:
        if afoot:
            ends = tr("Closing the window ends it; closing this message keeps the window open.")
            self._window.messages.show_message(
                " ".join([*afoot, ends]), "warning", ((tr("End it and close"), self.stop_and_close),)
            )
        return not afoot

    def go_on(self, uid: str) -> None:
        """Continue a run; where it never saved a checkpoint, that is from the beginning, and asked first."""
        facts = self._session.facts(uid)
        if facts is None or not facts.step or self._session.library.reader(uid).has_saved():
            self._session.go_on(uid)
            return
        self._window.messages.show_message(
            tr(
                "“{name}” has no checkpoint to continue from. Train it again from the beginning? The record of its {step} steps is replaced.",
                name=facts.name, step=f"{facts.step:,}",
            ),
            "warning",
            ((tr("From the beginning"), lambda: self._session.go_on(uid)),),
        )  # fmt: skip

    def stop_and_close(self) -> None:
        """Close without asking back: runs of this window are stopped with a checkpoint first."""
        if self._session.here.running():
            self._leave(hand_over=False)
        else:
            self._leaving = True
            self._window.close()

    def _leave(self, *, hand_over: bool) -> None:
        """Close when the runs have saved; the window stays alive until then."""
        self._leaving = True
        uids = self._session.stop_here()
        self._session.say(tr("Saving the run…"))

        def look() -> None:
            if self._session.here.running():
                return
            timer.stop()
            if hand_over:
                self._session.attempt(lambda: self._session.here.hand_over(uids))
            self._window.close()

        timer = QTimer(self._window, interval=LOOK_MILLISECONDS)
        timer.timeout.connect(look)
        timer.start()

    def open_store(self) -> None:
        """A file or a URL."""
        sheet = StoreSheet(self._session.preferences.store, self._session.preferences.store_files, self._window)
        ask_for_store(self._session, sheet)
        sheet.show()

    def ask_rate(self) -> None:
        """A learning rate for a block of the run that trains, or for all; what it has now is read behind the window."""
        facts = self._session.active
        if facts is None:
            self._session.say(tr("Nothing is training."), "warning")
            return
        reader = self._session.library.reader(facts.uid)

        def read() -> Any:
            from core.runs.rates import rates_of  # torch, which a run that trains has loaded already

            return rates_of(reader)

        self._session.engine.ask(read, lambda rates, why: self._show_rate(facts, rates, why))

    def _show_rate(self, facts: RunFacts, rates: Any, why: str) -> None:
        if why:
            self._session.say(why, "error")
            return
        document = self._session.library.document_text(facts.uid)
        titles = titles_of(loads(document))
        blocks = [(key, titles.get(key, key)) for key in rates.by_node]
        sheet = RateSheet(facts.name, blocks, rates.by_node, (rates.now, rates.end), rates.schedule, self._window)
        sheet.rateChosen.connect(lambda node, rate: self._set_rate(facts.uid, node, rate))
        sheet.show()

    def _set_rate(self, uid: str, node: str, rate: float) -> None:
        self._session.attempt(
            lambda: self._session.library.send_command(uid, "rate", {"node": node, "learning_rate": rate})
        )

    def open_commands(self) -> None:
        """Type a few letters of a command, Enter does it."""
        sheet = CommandSheet(self._window, self._menus.all())
        sheet.show()

    def _keys(self) -> list[tuple[str, str]]:
        """Every key with what it does, and what the mouse does."""
        found = []
        for entry in self._menus.all():
            text, _, own = entry.text().partition("\t")
            keys = own or ", ".join(sequence.toString() for sequence in entry.shortcuts())
            if keys:
                found.append((keys, text))
        return found + [(tr(keys), tr(text)) for keys, text in MOUSE]

    def show_help(self, page: str) -> None:
        """The help, at what it says of a page of the window."""
        keys = "\n".join(f"- **{escaped(keys)}**: {escaped(text)}" for keys, text in self._keys())
        sheet = HelpSheet(help_pages(keys), self._window)
        sheet.open_page(OF_PAGES.get(page, ORDER[0]))
        sheet.show()

    def show_keys(self) -> KeysSheet:
        """Every key on one sheet, to be searched and changed."""
        return self.keys.show_sheet(MOUSE)

    def show_doctor(self) -> None:
        """What is installed; asked behind the window."""
        self._session.engine.ask(report_text, lambda text, why: self._sheet(tr("Check this machine"), why or str(text)))

    def show_about(self) -> None:
        """Versions and licences; read behind the window."""
        self._session.engine.glance(about_text, lambda text, why: self._sheet(tr("About"), why or str(text)))

    def _sheet(self, title: str, text: str) -> None:
        sheet = QDialog(self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.setWindowTitle(title)
        sheet.resize(720, 560)
        body = QPlainTextEdit(text)
        body.setReadOnly(True)
        body.setStyleSheet("font-family: monospace;")
        copy = QPushButton(tr("Copy"))
        copy.clicked.connect(lambda: QApplication.clipboard().setText(body.toPlainText()))
        column = QVBoxLayout(sheet)
        column.addWidget(body)
        column.addWidget(copy, 0, Qt.AlignmentFlag.AlignLeft)
        sheet.show()


def escaped(text: str) -> str:
    """Words that Markdown takes as they are."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in text)


MOUSE = (
    ("Double click, Tab", "Add a block at the cursor"),
    ("Wheel", "Zoom at the cursor"),
    ("Middle drag, Space + drag", "Move the view"),
    ("Drop a wire", "Add a matching block"),
    ("Alt + click a port", "Break its wires"),
    ("Ctrl + right drag", "Cut the wires that are crossed"),
    ("Double click a wire", "Add a reroute point"),
    ("Space (timeline)", "Play or pause"),
    ("[ ]", "Jump between marks"),
    ("L", "Back to live"),
)


class CommandSheet(QDialog):
    """A search field over all commands."""

    def __init__(self, window: QWidget, entries: list[QAction]) -> None:
        super().__init__(window, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = entries
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
