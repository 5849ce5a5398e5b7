"""One block in another's place: which fit, what stays, and that the result runs."""

from __future__ import annotations

import pytest

from core.compiler.compile import analyse, compile
from core.compiler.describe import vocabulary
from core.graph import edits
from core.graph.examples import named_example
from core.graph.exchanging import candidates, exchanged
from core.graph.paths import knob_at, placed, value_at
from core.problems import Refused
from tests.documents import captions, tiny_clip

FAMILY = {
    f"connectors.{name}"
    for name in ("token_pool", "perceiver_resampler", "q_former", "token_learner", "prefix_tokens", "token_projection")
}


def test_every_connector_of_the_family_fits_keeps_the_wires_and_compiles() -> None:
    document, words = captions(), vocabulary()
    found = candidates(document, "token_mlp", words)
    assert set(found) >= FAMILY
    for key in sorted(FAMILY):
        other = exchanged(document, "token_mlp", key, words)
        assert other.wires == document.wires
        assert other.nodes["token_mlp"].block == key
        assert other.nodes["token_mlp"].knobs["width"] == 16
        assert compile(other).specs["token_mlp"].title == words[key].title
    back = exchanged(
        exchanged(document, "token_mlp", "connectors.q_former", words), "token_mlp", "connectors.token_mlp", words
    )
    assert back == document


def test_settings_that_the_other_does_not_have_are_left_behind() -> None:
    words = vocabulary()
    document = edits.set_knob(captions("q_former", count=3, depth=4), "q_former", "reads_every", 3)
    other = exchanged(document, "q_former", "connectors.perceiver_resampler", words)
    assert dict(other.nodes["q_former"].knobs) == {"width": 16, "count": 3, "depth": 4}


def test_what_would_lose_a_wire_is_no_candidate_and_is_refused() -> None:
    document, words = tiny_clip(), vocabulary()
    assert "connectors.projection" not in candidates(document, "pool", words)
    assert candidates(document, "emoji", words) == []
    with pytest.raises(Refused, match="does not fit in the place of"):
        exchanged(document, "pool", "connectors.projection", words)


def test_what_makes_other_samples_of_a_batch_stands_in_the_place_of_nothing_that_does_not() -> None:
    document, words = named_example("graph_search"), vocabulary()
    assert document is not None
    for node in ("bidirectional", "early"):
        assert "fusion.pairs" not in candidates(document, node, words)
        with pytest.raises(Refused, match="one of them makes other samples of a batch"):
            exchanged(document, node, "fusion.pairs", words)
    twice = edits.change_node(document, "bidirectional", block="fusion.pairs", knobs={})
    told = [problem.what for problem in analyse(twice, words).problems if problem.node == "matching"]
    assert told == [
        "It does not fit what comes in: There are 256 pairs and 128 labels, which must be of the same pairs."
    ]


def test_a_block_with_anothers_weights_has_its_own_after_it() -> None:
    document, words = edits.share_weights(tiny_clip(), "pool_2", "pool"), vocabulary()
    for node in ("pool", "pool_2"):
        other = exchanged(document, node, "connectors.hierarchical_pool", words)
        assert not any(each.same_as for each in other.nodes.values())


def test_a_sweep_names_the_kind_by_its_path() -> None:
    document, words = captions(), vocabulary()
    assert value_at(document, "token_mlp.kind", words) == "connectors.token_mlp"
    assert "connectors.q_former" in knob_at(document, "token_mlp.kind", words).choices
    other = placed(placed(document, "token_mlp.kind", "connectors.q_former", words), "token_mlp.count", 5, words)
    assert other.nodes["token_mlp"].block == "connectors.q_former"
    assert other.nodes["token_mlp"].knobs["count"] == 5
    with pytest.raises(Refused):
        placed(document, "token_mlp.kind", "connectors.pool", words)
