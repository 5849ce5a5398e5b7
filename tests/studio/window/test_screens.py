"""Two screens of different resolution: the window stays on its own, and comes to the one that is left when it is unplugged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LEFT = {"name": "left", "x": 0, "y": 0, "width": 1440, "height": 900, "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}
RIGHT = LEFT | {"name": "right", "x": 1440, "width": 2560, "height": 1600, "logicalDpi": 192}
OPENED = """
import sys
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication
from core.store.database import Store
from studio.app import make_application, make_window
from studio.open.preferences import Preferences
from studio.session import Session

preferences = Preferences()
application = make_application(preferences)
session = Session(Store.open(sys.argv[1]), preferences)
window = make_window(session)

def tell():
    QApplication.processEvents()
    window = session.window
    print(window.screen().name(), *window.geometry().getRect(), window.devicePixelRatioF())

if sys.argv[2] == "place":
    window.setGeometry(QRect(1500, 60, 1000, 650))
window.show()
tell()
if sys.argv[2] == "place":
    window.use_language("zh_CN")
    tell()
    session.window.use_scale(1.5)
    tell()
    session.window.use_scale(1.0)
    session.window.use_language("en")
    session.window.setGeometry(QRect(1500, 60, 1000, 650))
session.window.close()
"""


def opened(folder: Path, how: str, *screens: dict[str, Any]) -> list[list[str]]:
    plan = folder / "screens.json"
    plan.write_text(
        json.dumps({"synchronousWindowSystemEvents": False, "windowFrameMargins": True, "screens": screens}),
        encoding="utf-8",
    )
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "QT_QPA_PLATFORM": f"offscreen:configfile={plan}"}
    done = subprocess.run(
        [sys.executable, "-c", OPENED, str(folder / "runs.db"), how], env=os.environ | own, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.long
def test_a_window_on_the_second_screen(tmp_path: Path) -> None:
    first, chinese, large = opened(tmp_path, "place", LEFT, RIGHT)
    assert first == ["right", "1500", "60", "1000", "650", "2.0"]
    assert chinese == first
    assert (large[0], large[-1]) == ("right", "3.0")
    assert opened(tmp_path, "keep", LEFT, RIGHT) == [first]
    (alone,) = opened(tmp_path, "keep", LEFT)
    assert (alone[0], alone[-1]) == ("left", "1.0")
    x, y, width, height = map(int, alone[1:5])
    assert x >= 0
    assert y >= 0
    assert x + width <= 1440
    assert y + height <= 900
