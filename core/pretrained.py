"""Where pretrained weights lie on this machine: a folder, an installed package that carries them, or a hub id."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from core.problems import refuse


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
