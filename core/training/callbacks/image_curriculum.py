"""Small images first, large ones later: most steps then cost less (progressive resizing; FixRes, arXiv:1906.06423).

Which size a step has is drawn by shares along the run; whole batches are scaled down on the device. Series:
``resolution/asked/48 px`` and ``resolution/drawn/48 px``, the shares of steps so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.graph.document import End
from core.graph.resolution import LINEAR, PHASES, drawn_size, in_pixels, shares_at, table_in
from core.knobs import knob
from core.problems import Problem, Refused
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.image_sizes import at_size, image_ends, refuse_unfit, sizes_of
from core.training.running import Running


@callbacks.register("image_curriculum")
class ImageCurriculum(Callback):
    """Trains on images of several sizes, each with a share that may change along the run."""

    title = "Image size curriculum"
    order = 3

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Sizes and their shares."""

        sizes: str = knob("32, 64", "Longest side of the images, separated by commas.", unit="px", title="Image sizes")
        shares: str = knob(
            "3, 1; 0, 1",
            "How often each size is drawn, relative to the others; semicolons separate points along the run.",
        )
        path: str = knob(
            PHASES, "Phases: equal parts of the run, one for each point. Linear: gradually from point to point.",
            choices=(PHASES, LINEAR), title="Path of shares",
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._ends: dict[str, tuple[End, ...]] = {}  # source -> its images
        self._drawn: dict[int, int] = {}  # size -> steps
        self._asked: dict[int, float] = {}
        self._sizes: tuple[int, ...] = ()
        self._rows: tuple[tuple[float, ...], ...] = ()

    def began(self, run: Running) -> None:
        """Read the table and try every size. Raises Refused."""
        self._sizes = sizes_of(run, self.config.sizes)
        try:
            self._rows = table_in(self.config.shares, self._sizes)
        except ValueError as error:
            raise Refused(Problem(what=f"The shares of image sizes cannot be read: {error}")) from error
        for task in run.each_task():
            self._ends[task.source] = image_ends(run)
            refuse_unfit(run, self._ends[task.source], self._sizes)

    def step_began(self, run: Running) -> None:
        """All tasks of a step have one size."""
        shares = shares_at(self._rows, self.config.path, run.position.step, run.recipe.steps)
        size = drawn_size(self._sizes, shares, run.recipe.seed, run.position.step)
        for task in run.each_task(run.shares):
            run.batch = at_size(run.batch, self._ends[task.source], size)
        self._drawn[size] = self._drawn.get(size, 0) + 1
        for one, share in zip(self._sizes, shares):
            self._asked[one] = self._asked.get(one, 0.0) + share

    def step_ended(self, run: Running) -> None:
        """Shares of steps so far."""
        steps = max(run.position.step, 1)
        values = {}
        for size in self._sizes:
            values[f"resolution/asked/{in_pixels(size)}"] = self._asked.get(size, 0.0) / steps
            values[f"resolution/drawn/{in_pixels(size)}"] = self._drawn.get(size, 0) / steps
        run.say(Scalars(at=run.at(), values=values))

    def state(self) -> dict[str, Any]:
        """What was drawn and asked for."""
        return {
            "drawn": {str(size): count for size, count in self._drawn.items()},
            "asked": {str(size): share for size, share in self._asked.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self._drawn = {int(size): int(count) for size, count in state["drawn"].items()}
        self._asked = {int(size): float(share) for size, share in state["asked"].items()}
