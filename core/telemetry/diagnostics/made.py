"""What the experiment makes while it learns: the same seeds and the same held-out samples every time, so that steps can be compared.

Made in a forward of its own, one sample after another with a random stream each; the training is not disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import Pictures, Sounds

MEBIBYTE = 2**20


@diagnostics.register("made")
class Made(Diagnostic):
    """Images and audio that blocks make or reconstruct, from the same seeds every time."""

    title = "Made images"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often, how many, and how much in all."""

        every: int = knob(
            250, "Make some at every n-th step, at the first and at the last.", low=1, high=100_000, unit="steps"
        )
        samples: int = knob(16, "Made each time, by every block that makes something.", low=1, high=64, unit="samples")
        seed: int = knob(
            0, "Seed of the first; the others have the numbers after it.", low=0, high=2**31, title="First seed"
        )
        mebibytes: int = knob(
            256, "No more are kept of a run than this, counted before compression.", low=1, high=100_000, unit="MiB",
            title="Size limit",
        )  # fmt: skip

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._is_full = False

    def step_ended(self, run: Watched) -> None:
        """Now and then, and at the first and the last step."""
        if not self._is_full and self.is_due(run):
            self._make(run, run.position.step)

    def _make(self, run: Watched, step: int) -> None:
        with run.averaged():
            said = [event for making in run.experiment.makings() if (event := self._event(run, making)) is not None]
        size = sum(_size(event) for event in said)
        before = _times_before(step, self.config.every)  # of the step alone, so a resumed run stops at the same one
        if (before + 1) * size > self.config.mebibytes * MEBIBYTE:
            self._is_full = True
            run.warn(f"What was made fills its {self.config.mebibytes} MiB at step {step}: later ones are not kept.")
            return
        for event in said:
            run.say(event)

    def _event(self, run: Watched, making: Any) -> Pictures | Sounds | None:
        """What one end makes. Titles are told where it is made of something of the sample."""
        seeds = tuple(range(self.config.seed, self.config.seed + self.config.samples))
        things = list(run.experiment.make(making, run.feed.fixed_examples(self.config.samples), seeds))
        made = np.stack([thing.made for thing in things])
        originals = np.stack([thing.original for thing in things]) if making.original is not None else ()
        more: dict[str, Any] = {"seeds": seeds, "titles": self._titles(run, making, len(seeds)), "originals": originals}
        if making.kind == "image":
            return Pictures(at=run.at(), series=f"made/{making.name}", pictures=made, **more)
        if not things[0].hertz:
            return None  # a waveform whose block does not say its rate cannot be heard
        return Sounds(at=run.at(), series=f"made/{making.name}", sounds=made, hertz=things[0].hertz, **more)

    def _titles(self, run: Watched, making: Any, count: int) -> tuple[str, ...]:
        if making.original is None and not making.made_of & {"sentence", "text"}:
            return ()
        split = selecting_split(run.feed.splits) or "train"
        indices: Sequence[int] = run.feed.some(split, count)
        return tuple(run.feed.source.label(indices[number % len(indices)]) for number in range(count))


def _times_before(step: int, every: int) -> int:
    """How often something was made before this step."""
    before = (step - 1) // every
    return before + (1 if step > 1 and every > 1 else 0)


def _size(event: Pictures | Sounds) -> int:
    made = event.pictures if isinstance(event, Pictures) else event.sounds
    return int(np.asarray(made).nbytes)
