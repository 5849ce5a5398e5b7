"""Which fusion: where two modalities are judged together, they attend to each other; a gate and sparse attention have their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import Evidence, Proposal, Tree
from core.advice.rewiring import turned, without_idle
from core.graph import edits
from core.graph.document import End, Node
from core.graph.exchanging import candidates, exchanged

SPARSE: Final = ("block-sparse", "sliding window")
SHORT: Final = 128  # tokens below which looking at fewer pairs saves nothing
CROSS, POOL = "fusion.cross_attention", "connectors.pool"
COMPARED: Final = Evidence(
    papers=("2107.07651",), example="fusion_sweep",
    figure="Do image and caption match? One way 65.6 %, both ways 66.8 %, no fusion 50.0 %, which is chance (three seeds).",
)  # fmt: skip


@trees.register("fusion")
class Fusion(Tree):
    """Fusion blocks beside what is asked of them and how many tokens they see."""

    title = "Which fusion?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Of every fusion block."""
        for node in case.of("fusion.late", "fusion.concat"):
            yield from self._late(case, node)
        for node in case.of("fusion.gated"):
            yield from self._gate(case, node)
        for node in case.of("fusion."):
            yield from self._sparse(case, node)

    def _late(self, case: Case, node: Node) -> Iterator[Proposal]:
        """A question about pairs that one vector a side must answer: words attend to the other side instead."""
        asked = [wire.target for wire in case.document.wires_from(node.id)]
        if not any(case.document.nodes[end.node].block == "objectives.matching" for end in asked):
            return
        pools = [wire.source.node for port in ("left", "right") if (wire := case.wire(node.id, port)) is not None]
        entries = [case.wire(pool, "tokens") for pool in pools if case.document.nodes[pool].block == POOL]
        if len(entries) != 2 or entries[0] is None or entries[1] is None:
            return
        context, query = entries[0].source, entries[1]
        document = edits.put_between(case.document, query.source, query.target, [(CROSS, "tokens", "tokens", {})])
        cross = next(key for key in document.nodes if key not in case.document.nodes)
        document = edits.connect(document, context, End(node=cross, port="context"))
        for end in asked:
            document = edits.connect(document, End(node=pools[1], port="embedding"), end)
        yield Proposal(
            tree=self.key, rule="late", node=node.id, what="Let the tokens of one side attend to those of the other before they are judged.",
            reason="Whether two things belong together is asked of one vector from each side, which were made without seeing each other.",
            evidence=COMPARED, sure="measured here", document=without_idle(document, {node.id, *pools}, case.words),
        )  # fmt: skip

    def _gate(self, case: Case, node: Node) -> Iterator[Proposal]:
        """A gate that begins at zero keeps a trained stream as it was; there is none to keep."""
        stream = case.wire(node.id, "tokens")
        kept = {stream.source.node, *case.before(stream.source.node)} if stream is not None else set()
        from_zero = case.knob(node.id, "gate") == "tanh from zero"
        if not from_zero or any(case.is_pretrained(key) or self._stands(case, key) for key in kept):
            return
        if CROSS not in candidates(case.document, node.id, case.words):
            return
        yield Proposal(
            tree=self.key, rule="gate", node=node.id, what="Use cross-attention without a gate.",
            reason="The gate begins at zero so that a trained stream is not disturbed; the stream here is learned from scratch.",
            evidence=Evidence(
                papers=("2204.14198",), example="fusion_sweep", figure="Gate from zero 58.7 %, one way without a gate 65.6 % (chance 50 %)."
            ),
            sure="measured here", document=exchanged(case.document, node.id, CROSS, case.words),
        )  # fmt: skip

    def _stands(self, case: Case, node: str) -> bool:
        return case.spec(node).role == "block" and case.is_frozen(node)

    def _sparse(self, case: Case, node: Node) -> Iterator[Proposal]:
        kind = case.knob(node.id, "attention")
        tokens = max(
            (case.tokens(node.id, port.name) for port in case.spec(node.id).takes if port.kind == "tokens"), default=0
        )
        if kind not in SPARSE or not 0 < tokens <= SHORT:
            return
        yield Proposal(
            tree=self.key, rule="sparse", node=node.id, what="Use dense attention here.",
            reason=f"At most {tokens} tokens come in: leaving pairs out saves nothing at this length, and what is left out is not seen.",
            evidence=Evidence(
                papers=("2007.14062",), example="fusion_sweep", figure="With 36 tokens sparse attention saves nothing; block-sparse 62.6 %, dense 65.9 %."
            ),
            sure="measured here", document=turned(case.document, node.id, "attention", "dense", case.words),
        )  # fmt: skip
