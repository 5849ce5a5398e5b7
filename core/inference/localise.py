"""Localise: which events or actions happen in a file, and when, as the objective that learned them marks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from core.blocks.objectives.event_detection import EventDetection
from core.blocks.objectives.localisation import Localisation
from core.blocks.values import Segments
from core.compiler.answers.answerable import NO_ACTIONS, NO_EVENTS
from core.compiler.answers.tellers import teller_of
from core.compiler.randomness import apart
from core.inference.trained import Trained
from core.problems import Refused
from core.telemetry.spans import Span


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something from when to when, and how sure that is."""

    name: str
    span: Span
    score: float


@torch.no_grad()
def localise(trained: Trained, given: str, path: Path, *, seed: int = 0) -> list[Event]:
    """What is found in a file (``given``: sound or film), by when it begins. Raises Refused."""
    teller = teller_of(trained.tellers, "localise", given)
    if teller is None:
        raise Refused(NO_ACTIONS if given == "film" else NO_EVENTS)
    with apart(seed):
        tokens, _ = trained.told(teller, {given: path})
    head, names = trained.experiment.node(teller.node), trained.names(teller)
    assert isinstance(head, EventDetection | Localisation)
    device = tokens.x_BND.device
    nothing = Segments(
        times_BN2=torch.zeros(1, 1, 2, dtype=torch.float64, device=device),
        class_BN=torch.full((1, 1), -1, device=device),
    )
    found = head.marked(tokens, nothing)[""][0]
    events = [
        Event(name=names[one.code] if one.code < len(names) else str(one.code + 1), span=one.span, score=one.score)
        for one in found
    ]
    return sorted(events, key=lambda event: (event.span.start, event.span.end, event.name))
