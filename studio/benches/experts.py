"""A mixture of experts' grouped dispatch, beside the chapter's loop over samples and experts, on the same weights.

8 experts, 2 a token, batch 32, 196 tokens, with a backward pass; both give the same numbers, which is measured too. Turn by
turn, one torch thread; wall and processor time. Wanted at width 32: at least ten times as fast as the loop. What is saved
is the cost of many small calls, so the ratio falls as the width grows and arithmetic takes over: wider ones are shown.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from core.blocks.experts.grouped import Experts, through_experts
from studio.benches.figure import Figure

title = "Experts: grouped, beside a loop over samples and experts"
EXPERTS, TOP_K, BATCH, TOKENS = 8, 2, 32, 196
WIDTHS = (32, 64, 128)  # the promise is the first one's; an expert is twice as wide inside
ROUNDS, WARM = 9, 2


def measure() -> list[Figure]:
    """Ratios of wall and processor time, milliseconds with gradients, and how far apart the answers are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [figure for width in WIDTHS for figure in _measured(width, 10.0 if width == WIDTHS[0] else None)]
    finally:
        torch.set_num_threads(threads)


def _measured(width: int, least: float | None) -> list[Figure]:
    torch.manual_seed(0)
    experts = Experts(EXPERTS, width, 2 * width)
    x_BND = torch.randn(BATCH, TOKENS, width)
    gate_BNK, choice_BNK = torch.randn(BATCH, TOKENS, EXPERTS).softmax(-1).topk(TOP_K)
    times: dict[str, list[tuple[float, float]]] = {"grouped": [], "loop": []}
    made: dict[str, Tensor] = {}
    for _ in range(WARM + ROUNDS):
        for name, form in (("grouped", grouped), ("loop", looped)):
            seconds, processor, made[name] = _timed(form, experts, x_BND, choice_BNK, gate_BNK)
            times[name].append((seconds, processor))
    typical = {name: [1000 * statistics.median(t) for t in zip(*rows[WARM:])] for name, rows in times.items()}
    wall, processor = (theirs / ours for ours, theirs in zip(typical["grouped"], typical["loop"]))
    apart = float((made["grouped"] - made["loop"]).abs().max() / made["loop"].abs().max())
    return [
        Figure(name=f"width {width}: loop / grouped, wall time", value=wall, least=least),
        Figure(name=f"width {width}: loop / grouped, processor time", value=processor, least=least),
        Figure(name=f"width {width}: grouped", value=typical["grouped"][0], unit="ms"),
        Figure(name=f"width {width}: loop", value=typical["loop"][0], unit="ms"),
        Figure(name=f"width {width}: relative difference of the answers", value=apart, most=1e-4),
    ]


Form = Callable[[Experts, Tensor, Tensor, Tensor], Tensor]


def _timed(form: Form, experts: Experts, x: Tensor, choice: Tensor, gate: Tensor) -> tuple[float, float, Tensor]:
    x = x.clone().requires_grad_()
    experts.zero_grad()
    wall, busy = time.perf_counter(), time.process_time()
    y = form(experts, x, choice, gate)
    y.sum().backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - wall, time.process_time() - busy, y.detach()


def grouped(experts: Experts, x_BND: Tensor, choice_BNK: Tensor, gate_BNK: Tensor) -> Tensor:
    """As the block does it, with places for every token, so that nothing is dropped."""
    choice_TK = choice_BNK.flatten(0, 1)
    places = int(torch.bincount(choice_TK.flatten(), minlength=EXPERTS).max())
    y_TD, _ = through_experts(experts, x_BND.flatten(0, 1), choice_TK, gate_BNK.flatten(0, 1), places)
    return y_TD.view_as(x_BND)


def looped(experts: Experts, x_BND: Tensor, choice_BNK: Tensor, gate_BNK: Tensor) -> Tensor:
    """The chapter's form: for every sample and every expert, the tokens that chose it."""
    y_BND = torch.zeros_like(x_BND)
    for sample in range(len(x_BND)):
        for expert in range(experts.count):
            weight_N = (gate_BNK[sample] * (choice_BNK[sample] == expert)).sum(-1)
            chosen = weight_N > 0
            if chosen.any():
                part = experts.one(expert, x_BND[sample][chosen]) * weight_N[chosen][:, None]
                y_BND[sample, chosen] += part
    return y_BND
