"""What the desktop asks of every program for a person's eyes: high contrast, and nothing that moves by itself."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication

SPI_GETCLIENTAREAANIMATION = 0x1042
GSETTINGS = ("org.gnome.desktop.interface", "enable-animations")
SECONDS = 2.0  # that a desktop has to answer


def wants_contrast() -> bool:
    """Whether the desktop asks for high contrast, where Qt says so."""
    hints = QGuiApplication.styleHints()
    return hints is not None and hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast


@cache
def reduces_motion() -> bool:
    """Whether the desktop asks for no animations: Windows, KDE's settings, else GNOME's and those that keep its keys."""
    if sys.platform == "win32":
        return not _windows_animates()
    return _kde_reduces() or _gnome_reduces()


def _windows_animates() -> bool:
    answer = ctypes.c_int(1)
    windll = getattr(ctypes, "windll", None)
    if windll is not None:
        windll.user32.SystemParametersInfoW(SPI_GETCLIENTAREAANIMATION, 0, ctypes.byref(answer), 0)
    return bool(answer.value)


def _kde_reduces() -> bool:
    place = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kdeglobals"
    if not place.is_file():
        return False
    factor = QSettings(str(place), QSettings.Format.IniFormat).value("KDE/AnimationDurationFactor", "1")
    try:
        return float(str(factor)) == 0
    except ValueError:
        return False


def _gnome_reduces() -> bool:
    program = shutil.which("gsettings")
    if program is None:
        return False
    try:
        answer = subprocess.run(
            [program, "get", *GSETTINGS], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "false"
