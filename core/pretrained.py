"""Where pretrained weights lie on this machine: a folder, an installed package that carries them, or a hub id."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path

from core.problems import refuse

HOW_TO_GET = "Name a folder, an installed package or a hub id in Weights from; python -m studio fetch brings a hub's."


def locate(source: str) -> str:
    """A folder with ``config.json``, the folder inside an installed package of that name, or the hub id as it is.

    Raises Refused for a folder that holds no model.
    """
    folder = Path(source).expanduser()
    if (folder / "config.json").is_file():
        return str(folder)
    if folder.is_dir():
        raise refuse(f"{folder} has no config.json.", hint="Choose a folder that save_pretrained wrote.")
    if source.isidentifier():
        spec = importlib.util.find_spec(source)
        for root in (spec.submodule_search_locations or ()) if spec else ():
            for config in sorted(Path(root).glob("*/config.json")) + sorted(Path(root).glob("config.json")):
                return str(config.parent)
    return source


def packaged(package: str, file: str, digest: str, *, install: str) -> Path:
    """A file of weights inside an installed package, its content that of ``digest`` (SHA-256).

    Nothing of the package is run. Raises Refused where it is not installed or its file is another; ``install`` is the command.
    """
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(root) / file
        if found.is_file():
            if _digest(found, found.stat().st_mtime_ns) != digest:
                raise refuse(
                    f"The weights of the package {package} are not those that are known here.", hint=f"Run: {install}"
                )
            return found
    raise refuse(f"The weights of the package {package} are not installed.", hint=f"Run: {install}")


@functools.cache
def _digest(file: Path, changed: int) -> str:
    """A file's SHA-256; read again once it was written."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
