"""What the first picture of the window does not need comes behind it: counted by what is loaded, not by the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from studio.watching.pump import Pump
from studio.watching.wall import MonitorWall

CHILD = """
import json, sys
from studio.app import make_application, make_window
from studio.open.documents import DEFAULT_EXAMPLE, find_document
from studio.open.preferences import Preferences
from studio.session import Session
preferences = Preferences()
application = make_application(preferences)
def opened():
    from core.store.database import Store
    return Store.open(sys.argv[1])
session = Session(opened, preferences)
session.engine.read_vocabulary = lambda: None  # what is behind the window is not needed here
session.sweeping.start = session.refresh_runs = lambda: None
session.engine.analyse = lambda document: None
window = make_window(session, find_document(DEFAULT_EXAMPLE))
window.show()
HEAVY = ("torch", "pyqtgraph", "qtawesome", "alembic", "transformers")
LATE = ("sqlalchemy", "core.store.database", "widgets.query", "widgets.inspection", "widgets.library", "widgets.sweeps", "widgets.data_panel", "PIL.Image", "pynvml", "core.records.keeping")
before = [name for name in (*HEAVY, *LATE) if name in sys.modules]
was_open = session.kept.is_open
empty = window.timeline._back.icon().isNull()
window.after_first_picture()
application.processEvents()
after = [name for name in HEAVY if name in sys.modules]
shown = [key for key, monitor in window.wall.monitors.items() if monitor.isVisible()]
print(json.dumps([before, after, [was_open, session.kept.is_open], empty, window.timeline._back.icon().isNull(), len(shown)]))
window.close()
session.store.close()
"""


def test_plots_and_icons_come_behind_the_first_picture(tmp_path: Path):
    store = tmp_path / "runs.sqlite"
    home = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    for _ in range(2):  # a new store, then one that is up to date: neither needs migrations
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(store)], capture_output=True, text=True, check=False,
            env={**os.environ, **home},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        before, after, opened, was_empty, is_empty, monitors = json.loads(done.stdout.strip().splitlines()[-1])
        assert before == []
        assert opened == [False, True]
        assert set(after) == {"pyqtgraph", "qtawesome"}
        assert (was_empty, is_empty, monitors) == (True, False, 4)


def test_a_store_that_cannot_be_opened_ends_the_window_with_a_sentence(tmp_path: Path) -> None:
    """It is opened behind the first picture; what is wrong with it is told where the command was given."""
    (tmp_path / "data" / "crossmodal-studio").mkdir(parents=True)
    (tmp_path / "data" / "crossmodal-studio" / "runs.db").write_bytes(b"no database" * 100)
    home = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "studio", "open"], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, **home, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "runs.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_making_the_monitors_shows_no_other_window(qtbot, tmp_path) -> None:
    """A child that is shown before it has its parent would flash on the desktop and take the focus."""

    class Shown(QObject):
        seen: list[str] = []

        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
                self.seen.append(type(watched).__name__)
            return False

    application, shown = QApplication.instance(), Shown()
    holder = QWidget()
    qtbot.addWidget(holder)
    holder.show()
    application.installEventFilter(shown)
    pump = Pump(lambda uid: None, holder)
    try:
        MonitorWall(pump, holder).fill()
        QApplication.processEvents()
    finally:
        application.removeEventFilter(shown)
        pump.close()
    assert shown.seen == []
