"""Ablation by muting, end to end on planted truth: what does nothing is not distinguishable, what does the learning is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.compiler.compile import analyse
from core.graph import edits
from core.graph.document import Document
from core.runs import paper
from core.runs.ablation import FULL, ablation
from core.runs.declared import declared_vocabulary
from core.runs.sweeping import SweepThread, begin_sweep
from core.runs.verdict import sentence, table
from core.store.database import Store
from core.store.sweeps import Sweeps
from tests.documents import tiny_clip

WORDS = declared_vocabulary()
LEARNS, IDLES = "Learner", "Idler"
FROZEN = ("vit", "text_transformer", "pool_2", "projection", "projection_2")


def planted(steps: int) -> tuple[Document, str, str]:
    """Towers that are frozen as they were drawn by chance; behind the image's a block that learns, behind the text's one
    that is frozen, too: it turns the space, which changes nothing that is compared."""
    document = tiny_clip(steps=steps, batch_size=32, dropout=0.0, learning_rate=3e-3)
    for node in FROZEN:
        document = edits.set_rule(document, node, frozen=True)
    document, learner = _behind(
        document, "projection", LEARNS, "connectors.mlp_projection", {"width": 16, "hidden": 128}
    )
    document, idler = _behind(document, "projection_2", IDLES, "connectors.projection", {"width": 16})
    return edits.set_rule(document, idler, frozen=True), learner, idler


def _behind(document: Document, before: str, title: str, block: str, knobs: dict[str, object]) -> tuple[Document, str]:
    document, node = edits.add_node(document, block, 0.0, 0.0, knobs)
    wire = next(wire.key for wire in document.wires if wire.source.node == before)
    return edits.change_node(edits.insert_on_wire(document, node, wire, WORDS), node, title=title), node


@pytest.mark.long
def test_a_planted_useless_block_is_not_distinguishable_and_a_useful_one_is_found(tmp_path: Path) -> None:
    document, learner, idler = planted(steps=150)
    made = ablation(document, [learner, idler], WORDS, analyse, seeds=6, controls=False)
    assert made.left_out == ()
    plan = made.document.sweep
    assert plan is not None
    plan = replace(plan, metric="loss", direction="lower")
    with Store.open(tmp_path / "runs.sqlite") as store:
        facts = begin_sweep(store, replace(made.document, sweep=plan), WORDS)
        thread = SweepThread(store, facts.uid)
        thread.start()
        thread.join(600)
        assert not thread.is_alive()
        assert thread.error == ""
        found = table(plan, Sweeps(store).trials(facts.uid))
    assert found.baseline == FULL
    useless, useful = found.comparisons[f"without {IDLES}"], found.comparisons[f"without {LEARNS}"]
    print(paper.as_markdown(found))
    assert useful.distinguishable
    assert useful.difference.low > 0, "without it the loss is higher"
    assert not useless.distinguishable
    assert abs(useless.difference.mean) < useful.difference.mean / 4
    assert "not distinguishable" in sentence(found)
    latex = paper.as_latex(found)
    assert rf"without {LEARNS}" in latex
    assert r"\toprule" in latex
    rows = [line.split(",") for line in paper.as_csv(found).splitlines()]
    told = {row[0]: row[rows[0].index("distinguishable")] for row in rows[1:]}
    assert (told[f"without {LEARNS}"], told[f"without {IDLES}"]) == ("1", "0")
