"""Words against patches: cosines of each token taken alone, without a weight added or a number of the run changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.graph.document import Document, End
from core.telemetry.events import AttentionMap, Exhibit
from studio.open.documents import find_document
from tests.core.training.running import Said, trainer, weights
from tests.documents import tiny_clip

WORDS_IN_IMAGE = {"words_in_image": {"every": 2, "samples": 4}}


def test_a_token_alone_is_what_the_tower_makes_of_it() -> None:
    run = trainer(tiny_clip(diagnostics=WORDS_IN_IMAGE))
    batch = run.feed.fixed_examples(4)
    found = run.experiment.words_in_image(batch)
    assert found is not None
    assert found.cosine_BLP.shape == (4, 8, 16)
    assert (found.patches.kind, found.patches.sizes, found.patches.extra) == ("patches", (4, 4), 0)
    run.experiment.eval()
    with torch.no_grad():
        values = run.experiment.run(batch)
        patches = values[End(node="vit", port="tokens")]
        assert patches.x_BND.shape[1] - patches.grid.extra == 16
        patch = patches.x_BND[1, patches.grid.extra + 5]
        image = F.normalize(run.experiment.node("projection").linear(patch), dim=-1)
        word = values[End(node="text_transformer", port="tokens")].x_BND[1, 2]
        pool = run.experiment.node("pool_2")
        alone = pool.attention(pool.query_11D, pool.norm(word[None, None]), None)[0, 0]
        text = F.normalize(run.experiment.node("projection_2").linear(alone), dim=-1)
    assert float(found.cosine_BLP[1, 2, 5]) == pytest.approx(float(image @ text), abs=1e-5)


def test_it_changes_nothing_in_the_run() -> None:
    plain, watched = trainer(tiny_clip(steps=3)), trainer(tiny_clip(steps=3, diagnostics=WORDS_IN_IMAGE))
    plain.train()
    watched.train()
    assert all(torch.equal(value, weights(plain)[name]) for name, value in weights(watched).items())
    said = watched.listener
    assert isinstance(said, Said)
    maps = said.of(AttentionMap)
    assert [each.at.step for each in maps] == [1, 2, 3]
    assert maps[0].series == "attention/words in the image/0"
    assert maps[0].weights.shape == (4, 1, 8, 16)
    assert dict(maps[0].queries) == {"kind": "words", "measure": "cosine"}
    assert np.abs(maps[0].weights).max() <= 1
    assert [each.name for each in said.of(Exhibit)] == ["words in the image"]


def test_where_no_words_meet_patches_nothing_is_said() -> None:
    drawn = tiny_clip(diagnostics=WORDS_IN_IMAGE)
    pooled = replace(
        drawn, nodes={**drawn.nodes, "vit": replace(drawn.nodes["vit"], block="encoders.resnet", knobs={"width": 8})}
    )
    run = trainer(pooled)
    found = run.experiment.words_in_image(run.feed.fixed_examples(2))
    assert found is not None, "a ResNet's cells are patches too"
    other = trainer(find_document("late_interaction"))
    assert other.experiment.words_in_image(other.feed.fixed_examples(2)) is None


def test_the_first_example_shows_words_to_point_at() -> None:
    document = find_document("mini_clip")
    assert isinstance(document, Document)
    assert "words_in_image" in document.recipe.diagnostics
