"""From the command to a window that can be seen, in a process of its own, before torch is loaded.

Wanted: under 1.5 s with the default example on the canvas. Loading torch begins after the first picture.

Counted is a start as a person has it: Python's bytecode is there from an earlier one, whatever the environment of the
benches says about keeping it (it is kept in a folder of the bench), and nothing is imported that the command does not import.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from studio.benches.figure import Figure

title = "From the command to the visible window"
ROUNDS = 5
CHILD = """
import argparse, json, sys, time
def watch():
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    plain = QTimer.singleShot
    def watched(milliseconds, *more):
        window = getattr(more[-1], "__self__", None)
        if getattr(more[-1], "__name__", "") != "after_first_picture":
            return plain(milliseconds, *more)
        def seen():
            nodes = len(window.session.document.nodes)
            print(json.dumps([time.time(), time.process_time(), "torch" in sys.modules, nodes]), flush=True)
            window.close()
            QApplication.quit()
        plain(0, seen)
    QTimer.singleShot = watched
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "studio.window":  # the application has imported Qt, and has not run yet
            sys.meta_path.remove(self)
            watch()
sys.meta_path.insert(0, Watch())
from studio.commands import open as command
command.run(argparse.Namespace(file=None, store=None))
"""


def measure() -> list[Figure]:
    """Seconds, the median and the worst of a few starts."""
    times, processor, torch_there = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        _start(Path(folder))  # writes the bytecode
        for _ in range(ROUNDS):
            began = time.time()
            ended, worked, has_torch, nodes = _start(Path(folder))
            if not nodes:
                raise RuntimeError("the window opened without its document")
            times.append(ended - began)
            processor.append(worked)
            torch_there += has_torch
    return [
        Figure(name="visible window, median of five", value=statistics.median(times), unit="s", most=1.5),
        Figure(name="the slowest of five", value=max(times), unit="s"),
        Figure(name="processor time to the window, median", value=statistics.median(processor), unit="s", share=0.6),
        Figure(name="starts that had loaded torch by then", value=torch_there, most=0),
    ]


def _start(home: Path) -> tuple[float, float, bool, int]:
    """When the window was there, processor seconds until then, whether torch was loaded, and how many nodes it showed."""
    environment = {
        **os.environ, "XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home),
        "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
    }  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and sys.platform == "linux":
        environment["QT_QPA_PLATFORM"] = "offscreen"
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    ended, worked, has_torch, nodes = json.loads(done.stdout.strip().splitlines()[-1])
    return float(ended), float(worked), bool(has_torch), int(nodes)
