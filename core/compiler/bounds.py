"""A bound on what building a module may take: a folder's ``config.json`` may ask for a million layers.

Every module and parameter that is registered by this thread inside :func:`bounded` is counted; beyond the bound, or after
its time, the building is refused. Other threads build undisturbed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from core.problems import refuse

MOST_PARAMETERS = 200_000_000_000
MOST_MODULES = 20_000
MOST_SECONDS = 30.0


@dataclass
class _Count:
    """What one thread has built so far."""

    until: float
    parameters: int = 0
    modules: int = 0

    def module(self) -> None:
        """One more module."""
        self.modules += 1
        if self.modules > MOST_MODULES:
            raise refuse(f"It would have more than {MOST_MODULES:,} parts.", hint="Make it smaller.")
        if time.monotonic() > self.until:
            raise refuse(f"Building it takes more than {MOST_SECONDS:.0f} seconds.", hint="Make it smaller.")

    def parameter(self, parameter: nn.Parameter | None) -> None:
        """One more parameter."""
        self.parameters += 0 if parameter is None else parameter.numel()
        if self.parameters > MOST_PARAMETERS:
            raise refuse(f"It would have more than {MOST_PARAMETERS:,} parameters.", hint="Make it smaller.")


_counting = threading.local()


def _on_module(module: nn.Module, name: str, child: Any) -> None:
    count = getattr(_counting, "now", None)
    if count is not None:
        count.module()


def _on_parameter(module: nn.Module, name: str, parameter: Any) -> None:
    count = getattr(_counting, "now", None)
    if count is not None:
        count.parameter(parameter)


register_module_module_registration_hook(_on_module)
register_module_parameter_registration_hook(_on_parameter)


@contextmanager
def bounded() -> Iterator[None]:
    """Inside, this thread builds no more than the bound. Raises Refused beyond it."""
    _counting.now = _Count(until=time.monotonic() + MOST_SECONDS)
    try:
        yield
    finally:
        _counting.now = None
