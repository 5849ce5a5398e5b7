"""Nothing goes unseen: a log line of WARNING or above, a thread, a top-level widget left behind fails the test."""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

pytest_plugins = ["tests.stores"]

SHARED_DATA = Path(os.environ.get("CROSSMODAL_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a fifth of the time of a worker is spent waiting for disks, child processes and event loops."""
    return min((os.cpu_count() or 1) + 1, 8)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Of a whole run each worker first imports files of its own, so that each file's assertions are rewritten once and not by every worker."""
    worker = getattr(session.config, "workerinput", None)
    here = Path(__file__).parent
    if worker is None or [session.config.rootpath / each for each in session.config.args] != [here]:
        return
    for path in sorted(here.rglob("test_*.py"))[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # told when it is collected, which imports it again
            importlib.import_module(".".join(path.relative_to(here.parent).with_suffix("").parts))


gc.disable()  # nothing that is made while tests are collected is garbage


def pytest_collection_finish() -> None:
    """Modules and tests are there until the end: the collector, which windows call often, need not look through them."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _what_stays() -> Iterator[None]:
    """The same holds for what a file of tests has loaded, once it is through."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preferences, the store and caches of a test live in a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("CROSSMODAL_STORE", str(home / "store.sqlite"))
    if "PySide6.QtCore" in sys.modules:  # Qt remembers where it looked first
        from PySide6.QtCore import QSettings

        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(home / "xdg_config_home"))


@pytest.fixture(autouse=True)
def _quiet_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A test that expects a warning reads ``caplog`` and clears it."""
    yield
    loud = [r for r in caplog.get_records("call") if r.levelno >= logging.WARNING and not r.name.startswith("torch")]
    assert not loud, f"logged: {[record.getMessage() for record in loud]}"


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    """Threads started by a test must have ended with it (a short grace: they may be in their last lines)."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon or thread.name.startswith("crossmodal"):
            thread.join(5)
            assert not thread.is_alive(), f"the thread {thread.name} is still running"


@pytest.fixture(autouse=True)
def _no_widgets_left() -> Iterator[None]:
    """Top-level widgets must be closed or owned by qtbot."""
    yield
    if "PySide6.QtWidgets" not in sys.modules:
        return
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QFontDatabase
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance()
    if isinstance(application, QApplication):
        visible = [w for w in application.topLevelWidgets() if w.isVisible()]
        for widget in visible:
            widget.close()
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)  # no loop runs that would delete them
        application.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))  # a window brings its own
        assert not visible, f"widgets left open: {[type(w).__name__ for w in visible]}"
