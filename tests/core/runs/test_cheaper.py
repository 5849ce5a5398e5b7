"""Cheaper plans: offered where there is room for them; those that say they are exact are, and the others say what they change."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from torch import Tensor

from core.compiler.compile import analyse
from core.graph import edits
from core.graph.cheaper.plan import Offer, offers, plans
from core.graph.document import Document
from core.runs.declared import declared_vocabulary
from core.training.by_hand import StepsByHand
from tests.documents import Drawing, tiny_clip

WORDS = declared_vocabulary()
CLIP = edits.set_knob(edits.set_knob(tiny_clip(dropout=0.0), "vit", "patch_dropout", 0.0), "vit", "depth", 2)


def offered(document: Document) -> Mapping[str, Offer]:
    return {offer.key: offer for offer in offers(document, analyse(document, WORDS), WORDS)}


def stepped(document: Document) -> tuple[Mapping[str, float], Mapping[str, Tensor]]:
    hand = StepsByHand(document, WORDS)
    try:
        return hand.step().before, hand.state()
    finally:
        hand.forget()


def test_what_is_exact_comes_first_and_the_rest_says_what_it_changes() -> None:
    found = offered(CLIP)
    assert list(found)[:2] == ["in_parts", "recomputed"]
    assert [not offer.changes for offer in found.values()] == [True, True, *[False] * (len(found) - 2)]
    assert {"masked_patches/vit", "near_lengths", "frozen_tower/vit"} <= set(found)
    assert all(offer.changes.startswith("Another experiment: ") for offer in list(found.values())[2:])


@pytest.mark.parametrize("key", ["in_parts", "recomputed"])
def test_an_exact_plan_learns_the_same(key: str) -> None:
    """The same loss, and the same weights after a step, up to rounding."""
    plan = offered(CLIP)[key].document
    (loss, before), (other, after) = stepped(CLIP), stepped(plan)
    assert loss == pytest.approx(other, rel=1e-5)
    assert all((before[name] - after[name]).abs().max() < 2e-5 for name in before if before[name].is_floating_point())


def test_the_gradient_is_cached_only_where_samples_are_compared() -> None:
    assert offered(CLIP)["in_parts"].document.recipe.callbacks == {"gradient_cache": {"chunk": 4}}
    draw = Drawing("classes")
    for block in ("sources.emoji", "encoders.vit", "connectors.pool", "objectives.classification"):
        draw.add(block)
    document = edits.set_recipe(draw.document, callbacks={}, batch_size=32)
    assert offered(document)["in_parts"].document.recipe.callbacks == {"accumulation": {"chunks": 4}}


def test_a_plan_that_was_taken_is_not_offered_again() -> None:
    for key in ("in_parts", "recomputed", "masked_patches/vit", "near_lengths", "frozen_tower/vit"):
        assert key not in offered(offered(CLIP)[key].document)


def test_plans_keep_less_by_the_shapes_alone() -> None:
    whole = analyse(CLIP, WORDS).mebibytes
    for key in ("recomputed", "masked_patches/vit", "frozen_tower/vit"):
        assert analyse(offered(CLIP)[key].document, WORDS).mebibytes < whole


def test_a_connector_gives_half_as_many_tokens() -> None:
    document, node = edits.add_node(CLIP, "connectors.perceiver_resampler", 0, 0, {"count": 32})
    assert offered(document)[f"fewer_latents/{node}"].document.nodes[node].knobs["count"] == 16
    small = edits.set_knob(document, node, "count", 4)
    assert f"fewer_latents/{node}" not in offered(small)


def test_every_plan_says_what_it_is() -> None:
    assert set(plans) == {"fewer_latents", "frozen_tower", "in_parts", "masked_patches", "near_lengths", "recomputed"}
    assert all(plan.title and plan.saves and plan.__doc__ for _, plan in plans.items())
