"""How a document is trained: data order, stages, optimiser groups, callbacks, diagnostics. A frozen value beside the drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.knobs import Value, knob


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one node does while training; None means "as the recipe says for all"."""

    frozen: bool | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None

    def over(self, base: Rule) -> Rule:
        """This rule where it says something, ``base`` where it does not."""
        return Rule(
            frozen=base.frozen if self.frozen is None else self.frozen,
            learning_rate=base.learning_rate if self.learning_rate is None else self.learning_rate,
            weight_decay=base.weight_decay if self.weight_decay is None else self.weight_decay,
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the run with rules of its own: stage 1 freezes the encoders, stage 2 trains all, ..."""

    name: str
    share: float = 1.0  # of all steps, relative to the other stages' shares
    rules: Mapping[str, Rule] = field(default_factory=dict)  # node id -> rule
    learning_rate: float | None = None  # for nodes without a rule of their own


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A catalogue entry with its knobs: an optimiser, a schedule, a way of batching."""

    key: str
    knobs: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Part:
    """How one task, what hangs on one source, takes part in a run of several."""

    start: float = knob(
        1.0, "At the first step, relative to the other tasks: 3 beside 1 is three in four.", low=0, high=1e6,
        title="Share at start",
    )  # fmt: skip
    end: float | None = knob(None, "At the last step; empty: as at the start.", low=0, high=1e6, title="Share at end")
    batch_size: int | None = knob(
        None, "Samples in one step of this task; empty: as the recipe says.", low=1, high=65536, unit="samples"
    )


ONE, ALL = "one task a step", "all tasks every step"
MEAN = ""  # of all tasks: what selects where no task is named


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How the tasks of a document with several sources take turns, and whose validation score chooses.

    Where all learn at every step, a task's share is the weight of its loss: the gradient is the mean of what one task a step
    would give.
    """

    turns: str = knob(
        ONE, "One task at each step, drawn by its share; or all of them, each loss weighed by its share.",
        choices=(ONE, ALL), title="Turns",
    )  # fmt: skip
    schedule: str = knob(
        "linear", "How shares go from their start to their end over the run.", choices=("linear", "cosine"),
        title="Path of shares",
    )  # fmt: skip
    selects: str = MEAN  # the source whose task's score selects; empty: the mean over tasks
    parts: Mapping[str, Part] = field(default_factory=dict)  # source's node id -> its part

    def part(self, source: str) -> Part:
        """How the task of a source takes part."""
        return self.parts.get(source, Part())

    def with_part(self, source: str, part: Part) -> Mix:
        """With another part for a source."""
        kept = {key: value for key, value in self.parts.items() if key != source}
        return replace(self, parts=kept if part == Part() else {**kept, source: part})

    def without(self, source: str) -> Mix:
        """As if a source had never been there."""
        selects = MEAN if self.selects == source else self.selects
        return replace(self.with_part(source, Part()), selects=selects)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything about a run that is not drawn on the canvas."""

    steps: int = knob(600, "Optimiser steps in the whole run.", low=1, high=10_000_000, unit="steps")
    batch_size: int = knob(
        128,
        "Samples in one step. A contrastive objective compares each with all others in it.",
        low=1,
        high=65536,
        unit="samples",
    )
    learning_rate: float = knob(1e-3, "For every block that has no rate of its own.", low=0, high=10, logarithmic=True)
    weight_decay: float = knob(
        0.05,
        "Decoupled weight decay (AdamW) of matrices and kernels; biases, norms, temperatures, embeddings and learned tokens are left out.",
        low=0,
        high=1,
    )
    seed: int = knob(0, "Same seed, same machine, same threads: the same run bit for bit.", low=0, high=2**31 - 1)
    workers: int = knob(0, "Loader processes. The samples are the same for any number.", low=0, high=64, advanced=True)
    threads: int = knob(
        0,
        "CPU threads for training; 0 uses every core that it may, or as many as OMP_NUM_THREADS allows. In the window training has the lower priority.",
        low=0,
        high=256,
        advanced=True,
    )
    device: str = knob("auto", "Where to train: auto, cpu, cuda or cuda:1.", advanced=True)
    processes: int = knob(
        1,
        "Processes that share every batch evenly: one for each GPU, or all on the CPU.",
        low=1,
        high=64,
        advanced=True,
    )
    sharded: bool = knob(
        False, "Each of several processes keeps a part of every block's weights and optimiser state (FSDP2): for weights too "
        "large for one GPU.", title="Shard weights", advanced=True,
    )  # fmt: skip
    optimizer: Choice = Choice(key="adamw")
    schedule: Choice = Choice(key="cosine")
    batching: Choice = Choice(key="fixed")
    rules: Mapping[str, Rule] = field(default_factory=dict)  # node id -> rule in every stage
    stages: tuple[Stage, ...] = ()  # empty: one stage of all steps
    callbacks: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)  # callback key -> knobs; present = on
    diagnostics: Mapping[str, Mapping[str, Value]] = field(
        default_factory=dict
    )  # diagnostic key -> knobs; present = on
    mix: Mix = Mix()  # how the tasks of several sources take turns
    extra: Mapping[str, Any] = field(default_factory=dict)  # what a newer version wrote; kept untouched

    def batch_of(self, source: str) -> int:
        """Samples in one step of the task that hangs on a source."""
        return self.mix.part(source).batch_size or self.batch_size

    def stage_list(self) -> tuple[Stage, ...]:
        """The stages; a recipe without any is one stage."""
        return self.stages or (Stage(name="training"),)

    def stage_starts(self) -> list[int]:
        """First step of each stage, then the total: ``[0, 200, 600]`` for shares 1 : 2 of 600 steps."""
        shares = [max(stage.share, 0.0) for stage in self.stage_list()]
        total = sum(shares) or 1.0
        edges, done = [0], 0.0
        for share in shares:
            done += share
            edges.append(round(self.steps * done / total))
        edges[-1] = self.steps
        return edges

    def rule(self, node: str, stage: int, own_rate: float | None = None) -> Rule:
        """What holds for a node in a stage, every field filled in; ``own_rate`` is what the block itself asks for."""
        now = self.stage_list()[stage]
        common = self.learning_rate if now.learning_rate is None else now.learning_rate
        base = Rule(
            frozen=False, learning_rate=common if own_rate is None else own_rate, weight_decay=self.weight_decay,
        )  # fmt: skip
        return now.rules.get(node, Rule()).over(self.rules.get(node, Rule()).over(base))


def default_recipe() -> Recipe:
    """What a new document starts with: every diagnostic on, evaluation, checkpoints and a watchdog."""
    return Recipe(
        callbacks={"evaluation": {}, "checkpointing": {}, "watchdog": {}, "clipping": {}},
        diagnostics={"similarity": {}, "attention": {}, "gradients": {}, "samples": {}},
    )
