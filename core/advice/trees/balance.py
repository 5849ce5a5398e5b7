"""Whether the data is fit to learn from and to score by: classes that are rare, splits that leak, a modality that is not heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import Evidence, Proposal, Tree
from core.advice.rewiring import turned
from core.graph import edits
from core.graph.document import Node

UNEVEN: Final = 10  # times as many samples of the largest class as of the smallest
FOCUS: Final = 2.0  # gamma of the focal loss
JOINING: Final = ("fusion.late", "fusion.concat", "fusion.early", "fusion.progressive", "fusion.bidirectional")


@trees.register("balance")
class Balance(Tree):
    """Classes and splits as they were counted, and what joins two trained towers."""

    title = "Is the data balanced?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Of every source whose splits leak, and every classification."""
        yield from self._leaks(case)
        for node in case.of("objectives.classification"):
            yield from self._rare(case, node)
            yield from self._unheard(case, node)

    def _leaks(self, case: Case) -> Iterator[Proposal]:
        for source, reading in case.readings.items():
            if reading.mend is None or reading.mend.fix is None or not reading.leaks:
                continue
            fix = reading.mend.fix
            yield Proposal(
                tree=self.key, rule="leaks", node=source, what="Split so that what belongs together is in one split.",
                reason=f"{reading.leaks:,} recordings, people or files are in two splits: a held-out score would partly measure memory.",
                evidence=Evidence(), sure="rule of thumb", document=getattr(edits, fix.edit)(case.document, **fix.arguments),
            )  # fmt: skip

    def _rare(self, case: Case, node: Node) -> Iterator[Proposal]:
        reading = case.reading(node.id)
        counts = sorted(reading.classes.values()) if reading is not None else []
        if len(counts) < 2 or counts[-1] < UNEVEN * counts[0] or case.number(node.id, "gamma") > 0:
            return
        yield Proposal(
            tree=self.key, rule="rare", node=node.id, what=f"Use a focal loss (gamma {FOCUS:g}) for classes that are rare.",
            reason=f"Of {len(counts)} classes the largest has {counts[-1]:,} samples and the smallest {counts[0]:,}. Read the mean class accuracy too.",
            evidence=Evidence(papers=("1708.02002",)), sure="published", document=turned(case.document, node.id, "gamma", FOCUS, case.words),
        )  # fmt: skip

    def _unheard(self, case: Case, node: Node) -> Iterator[Proposal]:
        """Two trained towers before one classification: the faster one may leave the other untrained."""
        joined = [one for one in case.of(*JOINING) if one.id in case.before(node.id)]
        towers = [
            one for one in case.of("encoders.") if joined and one.id in case.before(joined[0].id) and not case.is_frozen(one.id)
        ]  # fmt: skip
        kinds = sorted({case.spec(one.id).modality for one in towers})
        if len(kinds) < 2 or {"ogm_ge", "grad_norm"} & case.document.recipe.callbacks.keys():
            return
        yield Proposal(
            tree=self.key, rule="unheard", node=node.id, what="Balance the gradients of the modalities (OGM-GE).",
            reason=f"{len(towers)} towers of {kinds[0]} and {kinds[1]} are trained by one loss; the one that learns faster may keep the other from learning.",
            evidence=Evidence(papers=("2203.15332",), example="three_modalities"), sure="published",
            document=edits.switch(case.document, "callbacks", "ogm_ge", True),
        )  # fmt: skip
