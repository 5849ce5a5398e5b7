"""The size of everything in the window, changed while it is open.

Qt reads ``QT_SCALE_FACTOR`` once, at the start. What its own settings of screens call is exported by the library but by no
Python class: where it is there it is called, and the windows that are made afterwards have the new size; elsewhere the
size is used from the next start. Screens keep the factor that the desktop gave them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

import PySide6
import shiboken6
from PySide6.QtGui import QGuiApplication, QScreen

SYMBOL = "_ZN15QHighDpiScaling15setScreenFactorEP7QScreend"  # void QHighDpiScaling::setScreenFactor(QScreen *, double)
NATIVE_PIXELS = ("xcb", "windows", "offscreen")  # platforms that know no other unit: a screen's ratio is all Qt's

_desktop: dict[str, float] = {}  # by a screen's name: its factor before anybody changed it
_now = 1.0


@cache
def _setter() -> Callable[[int, float], None] | None:
    for path in sorted(Path(PySide6.__file__).parent.glob("Qt/lib/libQt6Gui.so.6*")):
        function = getattr(ctypes.CDLL(str(path)), SYMBOL, None)
        if function is not None:
            function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_double], None
            return function  # type: ignore[no-any-return]
    return None


def scale_screens(factor: float) -> bool:
    """Windows made from now on are this much larger than the desktop's; False where that needs another start."""
    global _now
    setter = _setter()
    if setter is None:
        return False
    for screen in QGuiApplication.screens():
        if screen.name() not in _desktop:
            native = QGuiApplication.platformName() in NATIVE_PIXELS
            _desktop[screen.name()] = screen.devicePixelRatio() / _now if native else 1.0
        _set(setter, screen, factor * _desktop[screen.name()])
    _now = factor
    return True


def _set(setter: Callable[[int, float], None], screen: QScreen, factor: float) -> None:
    pointers: tuple[int, ...] = shiboken6.getCppPointer(screen)
    setter(pointers[0], factor)


def scale_now() -> float:
    """The factor in use."""
    return _now
