"""torch.compile for the towers: a slow first step, faster ones after it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import _inductor as inductor

from core.knobs import knob
from core.training.callback import Callback, callbacks
from core.training.running import Running


@callbacks.register("compilation")
class Compilation(Callback):
    """Compiles every tower; worth it on long runs and on GPUs."""

    title = "torch.compile"
    order = 4

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which trade."""

        mode: str = knob("default", "How hard to try.", choices=("default", "reduce-overhead", "max-autotune"))

    def began(self, run: Running) -> None:
        """Compile in place: names of parameters stay as they are, and random numbers are those of the plain form.

        So dropout is the same with and without it, and gradient caching replays it exactly.
        """
        options = {**inductor.list_mode_options(self.config.mode), "fallback_random": True}
        chunked = any(run.callback(key) is not None for key in ("gradient_cache", "accumulation"))
        if run.device.type != "cuda" or chunked:  # a CUDA graph's next replay writes over what earlier chunks gave
            options["triton.cudagraphs"] = False
        self._replays = bool(options.get("triton.cudagraphs"))
        for tower in dict.fromkeys(run.experiment.node(key) for key in run.experiment.towers()):
            tower.compile(options=options)
        run.log("Compiling: the first step takes longer.")

    def step_began(self, run: Running) -> None:
        """What the last step's graphs gave is no longer needed."""
        if self._replays:
            torch.compiler.cudagraph_mark_step_begin()
