"""Where the sockets of open windows lie: in a folder that only their owner can enter, one socket a window."""

from __future__ import annotations

import os
import platform
import re
import socket
import stat
import struct
from pathlib import Path

from core.problems import Refused, refuse
from core.store.folders import data_folder

_NAME = re.compile(r"window-(\d+)\.sock")
LONGEST = 100  # bytes of a socket's path; the system takes 107


def why_not_here() -> str:
    """Why windows cannot be driven on this system; empty where they can."""
    if platform.system() == "Linux":
        return ""
    return "A window can be driven by scripts on Linux only: elsewhere it could not be told whose script it is."


def folder() -> Path:
    """The owner's folder of sockets, whether or not it is there."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and Path(runtime).is_absolute() and Path(runtime).is_dir():
        return Path(runtime) / "crossmodal-studio"
    return data_folder() / "windows"


def own_folder(place: Path) -> Path:
    """The folder, made where it is not there. Raises Refused where anybody else could enter it."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)
        facts = os.lstat(place)
    except OSError as error:
        raise refuse(f"{place} cannot be made: {error.strerror or error}.") from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise refuse(f"{place} can be entered by others, so no socket is opened there.", hint=f"Run: chmod 700 {place}")
    return place


def own_socket(place: Path) -> Path:
    """A socket to open as a script. Raises Refused where it is not the person's alone."""
    try:
        around, facts = os.lstat(place.parent), os.lstat(place)
    except OSError as error:
        raise refuse(f"There is no window at {place}.", hint="Open one: python -m studio open --socket") from error
    is_own = facts.st_uid == around.st_uid == os.getuid()
    if not (stat.S_ISSOCK(facts.st_mode) and is_own) or stat.S_IMODE(around.st_mode) & 0o077:
        raise refuse(f"{place} is not a socket that is yours alone.")
    return place


def socket_of(process: int) -> Path:
    """A window's socket. Raises Refused where its path would be too long for the system."""
    place = folder() / f"window-{process}.sock"
    if len(os.fsencode(place)) > LONGEST:
        raise refuse(f"The path {place} is too long for a socket.", hint="Set XDG_RUNTIME_DIR to a short one.")
    return place


def open_windows() -> list[Path]:
    """Sockets of windows that are open, the newest last; those of windows that died are removed."""
    found = []
    for place in sorted(folder().glob("window-*.sock"), key=_made):
        match = _NAME.fullmatch(place.name)
        if match and _is_alive(int(match[1])):
            found.append(place)
        elif match:
            place.unlink(missing_ok=True)
    return found


def _made(place: Path) -> int:
    try:
        return place.lstat().st_mtime_ns
    except OSError:
        return 0


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def owner_of(peer: socket.socket) -> int:
    """The user who is at the other end, as the kernel knows them."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)


def refusal_of(peer: socket.socket) -> Refused | None:
    """Why somebody is not listened to; None where they are this person."""
    user = owner_of(peer)
    return None if user == os.getuid() else refuse(f"The user {user} may not drive this window.")
