"""The vocabulary, from the catalogues' classes: what the window reads instead of importing torch."""

from __future__ import annotations

from typing import Any

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.compiler.contract.own import why_broken
from core.compiler.specs import FAMILIES, spec_of
from core.data.catalog import sources, transforms
from core.graph.vocabulary import BlockSpec, Role, Vocabulary
from core.own.loading import OwnBlocks, load_own
from core.own.modules import loaded

CATALOGS = (sources, transforms, blocks)


def own_blocks(*, again: bool = False) -> OwnBlocks:
    """A person's own blocks, read into the catalogues where they are allowed; behind all that the studio brings."""
    for catalog in CATALOGS:
        catalog.walk()
    return load_own(CATALOGS, why_broken, again=again)


def vocabulary(*, again: bool = False) -> Vocabulary:
    """Every block, source and transform there is, a person's own among them; ``again``: those are looked at anew."""
    own_blocks(again=again)
    specs = [
        *(_spec(key, cls, "source") for key, cls in sources.items()),
        *(_spec(key, cls, "transform") for key, cls in transforms.items()),
        *(_spec(key, cls, "objective" if issubclass(cls, Objective) else "block") for key, cls in blocks.items()),
    ]
    place = {family: number for number, family in enumerate(FAMILIES.values())}
    return Vocabulary(sorted(specs, key=lambda spec: (place.get(spec.family, 99), spec.title)))


def _spec(key: str, cls: Any, role: Role) -> BlockSpec:
    file = loaded().get(key)
    return spec_of(key, cls, role, f"{file.path} · SHA-256 {file.sha256}" if file else "")
