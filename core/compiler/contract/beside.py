"""The block that lies beside its tests: for a person who runs them, and with them the file, by hand."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.own.files import FAMILY, PACKAGE
from core.own.modules import forget


def block_beside(tests: str, name: str) -> type[Block]:
    """The class that ``NAME.py`` in the folder of ``tests`` registers as ``own.NAME``. Running tests runs the file: nothing is asked."""
    module, key = f"{PACKAGE}.{name}", f"{FAMILY}.{name}"
    blocks.walk()
    forget(module)
    blocks.drop(module)
    _run(Path(tests).resolve().parent / f"{name}.py", module)
    found = blocks.known().get(key)
    if found is None or not issubclass(found, Block):
        raise LookupError(f"{name}.py registers no block called {key!r}")
    return found


def _run(file: Path, module: str) -> None:
    spec = spec_from_file_location(module, file)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    sys.modules[module] = made  # dataclasses look their types up there
    spec.loader.exec_module(made)
