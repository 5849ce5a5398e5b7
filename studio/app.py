"""QApplication, theme, language, crash record, start-up: the window is up before torch is imported."""

from __future__ import annotations

import faulthandler
import signal as signals
import sys
import traceback
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from platformdirs import user_log_dir
from PySide6.QtCore import (
    QCoreApplication,
    QLibraryInfo,
    QMetaMethod,
    QObject,
    Qt,
    QTimer,
    QTranslator,
    SignalInstance,
)
from PySide6.QtGui import QFont, QIcon
from PySide6.QtWidgets import QApplication

from core.graph.document import Document
from studio.open.another import store_at, usual_store
from studio.open.documents import DEFAULT_EXAMPLE, example_shown, find_document, in_language
from studio.open.preferences import Preferences
from studio.session import Session
from studio.window.collecting import Collector
from studio.window.kept_view import view_of
from studio.window.scaling import scale_now, scale_screens
from studio.window.window import Window
from widgets.look.files import remember_with
from widgets.look.language import use_language
from widgets.look.theme import apply_theme

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.database import Store

FONTS = ["Inter", "Noto Sans", "DejaVu Sans", "Segoe UI", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei"]


def make_application(preferences: Preferences) -> QApplication:
    """The one QApplication, dressed."""
    existing = QApplication.instance()
    if not isinstance(existing, QApplication):
        existing = QApplication(sys.argv[:1])
        if preferences.scale != 1.0:
            scale_screens(preferences.scale)
    existing.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)  # dialogs have the window's colours
    existing.setApplicationName("Crossmodal Studio")
    existing.setDesktopFileName("crossmodal-studio")
    existing.setWindowIcon(QIcon(str(resources.files("resources") / "icon" / "crossmodal-studio-128.png")))
    font = QFont(existing.font())
    font.setFamilies([font.family(), *FONTS])
    font.setPointSizeF(max(font.pointSizeF(), 9.5))
    existing.setFont(font)
    speak(existing, preferences.language)
    apply_theme(existing, preferences.theme, preferences.contrast)
    remember_with(preferences.folder, preferences.keep_folder)
    return existing


def speak(application: QCoreApplication | None, language: str) -> None:
    """One language for the window and for Qt's own words: the buttons of dialogs, the menu of a text field."""
    use_language(language)
    if application is None:
        return
    for old in application.findChildren(QTranslator):
        application.removeTranslator(old)
        old.deleteLater()
    words = QTranslator(application)
    if words.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(words)


def make_window(session: Session, document: Document | None = None) -> Window:
    """A window around a session, with a document on the canvas."""
    window = _window_of(session)
    session.show(document if document is not None else session.document)
    return window


def _window_of(session: Session) -> Window:
    window = Window(session)
    window.rebuildRequested.connect(lambda: rebuild_window(window))
    return window


def rebuild_window(old: Window) -> Window:
    """The same session, looked at from the same place, in a window of another language or size."""
    session = old.session
    example = example_shown(session.document) if session.path is None else None
    speak(QApplication.instance(), session.preferences.language)
    view, before = view_of(old), scale_now()
    geometry = old.normalGeometry() if old.isMaximized() or old.isFullScreen() else old.geometry()
    if before != session.preferences.scale:
        old.hide()  # a window keeps the size that it was made with
    smaller = before / (session.preferences.scale if scale_screens(session.preferences.scale) else before)
    old.release()
    session.disconnect(session)
    for signal in (
        session.documentChanged, session.vocabularyChanged, session.analysisChanged, session.runsChanged,
        session.watchedChanged, session.messageRaised, session.tabsChanged, session.tabLeft, session.tabEntered, session.stateChanged,
        session.ownChanged, session.sheetRequested, session.levelChanged, session.lookedAgain,
    ):  # fmt: skip
        _fall_silent(session, signal)
    for signal in (session.sweeping.begun, session.sweeping.sweepsChanged):
        _fall_silent(session.sweeping, signal)
    if example is not None:  # nobody has made it another: it is read in the new language
        session.show(replace(in_language(example), id=session.document.id))
    window = _window_of(session)
    session.tell_all()
    window.open_at(geometry.topLeft() * smaller, geometry.size() * smaller)
    window.setWindowState(view.state)
    window.show_page(view.page)
    window.show()
    window.menus.load_icons()
    window.rooms.device()
    window.wall.fill()
    view.apply(window)
    old.hide()
    old.deleteLater()
    return window


def _fall_silent(sender: QObject, signal: SignalInstance) -> None:
    """Nothing of a former window hears it any more."""
    if sender.isSignalConnected(QMetaMethod.fromSignal(signal)):
        signal.disconnect()


def run_window(where: str | None, store: str | None, files: str | None = None, *, driven: bool = False) -> int:
    """Open the window and stay until it is closed. Raises Refused for a document or store that cannot be opened."""
    _keep_crashes()
    preferences = Preferences()
    application = make_application(preferences)
    document = find_document(where or DEFAULT_EXAMPLE)
    session = Session(store_at(store, files) if store else lambda: _usual(session), preferences)
    window = make_window(session, document)
    if where and Path(where).suffix:
        session.show(document, Path(where))
    window.show()
    collector = Collector(application)
    session.vocabularyChanged.connect(collector.spare, Qt.ConnectionType.SingleShotConnection)
    QTimer.singleShot(0, window.after_first_picture)
    QTimer.singleShot(0, window.offer_tour)
    if driven or preferences.driven:
        QTimer.singleShot(0, lambda: session.window.driving.switch(True))
    obey_signals(session)
    sys.excepthook = lambda kind, error, trace: _say_crash(session, kind, error, trace)
    try:
        code = application.exec()
        if session.why_not is not None:
            raise session.why_not
        return code
    finally:
        session.kept.close()
        if session.why_not is not None:
            session.engine.close()


def _usual(session: Session) -> Store:
    opened, why = usual_store(session.preferences.store, session.preferences.store_files)
    if why:
        session.say(why, "warning")
    return opened


def obey_signals(session: Session) -> None:
    """Ctrl-C in the terminal, or a termination, closes the window, whichever it is by then; a run in it is stopped with a checkpoint first.

    Python sees signals between its own instructions only, so an idle event loop has to be woken now and then.
    """
    waking = QTimer(session)
    waking.timeout.connect(lambda: None)
    waking.start(200)

    def leave(number: int, _: object) -> None:
        signals.signal(number, signals.SIG_DFL)  # a second one ends the process
        session.window.dialogs.stop_and_close()

    for number in (signals.SIGINT, signals.SIGTERM):
        signals.signal(number, leave)


def _keep_crashes() -> None:
    """A native crash leaves a trace in the log folder."""
    folder = Path(user_log_dir("crossmodal-studio"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        faulthandler.enable((folder / "crash.log").open("a"))
    except OSError:
        faulthandler.enable()


def _say_crash(session: Session, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error in a slot is shown and printed; the window goes on."""
    traceback.print_exception(kind, error, trace)
    session.say(f"{kind.__name__}: {error}", "error")
