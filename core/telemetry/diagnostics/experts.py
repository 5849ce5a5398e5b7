"""Which expert takes how many tokens of which modality, how many find no place, and how sure the router is.

Series: ``experts/<node>/<modality>`` (a histogram with a bar for each expert), and as figures ``dropped`` (share of choices
without a place), ``entropy`` (of the router's answers, as a share of the most there can be), ``purity`` (1: every expert
keeps to one modality; 1 over the number of modalities by chance) and ``quietest`` (the least used expert's part of its fair
share).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import Histogram, Scalars

LOOKS = 3  # in a row, before a quiet expert is worth a warning


@diagnostics.register("experts")
class ExpertUse(Diagnostic):
    """Use of experts by modality, dropped tokens, and a warning when an expert lies idle."""

    title = "Experts"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often, and when to warn."""

        every: int = knob(5, "Look at every n-th step.", low=1, high=100_000, unit="steps")
        quiet: float = knob(
            0.1,
            "Warn when an expert gets less than this part of its fair share.",
            low=0,
            high=1,
            title="Idle threshold",
        )

    def began(self, run: Watched) -> None:
        """No warning yet."""
        self._quiet: dict[tuple[str, int], int] = {}  # looks in a row
        self._warned: set[tuple[str, int]] = set()

    def step_ended(self, run: Watched) -> None:
        """Look at every block that routed tokens in this step."""
        if not self.is_due(run):
            return
        for key in (key for key in run.plan.batch_nodes if key in run.active_nodes):
            routers = run.experiment.routers(key)
            for number, routed in enumerate(routers):
                self._look(run, key if len(routers) == 1 else f"{key}.{number}", routed)

    def _look(self, run: Watched, name: str, routed: Any) -> None:
        counts_ME = routed.counts().cpu().numpy()
        experts = counts_ME.shape[1]
        for modality, counts in zip(routed.modalities, counts_ME):
            series = f"experts/{name}/{modality}"
            run.say(
                Histogram(at=run.at(), series=series, low=0.0, high=float(experts), counts=counts.astype(np.uint32))
            )
        fair_E = counts_ME.sum(0) * experts / max(counts_ME.sum(), 1)
        figures = {
            "dropped": routed.dropped(), "entropy": routed.entropy(), "purity": routed.purity(), "quietest": float(fair_E.min()),
        }  # fmt: skip
        run.say(Scalars(at=run.at(), values={f"experts/{name}/{figure}": value for figure, value in figures.items()}))
        for expert, fair in enumerate(fair_E.tolist()):
            self._warn(run, name, expert, fair)

    def _warn(self, run: Watched, name: str, expert: int, fair: float) -> None:
        place = (name, expert)
        self._quiet[place] = self._quiet.get(place, 0) + 1 if fair < self.config.quiet else 0
        if self._quiet[place] >= LOOKS and place not in self._warned:
            self._warned.add(place)
            run.warn(
                f"Expert {expert + 1} of {name} lies idle: it gets {fair:.0%} of its fair share of tokens. Add the balance "
                f"loss to the objectives (an extra loss), or raise its weight."
            )
