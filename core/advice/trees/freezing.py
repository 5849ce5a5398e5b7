"""What is trained and how fast: towers that have seen much stand still where there is little to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import Evidence, Proposal, Tree
from core.graph import edits
from core.graph.document import Node
from core.graph.staging import ENCODER_RATE

FEW: Final = 5_000  # training samples
FAST: Final = 1e-4  # a rate that unlearns what a tower knows
STEADY: Final = (  # steps that give the same for a sample every time
    "transforms.tokenizer", "transforms.pretrained_tokenizer", "transforms.resize", "transforms.log_mel", "transforms.mfcc",
)  # fmt: skip


@trees.register("freezing")
class Freezing(Tree):
    """Pretrained encoders beside the number of samples and their rates."""

    title = "What is trained?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Of every encoder with weights of its own; then whether frozen features are kept."""
        towers = [node for node in case.of("encoders.") if case.is_pretrained(node.id)]
        for node in towers:
            yield from self._freeze(case, node)
            yield from self._slow(case, node)
        kept = [node for node in towers if case.is_frozen(node.id) and self._is_steady(case, node.id)]
        if kept and "frozen_cache" not in case.document.recipe.callbacks:
            yield self._cache(case, kept[0])

    def _freeze(self, case: Case, node: Node) -> Iterator[Proposal]:
        reading = case.reading(node.id)
        if reading is None or not 0 < reading.training < FEW or self._may_stand(case, node.id):
            return
        yield Proposal(
            tree=self.key, rule="freeze", node=node.id, what=f"Freeze {case.spec(node.id).title}: only what is behind it learns.",
            reason=f"There are {reading.training:,} samples to learn from, and its weights have seen far more.",
            evidence=Evidence(
                papers=("2111.07991",), example="frozen_sound_events",
                figure="A frozen tower that has heard much has 92.5, 95.0 and 93.8 % on ESC-10, convolutions from scratch 85.0, 82.5 and 82.5 %.",
            ),
            sure="measured here", document=edits.set_rule(case.document, node.id, frozen=True),
        )  # fmt: skip

    def _may_stand(self, case: Case, node: str) -> bool:
        """Whether it stands still in at least one stage: then somebody has thought about it."""
        return any(case.document.rule(node, stage).frozen for stage in range(len(case.document.recipe.stage_list())))

    def _slow(self, case: Case, node: Node) -> Iterator[Proposal]:
        reading, rate = case.reading(node.id), case.document.rule(node.id, 0).learning_rate or 0.0
        if reading is None or reading.training < FEW or self._may_stand(case, node.id) or rate < FAST:
            return
        yield Proposal(
            tree=self.key, rule="slow", node=node.id, what=f"Train {case.spec(node.id).title} at a rate of {ENCODER_RATE:g}.",
            reason=f"Its weights are trained ones, and {rate:g} is a rate for weights from scratch; there are {reading.training:,} samples.",
            evidence=Evidence(papers=("2304.08485",), example="caption_stages"), sure="rule of thumb",
            document=edits.set_rule(case.document, node.id, learning_rate=ENCODER_RATE),
        )  # fmt: skip

    def _is_steady(self, case: Case, node: str) -> bool:
        steps = [key for key in case.before(node) if case.spec(key).role == "transform"]
        return all(case.document.nodes[key].block in STEADY for key in steps)

    def _cache(self, case: Case, node: Node) -> Proposal:
        return Proposal(
            tree=self.key, rule="cache", node=node.id, what="Compute frozen features once and keep them.",
            reason=f"{case.spec(node.id).title} is frozen and sees every sample the same each time, yet is run at every step.",
            evidence=Evidence(
                example="frozen_sound_events", figure="With its features kept, training takes 37 processor seconds, nearly all of them for computing them once."
            ),
            sure="measured here", document=edits.switch(case.document, "callbacks", "frozen_cache", True),
        )  # fmt: skip
