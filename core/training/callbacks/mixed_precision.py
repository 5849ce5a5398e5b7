"""bfloat16 autocast where the hardware has it. On CPUs without it autocast is about 15 times slower, so it is probed."""

from __future__ import annotations

from dataclasses import dataclass

from core.compiler.bfloat16 import in_bfloat16
from core.knobs import knob
from core.training.callback import Callback, callbacks
from core.training.device import has_bfloat16
from core.training.running import Running


@callbacks.register("mixed_precision")
class MixedPrecision(Callback):
    """Computes towers in bfloat16 where that is faster; losses stay in float32, on a CPU convolutions, too."""

    title = "Mixed precision"
    order = 5
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Whether to insist."""

        insist: bool = knob(
            False, "Use it even where the hardware has no bfloat16 (very slow).", advanced=True, title="Force bfloat16"
        )

    def began(self, run: Running) -> None:
        """Switch it on, or say why not."""
        if has_bfloat16(run.device) or self.config.insist:
            run.precision = in_bfloat16(run.device.type)
            run.log("Mixed precision: bfloat16.")
        else:
            run.log(
                "Mixed precision stays off: this device has no bfloat16 hardware, so it would be slower.", "warning"
            )
