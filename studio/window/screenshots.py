"""Pictures of the window's pages, made without a screen: for ``shot``, the README and a look from afar."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.graph.document import Document
from core.store.database import Store

SIZE = (1440, 900)
PAGES = ("design", "data", "train", "replay", "inspect", "query", "runs", "sweeps", "gallery")


def take_pictures(
    folder: Path, *, store: Store, document: Document | None = None, run: str = "", theme: str = "dark", language: str = "en",
    pages: tuple[str, ...] = PAGES, question: str = "red heart",
) -> list[Path]:  # fmt: skip
    """One PNG a page, 1440 by 900; gives their paths."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtCore import qInstallMessageHandler  # after the platform is chosen
    from PySide6.QtWidgets import QApplication

    from studio.app import make_application, make_window
    from studio.open.preferences import Preferences
    from studio.session import Session

    qInstallMessageHandler(_complain)
    preferences = Fixed(Preferences(), theme, language)
    application = make_application(preferences)  # type: ignore[arg-type]
    session = Session(store, preferences)  # type: ignore[arg-type]
    window = make_window(session, document)
    window.resize(*SIZE)
    window.show()
    window.after_first_picture()
    folder.mkdir(parents=True, exist_ok=True)
    made = []

    def wait(seconds: float, done: Callable[[], bool] | None = None) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (done and done()):
            QApplication.processEvents()
            time.sleep(0.01)

    wait(60, lambda: session.analysis is not None)
    if run:
        session.watch(run)
        window.query.choose(run)
        window.inspect.choose(run)
    window.messages.forget()  # what a person is asked at the start is for that person alone
    for page in pages:
        window.show_page("train" if page == "replay" else page)
        if page == "replay" and run:
            wait(20, lambda: window.pump.head.step > 0)
            window.pump.set_step(window.pump.head.step // 2)  # half way back
        if page == "design":
            window.canvas.fit_all()
        if page == "inspect" and run:
            wait(60, lambda: window.inspect.subject() is not None or not window.inspect.first.choice()[1] + 1)
        if page == "query" and run:
            window.query.set_sentence(question)
            window.rooms.query().asking.ask(run, -1, question, "")
            wait(60, lambda: window.query.answers() is not None)
        wait(1.0)
        wait(20, lambda: window.pump.is_idle() and not window.rooms.data().panel.is_busy)
        wait(0.5)
        path = folder / f"{page}-{theme}{'-zh' if language == 'zh_CN' else ''}.png"
        window.grab().save(str(path))
        made.append(path)
        if page == "replay":
            window.pump.go_live()
    window.close()
    application.processEvents()
    return made


def _complain(kind: object, context: object, message: str) -> None:
    """What Qt has to say, but for what the platform without a screen says of every window."""
    if "propagateSizeHints" not in message:
        print(message, file=sys.stderr)


class Fixed:
    """Preferences with a theme and a language of their own; nothing is kept."""

    def __init__(self, real: object, theme: str, language: str) -> None:
        self._real = real
        self.theme, self.language, self.scale, self.reduced_motion, self.place = theme, language, 1.0, True, "thread"
        self.contrast = "normal"
        self.recent: list[str] = []
        self.keys: dict[str, tuple[str, ...]] = {}
        self.pinned_metrics: tuple[str, ...] = ()
        self.hidden_panels: tuple[str, ...] = ()
        self.advice_never: tuple[str, ...] = ()
        self.advice_later: tuple[str, ...] = ()
        self.store = self.store_files = self.runs_view = self.tray = ""
        self.geometry = None
        self.driven, self.samples, self.wheel_zooms, self.tour = False, False, True, 0

    def __setattr__(self, name: str, value: object) -> None:
        """A window's place and pins are asked for, never kept."""
        if name not in self.__dict__:
            super().__setattr__(name, value)

    def folder(self, what: str) -> str:
        """None was found before."""
        return ""

    def keep_folder(self, what: str, folder: str) -> None:
        """Not kept."""

    def keep_store(self, place: str, files: str) -> None:
        """Not kept."""

    def add_recent(self, path: str) -> None:
        """Not kept."""

    def forget_recent(self, paths: list[str]) -> None:
        """None is kept."""

    def layout(self, name: str) -> None:
        """None: every page has its default arrangement."""

    def keep_layout(self, name: str, state: object) -> None:
        """Not kept."""

    def follow_desktop(self) -> None:
        """Theme and language stay."""

    def forget_layouts(self) -> None:
        """None is kept."""

    def sync(self) -> None:
        """Nothing to write."""
