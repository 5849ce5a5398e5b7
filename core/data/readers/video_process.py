"""Talks to the decoding process (:mod:`core.data.readers.video_child`) and watches it: ten seconds a request, no more.

A decoder that crashes or hangs takes its process with it, never the run; the next request gets a fresh one.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.problems import Problem, Refused, refuse

WATCHDOG = 10.0  # seconds
FILMS = frozenset(".mp4 .m4v .mov .3gp .mkv .webm .avi .mpg .mpeg .ts .mts .m2ts .flv .wmv".split())
MEDIA = FILMS | frozenset(".m4a .m4b .aac .mka .weba .wma".split())
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH")
_CHILD = Path(__file__).with_name("video_child.py")
_KNOWN = (
    b"\x1aE\xdf\xa3",
    b"RIFF",
    b"OggS",
    b"FLV",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"G",
    b"ID3",
    b"\xff",
    b"0&\xb2u",
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot")


class HasNoSound(Refused):
    """A file that is whole, without sound or with none at the time that was asked for."""


class VideoProcess:
    """One decoding process, started when first asked; safe for threads."""

    def __init__(self, watchdog_seconds: float = WATCHDOG) -> None:
        self._watchdog = watchdog_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def frames(self, file: Path, reader: str, request: dict[str, Any], name: str) -> tuple[dict[str, Any], Any]:
        """Facts and frames uint8 [T, H, W, 3], or None where decord ``disagrees``. Raises Refused naming the file."""
        facts, body = self._ask({"what": reader, "file": str(file), **request}, file, name)
        if "disagrees" in facts:
            return facts, None
        return facts, np.frombuffer(body, dtype=np.uint8).reshape(facts["shape"])

    def index(self, file: Path, name: str) -> dict[str, Any]:
        """When its frames begin, when the last one ends, and what is odd about it. Raises Refused naming the file."""
        return self._ask({"what": "index", "file": str(file)}, file, name)[0]

    def audio(self, file: Path, start: float, seconds: float, name: str) -> tuple[NDArray[np.float32], int, str]:
        """Samples float32 [S], their rate in hertz, and what is odd about them. Raises Refused naming the file."""
        request = {"what": "audio", "file": str(file), "start": start, "seconds": seconds}
        facts, body = self._ask(request, file, name)
        if facts.get("silent"):
            raise HasNoSound(Problem(what=f"{name} has no sound."))
        return np.frombuffer(body, dtype="<f4").astype(np.float32), int(facts["rate"]), " ".join(facts["remarks"])

    def _ask(self, request: dict[str, Any], file: Path, name: str) -> tuple[dict[str, Any], bytes]:
        check_container(file, name)
        with self._lock:
            process = self._running()
            late = threading.Event()
            timer = threading.Timer(self._watchdog, _stop, (process, late))
            timer.daemon = True
            timer.start()
            try:
                facts, body = _exchange(process, request)
            except (OSError, EOFError, ValueError) as error:
                code = self._end()
                raise self._lost(name, late.is_set(), code) from error
            finally:
                timer.cancel()
                timer.join()
        if "error" in facts:
            raise refuse(f"{name} cannot be decoded: {facts['error']}.")
        return facts, body

    def _lost(self, name: str, was_late: bool, code: int | None) -> Refused:
        if was_late:
            return refuse(f"{name} took longer than {self._watchdog:g} seconds to decode.", hint="It may be damaged.")
        return refuse(f"{name} crashed its decoder (code {code}).", hint="It is damaged; remove it or encode it anew.")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment,
            )  # fmt: skip
        return self._process

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        return code

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()


def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _exchange(process: subprocess.Popen[bytes], request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    facts: dict[str, Any] = json.loads(line)
    body = process.stdout.read(facts["bytes"])
    if len(body) != facts["bytes"]:
        raise EOFError
    return facts, body


def check_container(file: Path, name: str) -> None:
    """Only files that start like a video or sound: playlists and lists of other files name addresses to open.

    Raises Refused.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(16)
    except OSError as error:
        raise refuse(f"{name} cannot be opened: {error.strerror or type(error).__name__}.") from error
    if not start:
        raise refuse(f"{name} is empty.")
    if not start.startswith(_KNOWN) and start[4:8] not in _BOXES:
        raise refuse(f"{name} is not a video or sound file.", hint="Playlists and text files are not read.")


_shared = VideoProcess()
atexit.register(_shared.close)


def video_process() -> VideoProcess:
    """The process everyone in this process shares."""
    return _shared
