"""Gradient norms, per block and per modality, before clipping: which tower the objective pulls on."""

from __future__ import annotations

from dataclasses import dataclass

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics, group_norm, modality_groups
from core.telemetry.events import Scalars


@diagnostics.register("gradients")
class Gradients(Diagnostic):
    """Gradient norms per block and per modality."""

    title = "Gradients"
    at_ends = False

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often."""

        every: int = knob(5, "Look at every n-th step.", low=1, high=100_000, unit="steps")

    def gradient_ready(self, run: Watched) -> None:
        """Norms as they are, before any callback clips them."""
        if not self.is_due(run):
            return
        trained = run.groups.trained()
        values = {f"gradient/{node}": float(group_norm(parameters)) for node, parameters in trained.items()}
        if len(values) > 1 and (whole := sum(values.values())) > 0:
            values.update({f"gradient share of block/{node}": values[f"gradient/{node}"] / whole for node in trained})
        norms = {key: float(group_norm(group)) for key, group in modality_groups(run, trained).items()}
        values.update({f"gradient/modality/{modality}": norm for modality, norm in norms.items()})
        norms.pop("loss", None)  # what an objective learns is of no modality
        if len(norms) > 1 and (total := sum(norms.values())) > 0:
            values.update({f"gradient share/{modality}": norm / total for modality, norm in norms.items()})
        run.say(Scalars(at=run.at(), values=values))
