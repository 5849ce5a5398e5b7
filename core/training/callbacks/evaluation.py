"""Held-out retrieval, both ways, with the chance level beside it: loss alone says little about alignment.

Each pairwise objective's two sides are embedded for every held-out split the source names (``validation``, ``test``,
``style``: seen concepts drawn by another artist) and for as much of the training split, as a mirror of overfitting. The one
figure that a run is chosen by (:mod:`core.graph.selection`) is said as ``selection/<split>/R@10``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.objectives.gathering import alone
from core.blocks.values import map_tensors
from core.compiler.answers.subsets import Subsets, embedded, subsets_of
from core.compiler.answers.views import coincide
from core.compiler.feed import Batch
from core.data.splitting import SEEN_PICTURES, SOME_SEEN, held_out_words
from core.graph.document import End
from core.graph.selection import (
    EXAMPLES,
    STEM,
    TEST_SELECTS,
    Figure,
    chosen_figure,
    figure_of,
    is_test,
    reported_split,
    score_of,
    selecting_split,
)  # fmt: skip
from core.knobs import knob
from core.telemetry.diagnostics.unmoved import in_eval
from core.telemetry.events import Mark, Scalars
from core.training.callback import Callback, callbacks
from core.training.control import Skipping, Stopping
from core.training.device import give_memory_back
from core.training.gradients import join
from core.training.retrieval import choice_scores, scores
from core.training.running import Running

BATCH = 256
SEVERAL = "several-look "  # how scores of the mean over several looks begin


def embed(run: Running, objective: str, split: str, limit: int | None) -> tuple[Any, Any, list[int]]:
    """Both sides of an objective (see :func:`sides`) for a split, unit vectors or tokens, and the sample indices.

    Samples that lack a side, where the objective is told which do, are left out.
    """
    ends = [end for _, end in sides(run, objective)]
    told = run.plan.inputs[objective].get("present")

    def both(batch: Batch, chosen: list[int]) -> tuple[dict[End, Any], list[int]]:
        values = run.forward(batch, [end.node for end in ends])
        rows = list(range(len(chosen))) if told is None else (values[told] > 0).nonzero()[:, 0].tolist()
        return {end: _rows(_kept(values[end]), rows) for end in ends}, [chosen[row] for row in rows]

    found = run.collected(split, BATCH, limit, both)
    joined = join([sides for sides, _ in found])
    return joined[ends[0]], joined[ends[1]], [index for _, chosen in found for index in chosen]


def _kept(value: Any) -> Any:
    """An embedding as unit vectors, tokens as they are, on the CPU."""
    if isinstance(value, Tensor):
        return F.normalize(value.float(), dim=-1).cpu()
    return map_tensors(lambda tensor: tensor.cpu(), value)


def _asks(run: Running, key: str, what: str) -> bool:
    """Whether an objective has questions of its own."""
    module = run.experiment.node(key)
    return isinstance(module, Objective) and getattr(type(module), what) is not getattr(Objective, what)


def _not_finite(table: Tensor) -> Tensor:
    return (~table.isfinite()).sum()


def _rows(value: Any, rows: list[int]) -> Any:
    return map_tensors(lambda tensor: tensor[rows], value)


def subset_scores(run: Running, subsets: Subsets, split: str, limit: int | None) -> dict[str, float]:
    """Recall of the answer for every subset of modalities as the question: ``score/test/image+audio/R@10``."""
    found: dict[str, float] = {}
    for given in subsets.choices():

        def asked_with(batch: Batch, chosen: list[int], given: Any = given) -> tuple[Tensor, Tensor, list[int]]:
            with run.precision:
                question, answer, counts_B = embedded(run.experiment, subsets, batch, given)
            counted = [index for index, counts in zip(chosen, counts_B.tolist()) if counts]
            return question[counts_B].cpu(), answer[counts_B].cpu(), counted

        parts = run.collected(split, BATCH, limit, asked_with)
        indices = [index for *_, counted in parts for index in counted]
        if len(indices) > 1:
            questions, answers = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
            name, things = f"score/{run.named(split)}/{'+'.join(given)}", run.feed.things
            asked = list(zip(*(things.of(indices, one) for one in given)))
            found_here = scores(
                questions @ answers.T, things.captions(indices), asked, things.of(indices, subsets.asked)
            )
            found.update({f"{name}/{k}": v for k, v in found_here.items()})
    return found


def tables(run: Running, objective: str, left: Any, right: Any) -> tuple[Tensor, Tensor]:
    """Every first side against every second and the reverse, by the objective's own score, on the CPU."""
    module, ends = run.experiment.node(objective), run.plan.pair(objective)
    placed = [map_tensors(lambda tensor: tensor.to(run.device), value) for value in (left, right)]
    if ends is not None and sides(run, objective)[0][1] != ends[0]:  # sentences were wired left
        back, there = module.score_tables(placed[1], placed[0])  # type: ignore[operator]
    else:
        there, back = module.score_tables(*placed)  # type: ignore[operator]
    return there.float().cpu(), back.float().cpu()


def sides(run: Running, objective: str) -> list[tuple[str, End]]:
    """Both sides of an objective by modality, sentences last, however they were wired: image before text."""
    ends = run.plan.pair(objective)
    if ends is None:
        return []
    named = sorted(((run.plan.modality_of(end), end) for end in ends), key=lambda side: side[0] == "text")
    if named[0][0] == named[1][0]:  # two views of one modality have nothing but their ports to be told apart by
        return [("left", ends[0]), ("right", ends[1])]
    return named


def ranked(run: Running, objective: str) -> list[tuple[str, End]]:
    """The sides of an objective that held-out samples are ranked by; none where both are the same unless augmented."""
    return [] if coincide(run.plan, objective) else sides(run, objective)


@contextmanager
def as_evaluated(run: Running) -> Iterator[None]:
    """Inside: no gradients, eval mode, and the moving average in place of the weights where there is one."""
    with in_eval(run.experiment), alone(), torch.no_grad(), run.averaged():
        yield


@callbacks.register("evaluation")
class Evaluation(Callback):
    """Measures retrieval on held-out splits, both ways, beside the chance level."""

    title = "Evaluation"
    order = 70
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how much."""

        every: int = knob(100, "Evaluate at every n-th step, and at the end.", low=1, high=1_000_000, unit="steps")
        most: int = knob(2000, "Samples of a split at most.", low=2, high=100_000, unit="samples", title="Max examples")
        train: bool = knob(
            True, "Also measure as many training samples as the test split has.", title="Also evaluate on training data"
        )
        looks: int = knob(
            1, "Looks at every held-out video: stretches at other speeds, or frames drawn as in training. Classes are also scored by the "
            "mean of all looks.", low=1, high=30, title="Looks per video", advanced=True,
        )  # fmt: skip
        chosen_by: str = knob(
            "", "The held-out score that the best checkpoint and early stopping are chosen by, as objective/score, such as "
            "reconstruction/PSNR or unet/KID; empty: R@10, where pairs are ranked.", title="Chosen by",
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._last = -1
        self._found: dict[str, float] = {}  # of the evaluation going on
        self._broken: set[tuple[str, str]] = set()  # objective, split
        self._lacking = False  # whether it was said that no score has the chosen name

    def began(self, run: Running) -> None:
        """Show the held-out pools once, and say which split selects where that is not the validation split."""
        node = self.config.chosen_by.partition("/")[0]
        if node and node not in run.plan.document.nodes:
            run.warn(f"Nothing will be chosen by {self.config.chosen_by!r}: this experiment has no block {node!r}.")
        for _ in run.each_task():
            self._began(run)

    def _began(self, run: Running) -> None:
        split = selecting_split(run.feed.splits)
        if split:
            run.say(run.feed.exhibit(run.named("held out"), run.feed.some(split, self.config.most), run.at()))
        if is_test(f"{STEM}{split}"):
            run.warn(run.whose(TEST_SELECTS))
        holds = held_out_words(run.feed.source)
        if holds == SEEN_PICTURES:
            run.warn(
                run.whose("Some images of the test split are also trained on, so its scores say less about new images.")
            )
        elif holds in SOME_SEEN.values():
            run.warn(
                run.whose("Some clips of the test split are also trained on, so its scores say less about new clips.")
            )
        for key in (key for key in run.task.objectives if coincide(run.plan, key)):
            run.log(
                f"{key} compares views that are the same unless augmented, so nothing held out is ranked by it; the training "
                "option Linear probe scores its features."
            )
        if shared := run.feed.things.cut_alike(split):
            told = (
                f"{shared:,} captions of {split} read like a training caption once the tokenizer has cut both; give it a "
                "greater length."
            )
            run.warn(run.whose(told))

    def step_ended(self, run: Running) -> None:
        """Now and then."""
        if run.position.step % self.config.every == 0:
            self.measure(run)

    def resumed(self, run: Running) -> None:
        """An evaluation that a stop cut short."""
        if run.position.step % self.config.every == 0 and self._last != run.position.step:
            self.measure(run)

    def ended(self, run: Running) -> None:
        """Once more, unless it just happened. A stop is not asked to wait for it, nor does it use up anybody's patience."""
        if not run.position.step or self._last == run.position.step:
            return
        if run.status == "finished":
            self.measure(run)
        elif run.status == "stopped" and run.control.evaluates:
            self._measure_aside(run)

    def _measure_aside(self, run: Running) -> None:
        """Because a person wants to know: after the checkpoint, and told to nobody who counts, so the run goes on as if it were not."""
        keeper = run.callback("checkpointing")
        if keeper is not None:
            keeper.save(run)  # type: ignore[attr-defined]
        self._found = {}
        run.begin_evaluation()
        try:
            with as_evaluated(run), run.busy("evaluating", self.count_samples(run)):
                self._splits(run)
        except Stopping:
            run.log("The evaluation was cut short.")
            return
        run.say(Scalars(at=run.at(), values=self._found))

    def measure(self, run: Running) -> None:
        """Evaluate every split, then say all of it and tell the others; cut short by a stop, or skipped, nothing of it has been."""
        self._found = {}
        run.begin_evaluation()
        give_memory_back()  # its batches are of another size than those of training
        try:
            with as_evaluated(run), run.busy("evaluating", self.count_samples(run)):
                self._splits(run)
        except Stopping as stopping:
            run.chosen_by, run.embedded, run.figure, run.selects = {}, {}, None, ""
            if isinstance(stopping, Skipping):
                self._say_skipped(run)
                return
            run.log("The evaluation was cut short by the stop; a resumed run makes up for it.")
            return
        self._last = run.position.step
        give_memory_back()
        run.say(Scalars(at=run.at(), values=self._found))
        if self.config.chosen_by:
            for _ in run.each_task():
                self.choose(run, self._found)
        run.look("evaluated")  # before a callback saves: all is said by then
        for callback in run.callbacks:
            callback.evaluated(run)
        if self.config.chosen_by and not run.selects and run.position.step == run.recipe.steps and not self._lacking:
            self._lacking = True
            run.warn(f"No held-out score is called {self.config.chosen_by!r}, so nothing was chosen by it.")

    def _say_skipped(self, run: Running) -> None:
        """This step has no scores, and is not made up for; nobody is told of any, so no patience is used up."""
        self._last, run.control.has_skipped = run.position.step, True
        give_memory_back()
        run.log(f"The evaluation at step {run.position.step} was skipped by hand: this step has no held-out scores.")
        run.say(Mark(at=run.at(), kind="note", text="evaluation skipped"))

    def choose(self, run: Running, values: Mapping[str, float]) -> None:
        """Scores of the task at work, as they are said: the run is chosen by them where they have the chosen name."""
        split = selecting_split(run.feed.splits)
        if f"score/{run.named(split)}/{self.config.chosen_by}" in values:
            of = run.task.title if len(run.plan.tasks) > 1 else ""
            run.selects = split
            run.figure = score_of(split, run.named(split), values, self.config.chosen_by, of)
            if run.figure is not None:
                run.say(Scalars(at=run.at(), values={run.figure.series: run.figure.value}))

    def count_samples(self, run: Running) -> int:
        """How many samples are read, each as often as it is asked about: what progress is told of."""
        return sum(self._samples_of_task(run) for _ in run.each_task())

    def _samples_of_task(self, run: Running) -> int:
        main, subsets = selecting_split(run.feed.splits), subsets_of(run.plan, run.task)
        passes = len(subsets.choices()) if subsets is not None else 0
        for key in run.task.objectives:
            asks = _asks(run, key, "own_ranks"), _asks(run, key, "held_out_scores"), bool(ranked(run, key))
            passes += sum(asks)
        splits = self._measured_splits(run)
        return passes * sum(min(self._limit(run, split, main), len(run.feed.splits[split])) for split in splits)

    def _splits(self, run: Running) -> None:
        run.chosen_by, run.embedded, run.figure, run.selects = {}, {}, None, ""
        figures = {task.source: self._of_task(run) for task in run.each_task()}
        if self.config.chosen_by:
            return
        run.selects = next((held["plain split"] for held in run.chosen_by.values()), "")
        if len(figures) == 1:
            run.figure = next(iter(figures.values()))
        else:
            titles = {task.source: task.title for task in run.plan.tasks}
            run.figure = chosen_figure(figures, run.recipe.mix.selects, titles)
        if run.figure is not None:
            self._found[run.figure.series] = run.figure.value

    def _of_task(self, run: Running) -> Figure | None:
        """Everything about the task at work, and the figure that would select it; None where there is none."""
        main = selecting_split(run.feed.splits)
        if (subsets := subsets_of(run.plan, run.task)) is not None:
            for split in self._measured_splits(run):
                values = subset_scores(run, subsets, split, self._limit(run, split, main))
                self._found |= values
        for key in run.task.objectives:
            self._own(run, key)
            self._answered(run, key, main)
            named = [name for name, _ in ranked(run, key)]
            if not named:
                continue
            there, back = "_to_".join(named), "_to_".join(reversed(named))
            for split in self._measured_splits(run):
                left, right, indices = embed(run, key, split, self._limit(run, split, main))
                if len(indices) < 2:  # too few samples have both sides
                    continue
                values, both = {}, tables(run, key, left, right)
                labels = run.feed.things.captions(indices)
                things = [run.feed.things.of(indices, run.plan.modality_of(end)) for _, end in sides(run, key)]
                self._say_broken(run, key, split, both)
                for direction, table, sides_of in zip((there, back), both, (things, things[::-1])):
                    for name, value in scores(table, labels, *sides_of).items():
                        values[f"retrieval/{run.named(split)}/{direction}/{name}"] = value
                self._found |= values
                if split != "train" and run.named(split) not in run.embedded and "present" not in run.plan.inputs[key]:
                    run.embedded[run.named(split)] = {
                        "left": left, "right": right, "names": named, "indices": indices, "split": run.named(split),
                        "plain split": split, "source": run.task.source, "scores": values, "tables": both, "objective": key,
                    }  # fmt: skip
        return self._choose(run, run.embedded[run.named(main)]) if run.named(main) in run.embedded else None

    def _choose(self, run: Running, held: dict[str, Any]) -> Figure | None:
        """The figure that selects. Where no score at all was finite there is none: such a model is never the best."""
        run.chosen_by[run.task.source] = held
        if not any(bool(table.isfinite().any()) for table in held["tables"]):
            return None
        figure = figure_of(held["plain split"], held["scores"])
        if figure is not None and len(run.plan.tasks) > 1:
            self._found[f"{STEM}{held['split']}/{figure.metric}"] = figure.value
        return figure

    def _say_broken(self, run: Running, key: str, split: str, both: Sequence[Tensor]) -> None:
        """Scores that are not finite rank last, and that is said, once for each split."""
        broken, of = (sum(int(count(table)) for table in both) for count in (_not_finite, Tensor.numel))
        named = run.named(split)
        if broken and (key, named) not in self._broken:
            self._broken.add((key, named))
            run.warn(f"{broken:,} of {of:,} scores of {key} on {named} are not finite; they rank last.")

    def _limit(self, run: Running, split: str, main: str) -> int:
        """Samples of a split: of the training data as many as the test split has."""
        most = len(run.feed.splits[reported_split(run.feed.splits)]) if split == "train" and main else self.config.most
        return min(most, self.config.most)

    def _own(self, run: Running, key: str) -> None:
        """Questions that each sample answers by itself, such as which of its boxes a phrase means."""
        module, ends = run.experiment.node(key), run.plan.inputs[key]
        if not _asks(run, key, "own_ranks"):
            return
        for split in self._measured_splits(run):

            def asked(batch: Batch, _: list[int]) -> tuple[str, Tensor, Tensor] | None:
                values = run.forward(batch, [end.node for end in ends.values()])
                answered = module.own_ranks(**{port: values[end] for port, end in ends.items()})  # type: ignore[operator]
                return None if answered is None else (answered[0], answered[1].cpu(), answered[2].cpu())

            answers = run.collected(split, BATCH, self.config.most, asked)
            told = [answered for answered in answers if answered is not None]
            if not told:
                return
            found = choice_scores(
                torch.cat([ranks for _, ranks, _ in told]), torch.cat([counts for *_, counts in told])
            )
            self._found |= {f"retrieval/{run.named(split)}/{told[0][0]}/{word}": value for word, value in found.items()}

    def _answered(self, run: Running, key: str, main: str) -> None:
        """Scores that an objective knows how to make of its answers: ``score/<split>/<objective>/<name>``."""
        module, ends = run.experiment.node(key), run.plan.inputs[key]
        if not _asks(run, key, "held_out_scores"):
            return
        for split in self._measured_splits(run):

            def answered(batch: Batch, _: list[int]) -> dict[str, Tensor]:
                values = run.forward(batch, [end.node for end in ends.values() if end.node in run.plan.batch_nodes])
                answers = module.answers(**{port: values[end] for port, end in ends.items()})  # type: ignore[operator]
                return {name: rows.cpu() for name, rows in answers.items()}

            found = run.collected(split, BATCH, self._limit(run, split, main), answered)
            joined = {name: torch.cat([rows[name] for rows in found]) for name in found[0]} if found else {}
            made = module.held_out_scores(joined) if joined else {}  # type: ignore[operator]
            if made:
                made[EXAMPLES] = float(len(run.feed.some(split, self._limit(run, split, main))))
            made |= self._of_several_looks(run, key, split, self._limit(run, split, main), joined)
            self._found |= {f"score/{run.named(split)}/{key}/{name}": value for name, value in made.items()}

    def _of_several_looks(
        self, run: Running, key: str, split: str, limit: int, joined: Mapping[str, Tensor]
    ) -> dict[str, float]:
        """The same scores of the mean over several looks (multi-scale testing), for objectives that can be averaged."""
        module, ends = run.experiment.node(key), run.plan.inputs[key]
        if self.config.looks < 2 or not joined or not _asks(run, key, "chances"):
            return {}

        def looked(batch: Batch, _: list[int]) -> Tensor:
            values = run.forward(batch, [end.node for end in ends.values() if end.node in run.plan.batch_nodes])
            chances: Tensor = module.chances(**{port: values[end] for port, end in ends.items()})  # type: ignore[operator]
            return chances.cpu()

        tables = [torch.cat(run.collected(split, BATCH, limit, looked, look=look)) for look in range(self.config.looks)]
        answers = module.averaged(joined, torch.stack(tables).mean(0))  # type: ignore[operator]
        scores = module.held_out_scores(answers)  # type: ignore[operator]
        return {SEVERAL + name: value for name, value in scores.items() if not name.startswith("chance ")}

    def _measured_splits(self, run: Running) -> list[str]:
        names = [name for name, indices in run.feed.splits.items() if name != "train" and len(indices) > 1]
        return [*names, "train"] if self.config.train else names

    def state(self) -> dict[str, Any]:
        """When the last measurement was."""
        return {"last": self._last}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self._last = int(state["last"])
