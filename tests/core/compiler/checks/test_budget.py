"""Token explosion is noticed before a run: a warning, then an error that stops it."""

from __future__ import annotations

import pytest

from core.compiler.checks.budget import MEBIBYTES, TOKENS, budget_problems
from core.compiler.compile import analyse, compile
from core.compiler.shapes import MEBIBYTE, TracedNode
from core.graph import edits
from core.problems import Refused
from studio.open.documents import find_document
from tests.documents import tiny_clip, tokenizer


def test_within_budget_nothing_is_said() -> None:
    assert budget_problems("vit", TracedNode(outputs={}, attention=(TOKENS[0], 64)), "ViT") == []


@pytest.mark.parametrize(("tokens", "severity"), [(TOKENS[0] + 1, "warning"), (TOKENS[1] + 1, "error")])
def test_too_many_tokens(tokens: int, severity: str) -> None:
    (problem,) = budget_problems("vit", TracedNode(outputs={}, attention=(64, tokens)), "ViT")
    assert problem.severity == severity
    assert problem.node == "vit"
    assert f"{tokens:,}" in problem.what
    assert "Compress the tokens" in problem.hint


@pytest.mark.parametrize(("mebibytes", "severity"), [(MEBIBYTES[0] + 1, "warning"), (MEBIBYTES[1] + 1, "error")])
def test_too_many_bytes(mebibytes: int, severity: str) -> None:
    node = TracedNode(outputs={}, saved_bytes=mebibytes * MEBIBYTE, attention=(64, 64))
    (problem,) = budget_problems("vit", node, "ViT")
    assert problem.severity == severity
    assert "GiB" in problem.what


def test_a_drawing_over_the_budget_does_not_compile() -> None:
    document = find_document("flip_half")
    patches = next(key for key, node in document.nodes.items() if node.block == "encoders.vit")
    source = next(key for key, node in document.nodes.items() if node.block.startswith("sources."))
    document = edits.set_knob(document, source, "image_size", 512)
    document = edits.set_knob(document, patches, "patch_size", 4)
    document = edits.set_knob(document, patches, "patch_dropout", 0.0)
    warned = [p for p in analyse(document).problems if "over the budget" in p.what]
    assert any(p.node == patches and "16,385" in p.what for p in warned)
    document = edits.set_recipe(document, batch_size=65536)
    with pytest.raises(Refused, match="over the budget"):
        compile(document)


@pytest.mark.parametrize(
    ("option", "size", "severity"), [("image_curriculum", 1024, "warning"), ("image_sizes", 4096, "error")]
)
def test_a_training_option_with_large_images_is_told_before_the_run(option: str, size: int, severity: str) -> None:
    callbacks = {option: {"sizes": f"8, {size}"} | ({"shares": "1, 1"} if option == "image_curriculum" else {})}
    (found,) = [p for p in analyse(tiny_clip(batch_size=2, callbacks=callbacks)).problems if "attends from" in p.what]
    assert (found.node, found.severity) == ("vit", severity)
    tokens = 3 * (size // 4) ** 2 // 4 + 1  # a quarter of the patches is dropped while it learns
    assert f"at {size} px attends from {tokens:,} tokens" in found.what
    assert not [p for p in analyse(tiny_clip(callbacks={option: {"sizes": "8, 16"}})).problems if "budget" in p.what]


def test_convolutions_over_huge_images_are_told_too() -> None:
    document = edits.set_knob(tokenizer(batch_size=4096, width=64), "emoji", "image_size", 512)
    assert any("for the backward pass of one batch" in p.what for p in analyse(document).problems)
