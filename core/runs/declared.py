"""The vocabulary straight from the catalogues' classes. Imports torch."""

from __future__ import annotations

from core.compiler.describe import vocabulary
from core.graph.vocabulary import Vocabulary
from core.training.describe import options


def declared_vocabulary(*, again: bool = False) -> Vocabulary:
    """Every block, source, transform and recipe option; ``again``: a person's own are looked at anew."""
    return Vocabulary(vocabulary(again=again).values(), options=options())
