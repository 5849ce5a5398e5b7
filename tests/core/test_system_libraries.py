"""Libraries that the window needs: which are missing, and the one line that brings them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import system_libraries as system

ROOT = Path(__file__).resolve().parents[2]


def test_what_cannot_be_loaded_is_missing_and_has_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_loads", lambda library: library not in ("libEGL.so.1", "libglib-2.0.so.0"))
    monkeypatch.setattr(system, "_apt_knows", lambda name: name != "libglib2.0-0t64")
    monkeypatch.setattr(system.os, "geteuid", lambda: 1000)
    assert system.missing_libraries() == ["libEGL.so.1", "libglib-2.0.so.0"]
    assert system.install_line(system.missing_libraries()) == "sudo apt-get install libegl1 libglib2.0-0"
    assert "sudo apt-get install libegl1" in system.why_no_window()


def test_a_library_that_is_nowhere_does_not_load() -> None:
    assert not system._loads("libthere-is-no-such-library.so.9")


def test_every_library_has_a_package() -> None:
    assert len(system.libraries()) > 10
    assert all(packages for packages in system.libraries().values())


def test_without_qt_the_window_is_a_sentence_not_a_traceback(tmp_path: Path) -> None:
    """A stand-in for Qt that fails to load as the real one does where a library is missing."""
    (tmp_path / "PySide6").mkdir()
    error = "libEGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "PySide6/__init__.py").write_text(f"raise ImportError({error!r})\n")
    done = subprocess.run(
        [sys.executable, "-m", "studio"], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "libEGL.so.1" in done.stderr
