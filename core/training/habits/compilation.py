"""torch.compile for the towers: a slow first step, faster ones after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.knobs import knob
from core.training.habit import Habit, habits

if TYPE_CHECKING:
    from core.training.trainer import Trainer


@habits.register("compilation")
class Compilation(Habit):
    """Compiles every tower; worth it on long runs and on GPUs."""

    title = "torch.compile"
    order = 4

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which trade."""

        mode: str = knob("default", "How hard to try.", choices=("default", "reduce-overhead", "max-autotune"))

    def began(self, run: Trainer) -> None:
        """Compile in place: names of parameters stay as they are."""
        for key in run.experiment.towers():
            run.experiment.node(key).compile(mode=self.config.mode)
        run.log("Compiling: the first step takes longer.")
