"""The window: binds widgets, session, menus and dialogs. Nothing else."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication

from studio.asking.advising import Advising
from studio.asking.budgeting import Budgeting
from studio.asking.glimpsing import Glimpsing
from studio.asking.judging_made import JudgingMade
from studio.asking.seeing import Seeing
from studio.driving.driven import Driving, server_of
from studio.session import Session
from studio.watching.beside import Beside
from studio.watching.filming import Filming
from studio.watching.result_cards import ResultCards
from studio.watching.running import Running
from studio.watching.variants import Variants
from studio.window import bindings
from studio.window.arriving import Arriving
from studio.window.dialogs import Dialogs
from studio.window.forking import Forking
from studio.window.frame import Frame
from studio.window.menus import Menus
from studio.window.open_tabs import OpenTabs
from studio.window.own_blocks import OwnBlocksPage
from studio.window.recent import RecentFiles
from studio.window.scaling import scale_now, scale_screens
from studio.window.totals import totals
from studio.window.tour import tour_of
from studio.window.versions import VersionsInWindow
from widgets.look.language import tr


class Window(Frame):
    """Everything a person sees, around one session."""

    rebuildRequested = Signal()  # the window anew, in another language or size

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        session.window = self
        self.menus = Menus(session, self, self.canvas)
        self.dialogs = Dialogs(session, self, self.menus, self.afoot)
        self.forking = Forking(session, self)
        run, pause, *stops = (
            self.menus.entry(key) for key in ("run", "pause", "stop", "stop_and_evaluate", "skip_evaluation")
        )
        self.top.set_controls(run, [pause, stops], self.menus.menus["Run"])
        self.top.set_menu(self.menus.whole)
        self.cards, self.filming = ResultCards(session, self), Filming(session, self)
        self.arriving = Arriving(session, self, self.cards)
        self.setAcceptDrops(True)
        self.advising = Advising(session, self.advice)
        self.tour = tour_of(session, self)
        bindings.bind_design(session, self, self.ask_rate)
        bindings.bind_runs(session, self, self.ask_fork)
        self.judging_made = JudgingMade(session, self)
        self.rooms.runs.when_made(
            lambda room: bindings.bind_library(session, self, room, self.dialogs.go_on, self.judging_made)
        )
        self.wall.when_filled(self._bind_monitors)
        bindings.bind_sweeps(session, self)
        bindings.bind_data(self)
        self.budgeting = Budgeting(session, self)
        self.budgeting.measuredAnew.connect(lambda: self.show_totals(totals(session)))
        self.totalsPressed.connect(self.budgeting.open)
        self.seeing = Seeing(session, self)
        self.glimpsing = Glimpsing(session, self, self.seeing)
        self.running = Running(session, self.top.run, self.pump)
        self.beside = Beside(session, self)
        session.messageRaised.connect(self.messages.show_message)
        self.driving = Driving(session, self.statusBar())
        self.open_tabs = OpenTabs(session, self, self.dialogs.may_close_tab)
        self.versions, self.variants = VersionsInWindow(session, self), Variants(session, self)
        self.recent = RecentFiles(session, self.menus.menus["File"], self.menus.entry("gallery"), self)
        self.own_blocks = OwnBlocksPage(session, self)
        session.sheetRequested.connect(lambda name: getattr(self, f"show_{name}")())
        self.top.pageRequested.connect(self.show_page)
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self.heed_desktop)
        hints.accessibility().contrastPreferenceChanged.connect(self.heed_desktop)
        bindings.show_vocabulary(self, session.vocabulary)
        self.restore_place()
        self.show_page("design")

    def _bind_monitors(self) -> None:
        self.judging = bindings.bind_monitors(self.session, self, self.ask_rate)

    # Look and language

    def use_theme(self, name: str) -> None:
        """Light, dark or as the system says."""
        self.session.preferences.theme = name
        self.dialogs.apply_theme()

    def use_contrast(self, name: str) -> None:
        """High, normal or as the system says."""
        self.session.preferences.contrast = name
        self.dialogs.apply_theme()

    def offer_tour(self) -> None:
        """Who never saw it is asked once whether they want a tour."""
        if self.session.preferences.tour < 0 and not self.messages.sentence:
            self.session.preferences.tour = 0
            words = tr("New here? A tour shows what is where, in nine stops.")
            self.messages.show_message(words, "hint", ((tr("Show me around"), self.tour.start),))

    def heed_desktop(self, *_: object) -> None:
        """The desktop asks for other colours: where they follow it, they change at once."""
        self.dialogs.apply_theme()

    def follow_desktop(self) -> None:
        """Theme, contrast and motion as the desktop says."""
        self.session.preferences.follow_desktop()
        self.canvas.set_reduced_motion(self.session.preferences.reduced_motion)
        self.dialogs.apply_theme()

    def use_language(self, name: str) -> None:
        """Speak another language: the window is made anew around the same session."""

        def change() -> None:
            self.session.preferences.language = name
            self.rebuildRequested.emit()

        self.dialogs.change_window(change)

    def use_scale(self, factor: float) -> None:
        """Another size, at once where Qt can; the window is made anew around the same session."""
        self.dialogs.change_window(lambda: self._take_scale(factor))

    def _take_scale(self, factor: float) -> None:
        self.session.preferences.scale = factor
        percent, at_once = round(self.session.preferences.scale * 100), scale_screens(scale_now())
        if at_once:
            self.rebuildRequested.emit()
            self.session.say(tr("Size of the interface: {percent} %.", percent=percent))
        else:
            self.session.say(tr("The interface has this size from the next start: {percent} %.", percent=percent))

    def open_commands(self) -> None:
        """The palette of commands."""
        self.dialogs.open_commands()

    def show_keys(self) -> None:
        """All keys on one sheet."""
        self.dialogs.show_keys()

    def show_doctor(self) -> None:
        """What is installed and what is missing."""
        self.dialogs.show_doctor()

    def show_help_pages(self) -> None:
        """The help, at the page for where one is."""
        self.dialogs.show_help(self.pages.current)

    def show_about(self) -> None:
        """Versions and licences."""
        self.dialogs.show_about()

    def show_own_blocks(self) -> None:
        """Blocks of the person's own: which there are, and which are allowed."""
        self.own_blocks.show()

    def open_store(self) -> None:
        """Another store of runs, in a window of its own."""
        self.dialogs.open_store()

    def import_runs(self) -> None:
        """Runs of other programs, into this store."""
        self.rooms.importing().open()

    def ask_rate(self) -> None:
        """A new learning rate for the run that trains."""
        self.dialogs.ask_rate()

    def ask_fork(self, uid: str, step: int) -> None:
        """A fork of a run; of a changed graph it is shown first what is carried."""
        self.forking.ask(uid, step)

    # Beginning and end

    def afoot(self) -> tuple[str, ...]:
        """Long work that would end with this window, a sentence each."""
        others = (self.filming.afoot(), self.budgeting.afoot(), self.judging_made.afoot())
        return tuple(filter(None, (*self.rooms.afoot(), *others)))

    def after_first_picture(self) -> None:
        """What costs time and is not needed to be seen: icons, torch, lost documents."""
        if not self.isVisible():  # closed at once
            return
        self.menus.load_icons()
        self.rooms.device()
        if not self.session.start():
            QGuiApplication.exit(2)
            return
        self.dialogs.offer_recovery()
        QTimer.singleShot(0, self, self.canvas.fit_all)
        QTimer.singleShot(0, self, self.wall.fill)  # once what the window system said of the first picture was heard

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files from the desktop, wherever nothing of the window takes them itself."""
        if self.arriving.takes(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """An experiment, an image with its result card, or data."""
        if self.arriving.takes(event.mimeData().urls()):
            event.acceptProposedAction()
            self.arriving.take(event.mimeData().urls())

    def changeEvent(self, event: QEvent) -> None:
        """Who comes back from another window may have put right what a source lacks."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.session.come_back()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Runs of this window are saved and stopped first; a run in a process of its own goes on."""
        if not self.dialogs.may_close():
            event.ignore()
            return
        self.release()
        server_of(self.session).close()
        self.session.close()
        super().closeEvent(event)

    def release(self) -> None:
        """Stop timers and threads of this window; the session goes on."""
        if self.pages.current:
            self.session.preferences.keep_layout(self.pages.current, self.saveState())
        self.session.preferences.geometry = self.saveGeometry()
        self.driving.release()
        self.filming.stop()
        self.judging_made.release()
        self.rooms.close()
        self.budgeting.close()
        self.beside.close()
        self.pump.close()
