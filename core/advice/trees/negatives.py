"""Which negatives a contrast gets: how many, how hard, and which of them are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import Evidence, Proposal, Tree
from core.advice.rewiring import turned
from core.graph import edits, negatives_row
from core.graph.document import Node
from core.graph.exchanging import candidates, exchanged
from core.problems import Refused

FEW: Final = 64  # samples a step below which a contrast sees few negatives
ENOUGH: Final = 128
QUEUED: Final = 1024  # keys of earlier batches
ROOM: Final = 4  # times the predicted memory that must be there for a batch as large
COOL, WARM, USUAL = 0.01, 0.1, 0.07  # temperatures: the range that works, and where to begin
HARD: Final = 0.5  # share of hard negatives that is much for a beginning
INFO_NCE, QUEUE, DEBIASED = "objectives.info_nce", "negatives.queue", "objectives.debiased_info_nce"


@trees.register("negatives")
class Negatives(Tree):
    """Contrastive objectives beside the batch, the captions and the machine."""

    title = "Which negatives?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Of every InfoNCE and every mix."""
        for node in case.of(INFO_NCE):
            for rule in (self._queue, self._larger, self._alike, self._temperature):
                yield from rule(case, node)
        for node in case.of("negatives.mix"):
            yield from self._curriculum(case, node)

    def _queue(self, case: Case, node: Node) -> Iterator[Proposal]:
        batch, reading = case.batch(node.id), case.reading(node.id)
        if (
            batch >= FEW
            or case.wire(node.id, negatives_row.PORT) is not None
            or case.wire(node.id, "present") is not None
        ):
            return
        size = QUEUED if reading is None or not reading.training else min(QUEUED, max(reading.training // 2, batch))
        try:
            document = negatives_row.insert(
                case.document,
                objective=node.id,
                block=QUEUE,
                vocabulary=case.words,
                knobs={"size": size} if size != QUEUED else None,
            )
        except Refused:
            return
        yield Proposal(
            tree=self.key, rule="queue", node=node.id, what=f"Put a queue of {size:,} negatives before the objective.",
            reason=f"A batch of {batch} gives each sample {batch - 1} negatives; a queue keeps keys of earlier batches and needs no larger one.",
            evidence=Evidence(papers=("1911.05722",), example="negatives_queue"), sure="published", document=document,
        )  # fmt: skip

    def _larger(self, case: Case, node: Node) -> Iterator[Proposal]:
        batch, needed = case.batch(node.id), case.analysis.mebibytes
        reading, recipe = case.reading(node.id), case.document.recipe
        grown = needed * ENOUGH / max(batch, 1)
        few = reading is not None and 0 < reading.training < ENOUGH
        if batch >= FEW or batch != recipe.batch_size or few or case.wire(node.id, negatives_row.PORT) is not None:
            return
        if not needed or not case.machine.mebibytes or grown * ROOM > case.machine.mebibytes:
            return
        yield Proposal(
            tree=self.key, rule="larger", node=node.id, what=f"Train with {ENOUGH} samples a step.",
            reason=f"{batch} samples a step give {batch - 1} negatives. {ENOUGH} would take about {grown:,.0f} MiB of the {case.machine.mebibytes:,.0f} MiB "
            "that this machine has. Accumulating gradients would not help: the contrast stays within the small batch.",
            evidence=Evidence(papers=("2103.00020", "2101.06983"), example="batch_size_sweep"), sure="published",
            document=edits.set_recipe(case.document, batch_size=ENOUGH),
        )  # fmt: skip

    def _alike(self, case: Case, node: Node) -> Iterator[Proposal]:
        """Captions that come again: in a batch others' captions are often right as well."""
        reading, batch = case.reading(node.id), case.batch(node.id)
        wrong = (batch - 1) * reading.repeats if reading is not None else 0.0
        if reading is None or wrong < 1 or DEBIASED not in candidates(case.document, node.id, case.words):
            return
        document = exchanged(case.document, node.id, DEBIASED, case.words)
        document = turned(document, node.id, "prior", min(float(f"{reading.repeats:.2g}"), 0.9), case.words)
        document = turned(document, node.id, "hardness", 0.0, case.words)
        yield Proposal(
            tree=self.key, rule="alike", node=node.id, what="Use the debiased InfoNCE, which reckons with false negatives.",
            reason=f"Two samples have equal captions with a probability of {reading.repeats:.2g}: of {batch - 1} negatives about {wrong:.1f} are right "
            "as well and would be pushed away.",
            evidence=Evidence(
                papers=("2007.00224",), example="objectives_sweep",
                figure="Where captions hardly ever come again it makes no difference: InfoNCE 37.4 %, debiased 37.1 % R@10.",
            ),
            sure="published", document=document,
        )  # fmt: skip

    def _temperature(self, case: Case, node: Node) -> Iterator[Proposal]:
        now = case.number(node.id, "temperature")
        if COOL <= now <= WARM:
            return
        document = turned(
            turned(case.document, node.id, "temperature", USUAL, case.words), node.id, "learned", True, case.words
        )
        yield Proposal(
            tree=self.key, rule="temperature", node=node.id, what=f"Begin at a temperature of {USUAL}, and let it be learned.",
            reason=f"It is {now:g}: below {COOL} gradients grow with its inverse, above {WARM} negatives hardly differ.",
            evidence=Evidence(papers=("2103.00020", "2012.09740"), example="temperature_sweep"), sure="published", document=document,
        )  # fmt: skip

    def _curriculum(self, case: Case, node: Node) -> Iterator[Proposal]:
        hard = case.number(node.id, "hard")
        if case.knob(node.id, "schedule") != "constant" or hard < HARD:
            return
        document = case.document
        for name, value in (("schedule", "thirds"), ("hard", 0.3), ("middle", 0.5), ("last", 0.7)):
            document = turned(document, node.id, name, value, case.words)
        yield Proposal(
            tree=self.key, rule="curriculum", node=node.id, what="Let negatives grow harder: 30, 50, then 70 % hard ones in three thirds of the run.",
            reason=f"{hard:.0%} are hard from the first step on, before likeness means anything.",
            evidence=Evidence(papers=("2010.04592",), example="hard_curriculum"), sure="rule of thumb", document=document,
        )  # fmt: skip
