"""The beginning of a block of one's own: a file that works as it comes, and its tests beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.own.files import FAMILY, OwnFile, own_file, why_no_name
from core.own.guards import checked_folder
from core.own.settings import OwnSettings
from core.problems import refuse

BLOCK = '''"""{title}: what it is for, in one sentence, and the paper it is from (arXiv and its number).

Axes: B batch, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.graph.ports import port
from core.knobs import knob


@blocks.register("{key}")
class {cls}(Block):
    """Multiplies every number of a vector by a learned one."""

    title = "{title}"
    takes = {{"embedding": port("embedding", "one vector per example")}}
    gives = {{"embedding": port("embedding", "the same, each number scaled")}}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """What a person can set: each knob is a field of the form."""

        start: float = knob(1.0, "What every number is multiplied by at the beginning.", low=0.01, high=100)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        """``incoming`` are the values that come in, so sizes need not be asked for."""
        super().__init__(config, incoming)
        self.scale_D = nn.Parameter(torch.full((incoming["embedding"].shape[-1],), config.start))

    def forward(self, embedding: Tensor) -> dict[str, Any]:
        """[B, D] to [B, D]."""
        return {{"embedding": self.scale_D * embedding}}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small samples: what the checks try the block on."""
        return {{"embedding": torch.randn(2, 4)}}
'''

TESTS = '''"""What {name}.py keeps to: all that is asked of every block of the studio, and what is asked of this one.

Run them with pytest, or with: python -m studio blocks test {name}
"""

from __future__ import annotations

import pytest
import torch

from core.compiler.contract.beside import block_beside
from core.compiler.contract.checks import PROMISES, Promise, built

BLOCK = block_beside(__file__, "{name}")


@pytest.mark.parametrize("promise", [p for p in PROMISES if p.is_asked(BLOCK)], ids=lambda promise: promise.name)
def test_keeps_to_what_every_block_does(promise: Promise) -> None:
    promise.holds(BLOCK)


def test_multiplies() -> None:
    block, example = built(BLOCK, {{"start": 2.0}})
    assert torch.equal(block(**example)["embedding"], 2 * example["embedding"])
'''


def new_block(settings: OwnSettings, name: str) -> tuple[OwnSettings, OwnFile, Path]:
    """Write ``NAME.py`` and ``test_NAME.py``; these contents are allowed, for the studio wrote them. Raises Refused."""
    if why := why_no_name(name):
        raise refuse(why)
    folder = settings.place.expanduser()
    words = {
        "name": name,
        "key": f"{FAMILY}.{name}",
        "cls": _class_name(name),
        "title": name.replace("_", " ").capitalize(),
    }
    files = {folder / f"{name}.py": BLOCK.format(**words), folder / f"test_{name}.py": TESTS.format(**words)}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        checked_folder(folder)
        if there := [path for path in files if path.exists()]:
            raise refuse(f"{there[0]} is there already.", hint="Choose another name.")
        for path, text in files.items():
            with path.open("x", encoding="utf-8") as opened:
                opened.write(text)
            path.chmod(0o600)
    except OSError as error:
        raise refuse(f"{folder} cannot be written: {error.strerror or error}.") from error
    sha256 = hashlib.sha256(files[folder / f"{name}.py"].encode("utf-8")).hexdigest()
    settings = settings.allowing((folder / f"{name}.py").resolve(), sha256)
    return settings, own_file(settings, name), folder / f"test_{name}.py"


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
