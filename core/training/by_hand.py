"""One training step of a drawing in memory: no run, no record. Pressed again, it goes on from there.

What changes training is used as in a run (accumulation, clipping, averages, precision); what only says, keeps, measures or stops is
left out, and so is compiling, which takes longer than a step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from core.compiler.compile import compile
from core.compiler.faults import faults_at
from core.compiler.feed import sample_graphs
from core.graph.document import Document
from core.graph.inside import StepTold
from core.graph.vocabulary import Vocabulary
from core.problems import Refused, refuse
from core.telemetry.diagnostics.diagnostic import Diagnostic, group_norm
from core.telemetry.events import Event
from core.training.callback import callbacks
from core.training.device import choose_device, use_threads
from core.training.trainer import Trainer

LEFT_OUT = (
    "breakpoints", "captions", "checkpointing", "compilation", "early_stopping", "evaluation", "linear_probe", "made_scores",
    "zero_shot",
)  # fmt: skip


class StepsByHand:
    """A drawing that is trained step by step while somebody looks."""

    def __init__(self, document: Document, words: Vocabulary, *, sets_threads: bool = True) -> None:
        """Opens its data and draws its weights. Raises Refused naming the node at fault. ``sets_threads``: unless a run trains here."""
        self.document = document
        options = document.recipe.callbacks
        self.left_out = tuple(callbacks[key].title for key in options if key in LEFT_OUT and key in callbacks)
        kept = {key: knobs for key, knobs in options.items() if key not in LEFT_OUT}
        recipe = replace(document.recipe, callbacks=kept, diagnostics={})
        plan = compile(replace(document, recipe=recipe), words)
        device = choose_device(recipe.device)
        if sets_threads:
            use_threads(recipe.threads)
        source = plan.tasks[0].source
        with faults_at(source, plan.specs):
            graphs = sample_graphs(plan)
            graphs.prepare()
            self.trainer = Trainer(plan, graphs, device=device, listener=_Unheard())
        self._seen = _Seen({})
        self.trainer.diagnostics = [self._seen]
        self._entered = source
        for key in plan.owners:
            self.trainer.experiment.node(key).register_forward_pre_hook(self._entering(key))

    def _entering(self, key: str) -> Callable[[Any, Any], None]:
        def enter(module: Any, given: Any) -> None:
            self._entered = key

        return enter

    @property
    def taken(self) -> int:
        """How many steps."""
        return self.trainer.position.step

    def step(self) -> StepTold:
        """One more. Raises Refused naming the node at fault, and where the recipe has no further step."""
        trainer = self.trainer
        if trainer.position.step >= trainer.recipe.steps:
            raise refuse("The recipe has no further step.", hint="Set more steps, or forget these.")
        began = time.perf_counter()
        with self._faults():
            trainer.one_step()
            if trainer.status != "running":
                raise refuse(trainer.reason or "The step could not be taken.", node=self._entered)
            before = {name: float(loss.detach()) for name, loss in trainer.losses.items()}
            after = trainer.losses_again()
        return StepTold(
            step=trainer.position.step, before=before, after=after, gradients=self._seen.gradients, ratios=self._seen.ratios,
            samples=sum(map(len, trainer.drawn.values())), seconds=time.perf_counter() - began, left_out=self.left_out,
        )  # fmt: skip

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except Refused:
            raise
        except Exception as error:
            with faults_at(self._entered, self.trainer.plan.specs):
                raise error

    def state(self) -> Mapping[str, Tensor]:
        """The weights as they are now, by name."""
        average = self.trainer.averaged() if self.taken else nullcontext()
        with average:
            return {
                name: tensor.detach().cpu().clone() for name, tensor in self.trainer.experiment.state_dict().items()
            }

    def forget(self) -> None:
        """Let the loader's workers go."""
        for feed in self.trainer.feeds.values():
            feed.close()
        self.trainer.graphs.close()


class _Unheard:
    """Nothing of it is kept."""

    def say(self, event: Event) -> None:
        """Nothing."""


class _Seen(Diagnostic):
    """Gradients as they are before anything clips them, and how far the step moved the weights."""

    title = "One step"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.gradients: dict[str, float] = {}
        self.ratios: dict[str, float] = {}
        self._before: dict[str, list[Tensor]] = {}

    def gradient_ready(self, run: Any) -> None:
        """Before the step."""
        trained = run.groups.trained()
        self.gradients = {node: float(group_norm(parameters)) for node, parameters in trained.items()}
        self._before = {node: [p.detach().clone() for p in parameters] for node, parameters in trained.items()}

    def updated(self, run: Any) -> None:
        """Behind it."""
        trained = run.groups.trained()
        self.ratios = {node: _ratio(self._before[node], trained[node]) for node in self._before}
        self._before = {}


def _ratio(before: list[Tensor], after: list[Tensor]) -> float:
    """Norm of what was added by norm of what was there."""
    moved = torch.stack(
        [torch.linalg.vector_norm((b - a.detach()).float()) for b, a in zip(before, after, strict=True)]
    )
    there = torch.stack([torch.linalg.vector_norm(b.float()) for b in before])
    return float(torch.linalg.vector_norm(moved) / torch.linalg.vector_norm(there).clamp_min(1e-12))
