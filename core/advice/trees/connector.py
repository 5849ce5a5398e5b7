"""How many tokens go on, and through which connector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.advice.case import Case
from core.advice.catalog import trees
from core.advice.proposal import Evidence, Proposal, Tree
from core.graph import edits
from core.graph.document import Node
from core.graph.exchanging import candidates, exchanged

READ: Final = 64  # tokens of another modality that a language model reads at most (Flamingo's latents)
MET: Final = 256  # tokens that meet in a fusion before fewer are proposed
FEW: Final = 64  # tokens among which several scales find nothing
TOKEN_POOL, COMPRESS, POOL = "connectors.token_pool", "connectors.compress", "connectors.pool"
MEETING: Final = (
    "fusion.cross_attention", "fusion.bidirectional", "fusion.co_attention", "fusion.early", "fusion.progressive", "fusion.gated",
)  # fmt: skip


@trees.register("connector")
class Connector(Tree):
    """Tokens counted where they are read."""

    title = "How many tokens, and through what?"

    def proposals(self, case: Case) -> Iterator[Proposal]:
        """Before language models, before fusions, and where tokens are pooled."""
        for node in case.of("generators.language_decoder"):
            yield from self._reading(case, node)
        for node in case.of(*MEETING):
            yield from self._meeting(case, node)
        for node in case.of("connectors.hierarchical_pool"):
            yield from self._scales(case, node)

    def _reading(self, case: Case, node: Node) -> Iterator[Proposal]:
        wire, tokens = case.wire(node.id, "tokens"), case.tokens(node.id, "tokens")
        if wire is None or tokens <= READ:
            return
        before = wire.source.node
        if TOKEN_POOL in candidates(case.document, before, case.words):
            changed = exchanged(case.document, before, TOKEN_POOL, case.words)
            knobs = {**changed.nodes[before].knobs, "count": READ}
            document = edits.change_node(changed, before, knobs=knobs)
        else:
            document = edits.put_between(
                case.document,
                wire.source,
                wire.target,
                [(COMPRESS, "tokens", "tokens", {"how": "average", "count": READ})],
            )
        yield Proposal(
            tree=self.key, rule="reading", node=node.id, what=f"Give the language model {READ} tokens, pooled from the {tokens:,}.",
            reason=f"{tokens:,} tokens stand before the words; every word attends to all of them, and they are mostly alike.",
            evidence=Evidence(papers=("2204.14198", "2403.09611")), sure="published", document=document,
        )  # fmt: skip

    def _meeting(self, case: Case, node: Node) -> Iterator[Proposal]:
        """The longest of what meets."""
        sides = [
            port.name for port in case.spec(node.id).takes if port.kind == "tokens" and case.wire(node.id, port.name)
        ]
        asks = (
            "tokens" if "tokens" in sides else ""
        )  # queries go on as they are: what is asked may be shortened, not who asks
        longest = max((port for port in sides if port != asks), key=lambda port: case.tokens(node.id, port), default="")
        wire, tokens = case.wire(node.id, longest), case.tokens(node.id, longest) if longest else 0
        if wire is None or tokens <= MET:
            return
        document = edits.put_between(
            case.document, wire.source, wire.target, [(COMPRESS, "tokens", "tokens", {"how": "average", "count": READ})]
        )
        yield Proposal(
            tree=self.key, rule="meeting", node=node.id, what=f"Average the {tokens:,} tokens of one side to {READ} before they meet the other.",
            reason=f"{tokens:,} tokens come in at one side: cost and memory of attention grow with them. Averaging neighbours is the plain "
            "way, which learned ways have to beat.",
            evidence=Evidence(papers=("2106.11297", "2204.14198")), sure="published", document=document,
        )  # fmt: skip

    def _scales(self, case: Case, node: Node) -> Iterator[Proposal]:
        tokens = case.tokens(node.id, "tokens")
        if not 0 < tokens <= FEW or POOL not in candidates(case.document, node.id, case.words):
            return
        yield Proposal(
            tree=self.key, rule="scales", node=node.id, what="Pool by the plain mean.",
            reason=f"{tokens} tokens are pooled at several scales; so few have hardly any scales to tell apart.",
            evidence=Evidence(
                papers=("2102.12122",), example="pooling_sweep",
                figure="With 16 tokens the mean has 39.9 % and hierarchical pooling 38.4 % R@10, not distinguishable, at 14 % more time.",
            ),
            sure="measured here", document=exchanged(case.document, node.id, POOL, case.words),
        )  # fmt: skip
