"""Whether a path lies on a network file system, where SQLite's write-ahead log does not work."""

from __future__ import annotations

from pathlib import Path

import psutil

from core.problems import Problem

REMOTE = frozenset({
    "nfs", "nfs4", "cifs", "smb", "smbfs", "smb3", "afs", "ncpfs", "9p", "lustre", "gpfs", "glusterfs", "ceph",
    "beegfs", "sshfs", "fuse.sshfs", "davfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "webdav", "afpfs",
})  # fmt: skip


def kind_of(path: Path) -> str:
    """The file system's name, for instance ``ext4``; empty where it is not known."""
    try:
        places = [(Path(part.mountpoint), part.fstype) for part in psutil.disk_partitions(all=True)]
    except (OSError, psutil.Error):
        return ""
    above = [(len(place.parts), kind) for place, kind in places if path.is_relative_to(place)]
    return max(above, default=(0, ""))[1].lower()


def is_remote(path: Path) -> bool:
    """Whether the file lies on another machine, or on a Windows share."""
    return kind_of(path) in REMOTE or str(path).startswith("\\\\")


def warning(path: Path) -> Problem:
    """What a person is told about it."""
    return Problem(
        what=f"{path.name} lies on a network file system ({kind_of(path) or 'network share'}): writing is slower and only one "
        "machine may use it at a time.",
        hint="A store on a local disk is safer.", severity="warning",
    )  # fmt: skip
