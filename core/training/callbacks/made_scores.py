"""What is made from held-out captions, scored beside real images: FID and KID, and with a judge CLIP score and R@10.

The judge is a trained run with images and text in one space that never saw the generator; its image tower gives the features. Without
one, features are the image at 8 × 8 pixels. Which it is, and N, is written into the log: neither number means anything without them.
Beside what is made stand the real images, and the training image with the nearest caption: a lookup that learns nothing is the bar.
Copying shows in the distance to the nearest training image, beside that of real ones; neighbours are shown.

Series: ``score/<split>/<block>/<name>``. Axes: N images of a split, M of the training split, C H W, D width of a feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.compiler.answers.making import Making, from_noise, make_together
from core.compiler.feed import Batch
from core.compiler.plan import Task
from core.data.media import pixels_of
from core.data.order import evenly
from core.graph.document import End
from core.graph.selection import SELECTING
from core.knobs import knob
from core.telemetry.events import Pictures, Scalars
from core.training.callback import Callback, callbacks
from core.training.callbacks.evaluation import as_evaluated
from core.training.control import Skipping, Stopping
from core.training.judge import Images, Judge, judge_at
from core.training.likeness import nearest
from core.training.running import Running

BATCH, SHOWN, MOST_TRAINED = 64, 16, 5000


@callbacks.register("made_scores")
class MadeScores(Callback):
    """Scores images made from held-out captions beside real ones: FID, KID, copying, and with a judge CLIP score and R@10."""

    title = "Scores of made images"
    order = 76

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often, how many, who judges."""

        every: int = knob(
            0,
            "At every n-th step that is evaluated, and at the end; 0 is at the end alone.",
            low=0,
            high=1_000_000,
            unit="steps",
        )
        most: int = knob(256, "Samples of a split at most.", low=8, high=50_000, unit="samples", title="Max examples")
        judge: str = knob(
            "", "A trained run with images and text in one space, which saw the pairs and never this generator, such as that of the example "
            "A judge for made images; empty: features are 8 × 8 pixels.", path="run",
        )  # fmt: skip
        steps: int | None = knob(
            None, "Sampling steps; empty: as the block is set.", low=1, high=1000, unit="steps", title="Steps per image"
        )
        seed: int = knob(1000, "Seed of the first; the others have the numbers after it.", low=0, high=2**31,
                         title="First seed")  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._judge = Judge()
        self._trained: dict[Making, Images] = {}

    def began(self, run: Running) -> None:
        """Open the judge and say what it is worth, or why there is nothing to score. Raises Refused where it cannot be opened."""
        self._judge = judge_at(self.config.judge)
        for doubt in self._judge.doubts(run.plan.document):
            run.warn(doubt)
        if not from_noise(run.plan):
            run.warn("Scores of made images are off: no block here makes images from noise.")
        elif run.callback("evaluation") is None:
            run.warn("Scores of made images are off: they need the training option Evaluation.")

    def evaluated(self, run: Running) -> None:
        """Of every block that makes images, on the split that selects and the test split."""
        step, last = run.position.step, run.position.step == run.recipe.steps
        if not last and (not self.config.every or step % self.config.every):
            return
        try:
            with as_evaluated(run):
                scored = self.score(run)
        except Stopping as stopping:
            if isinstance(stopping, Skipping):
                run.log(f"The scores of made images at step {step} were skipped by hand.")
            return
        evaluation = run.callback("evaluation")
        for task, values in scored:
            with run.at_work(task):
                evaluation.choose(run, values)  # type: ignore[union-attr]

    def score(self, run: Running) -> list[tuple[Task, dict[str, float]]]:
        """Make, score and say it now, block by block; each with the task that it is of. Raises Stopping, between two steps of an image too."""
        with run.busy("evaluating", sum(self._count(run, making) for making in from_noise(run.plan))):
            return [self._score(run, making) for making in from_noise(run.plan)]

    @property
    def judge_title(self) -> str:
        """Who judges; empty where nobody does."""
        return self._judge.title

    def _count(self, run: Running, making: Making) -> int:
        """How many images are made: what progress is told of."""
        with run.at_work(run.plan.tasks_with(making.end.node)[0]):
            return sum(min(self.config.most, len(run.feed.splits[split])) for split in self._splits(run))

    def _splits(self, run: Running) -> list[str]:
        return [name for name in SELECTING if len(run.feed.splits.get(name, ())) > 1]

    def _score(self, run: Running, making: Making) -> tuple[Task, dict[str, float]]:
        """Said for each split; with the task that it is of."""
        task, every = run.plan.tasks_with(making.end.node)[0], dict[str, float]()
        with run.at_work(task):
            if making not in self._trained:
                with run.busy("evaluating"):  # read only: quick, so it is not counted
                    self._trained[making] = self._read(run, making, "train", MOST_TRAINED, makes=False)
            trained = self._trained[making]
            for split in self._splits(run):
                real = self._read(run, making, split, self.config.most, makes=True)
                made_NCHW = real.made_NCHW
                if made_NCHW.shape[2:] != real.image_NCHW.shape[2:]:
                    made_NCHW = torch.nn.functional.interpolate(made_NCHW, real.image_NCHW.shape[2:], mode="area")
                found = self._judge.scored(made_NCHW, real, trained)
                stem = f"score/{run.named(split)}/{making.end.node}"
                values = {f"{stem}/{name}": value for name, value in found.items()}
                run.say(Scalars(at=run.at(), values=values))
                every |= values
                self._tell(run, making, split, made_NCHW, real, trained)
        return task, every

    def _read(self, run: Running, making: Making, split: str, most: int, makes: bool) -> Images:
        """A split's images as the block learns from them, with their captions and, where it ``makes``, one made for each."""
        end, port = self._real(run, making), self._sentence(run)
        place = {index: number for number, index in enumerate(run.feed.splits[split])}

        def cut(*_: object) -> None:
            if run.control.cuts_short:
                raise Stopping

        def read(batch: Batch, indices: list[int]) -> tuple[Tensor, Tensor, list[str]]:
            values = batch if end in batch else run.experiment.run(batch, [end.node])
            seeds = [self.config.seed + place[index] for index in indices]
            things = make_together(run.experiment, making, batch, seeds, self.config.steps, cut) if makes else []
            made = [torch.from_numpy(thing.made).permute(2, 0, 1).float() / 255 for thing in things]
            named = [str(run.feed.source.part(index, (port,))[port]) for index in indices] if port else []
            return values[end].float().cpu(), torch.stack(made) if made else torch.empty(0), named

        images, made, named = zip(*run.collected(split, BATCH, most, read))
        sentences = tuple(name for names in named for name in names)
        return Images(image_NCHW=torch.cat(images), made_NCHW=torch.cat(made), sentences=sentences)

    def _real(self, run: Running, making: Making) -> End:
        """Where real images are: what the block learns from, else the data's own."""
        node = making.end.node
        learns = blocks[run.plan.document.nodes[node].block].learns
        taught = [run.plan.inputs[node][port] for port in learns if port in run.plan.inputs[node]]
        return taught[0] if taught else End(node=run.task.source, port="image")

    def _sentence(self, run: Running) -> str:
        """The port of the source that gives captions; empty where none does."""
        return next((port.name for port in run.plan.specs[run.task.source].gives if port.kind == "sentence"), "")

    def _tell(self, run: Running, making: Making, split: str, made_NCHW: Tensor, real: Images, trained: Images) -> None:
        """Which extractor and how many; and the nearest training image beside each of the first few."""
        run.log(
            f"{making.name} on {run.named(split)}: FID and KID of {len(made_NCHW)} made and {len(real.image_NCHW)} real images, "
            f"features: {self._judge.extractor}."
        )
        if self._judge.judges and (seen := self._judge.seen(real.sentences)) < len(real.sentences):
            run.warn(
                f"The judge was trained on {seen} of the {len(real.sentences)} captions of {run.named(split)}: of those it did not see "
                "it ranks copied training images above the real ones."
            )
        if split != SELECTING[0]:
            return
        rows = evenly(range(len(made_NCHW)), SHOWN)
        _, place_N = nearest(made_NCHW[rows].flatten(1), trained.image_NCHW.flatten(1))
        made, beside = (
            np.stack([pixels_of(image) for image in images])
            for images in (made_NCHW[rows], trained.image_NCHW[place_N])
        )
        places = evenly(
            range(len(run.feed.splits[split])), self.config.most
        )  # each was made from the seed of its place in the split
        seeds = tuple(self.config.seed + places[row] for row in rows)
        run.say(
            Pictures(
                at=run.at(), series=f"made/{making.end.node}/nearest training image", pictures=made, originals=beside,
                seeds=seeds, titles=tuple(real.sentences[row] for row in rows) if real.sentences else (),
            )
        )  # fmt: skip
