"""What goes wrong while a block is built or run, as a Problem that names the block: never a traceback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch

from core.graph.vocabulary import BlockSpec
from core.problems import Refused, refuse

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def faults_at(node: str, specs: Mapping[str, BlockSpec]) -> Iterator[None]:
    """Inside, whatever fails is refused with the node's name. Raises Refused."""
    try:
        yield
    except Refused as refused:
        raise Refused(*(p if p.node else replace(p, node=node) for p in refused.problems)) from refused
    except Exception as error:  # a block's own fault, told where it is
        raise _told(error, node, specs) from error


def _told(error: Exception, node: str, specs: Mapping[str, BlockSpec]) -> Refused:
    title = specs[node].title if node in specs else node
    text = str(error).strip().splitlines()[0][:240] if str(error).strip() else type(error).__name__
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(part in text.lower() for part in NO_MEMORY):
        hint = "Make the block smaller, or use a smaller batch."
        return refuse(f"The memory does not suffice for {title}.", node=node, hint=hint)
    return refuse(f"{title} cannot be run: {type(error).__name__}: {text.rstrip('.')}.", node=node)
