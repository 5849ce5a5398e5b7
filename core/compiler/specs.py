"""One class of a catalogue as the plain value that the window knows it by."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from core.graph.vocabulary import BlockSpec, Role
from core.knobs import knobs_of

_PAPER = re.compile(r"\b(\d{4}\.\d{4,5})\b")
FAMILIES = {
    "sources": "Sources", "transforms": "Transforms", "encoders": "Encoders", "connectors": "Connectors",
    "fusion": "Fusion", "attention": "Attention", "experts": "Experts", "tokenizers": "Tokenizers",
    "generators": "Generators", "adapters": "Adapters", "heads": "Heads", "negatives": "Negatives", "objectives": "Objectives", "own": "Own blocks",
}  # fmt: skip


def summary_and_papers(cls: Any) -> tuple[str, tuple[str, ...]]:
    """The docstring's first line, and every arXiv number in it or in its file's docstring."""
    doc = inspect.getdoc(cls) or ""
    module = inspect.getmodule(cls)
    papers = _PAPER.findall(doc + " " + ((module.__doc__ if module else "") or ""))
    return doc.strip().splitlines()[0] if doc.strip() else "", tuple(dict.fromkeys(papers))


def spec_of(key: str, cls: Any, role: Role, origin: str = "") -> BlockSpec:
    """What palette, form and canvas need to know. ``origin``: where it comes from, of a person's own."""
    summary, papers = summary_and_papers(cls)
    takes, gives = tuple(cls.takes.values()), tuple(cls.gives.values())
    row = {port.kind for port in takes} & {port.kind for port in gives}
    folder = key.split(".")[0]
    return BlockSpec(
        key=key, title=cls.title or key, role=role, family=FAMILIES.get(folder, folder.capitalize()), summary=summary,
        papers=papers, takes=takes, gives=gives, knobs=knobs_of(cls.Config), modality=_modality(cls, takes, gives),
        repeatable=role == "block" and bool(row) and not getattr(cls, "mixes_samples", False),
        mixes=getattr(cls, "mixes_samples", False), alternatives=getattr(cls, "alternatives", False),
        carries=getattr(cls, "carries", True), origin=origin,
    )  # fmt: skip


def _modality(cls: Any, takes: Iterable[Any], gives: Iterable[Any]) -> str:
    if cls.modality != "any":
        return str(cls.modality)
    named = [port.modality for port in (*gives, *takes) if port.modality not in ("any", "loss")]
    return named[0] if named and len(set(named)) == 1 else "any"
