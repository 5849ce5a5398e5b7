"""Comparison: only what differs is shown, in settings and in drawings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.graph import edits
from core.graph.differences import DEFAULT, drawing_difference, incomparable, settings_difference
from core.graph.document import Document, End, Node, Wire
from core.graph.recipe import Recipe, Stage
from core.graph.vocabulary import BlockSpec, OptionSpec, Vocabulary
from core.knobs import Knob
from core.store.answers import RunFacts
from widgets.library.compare import CompareView


@pytest.fixture
def base():
    vit, loss = Node(id="vit", block="encoders.vit", knobs={"width": 192}), Node(id="loss", block="objectives.info_nce")
    wire = Wire(source=End(node="vit", port="tokens"), target=End(node="loss", port="left"))
    return Document(nodes={"vit": vit, "loss": loss}, wires=(wire,), recipe=Recipe(learning_rate=1e-3))


def test_equal_documents_do_not_differ(base):
    moved = replace(base, nodes={**base.nodes, "vit": replace(base.nodes["vit"], x=500.0, title="Tower")}, name="other")
    assert settings_difference([base, moved]) == []
    assert drawing_difference(base, moved).is_same()


@pytest.mark.parametrize("known", [False, True])
def test_whose_weights_a_block_has_is_the_one_difference(base, known):
    knobs = {"width": 192}
    words = Vocabulary(
        [BlockSpec(key="encoders.vit", title="ViT", role="block", family="Encoders", summary="")] * known
    )
    apart = replace(base, nodes={**base.nodes, "vit_2": Node(id="vit_2", block="encoders.vit", knobs=knobs)})
    shared = edits.share_weights(apart, "vit_2", "vit")
    (row,) = settings_difference([apart, shared], words)
    assert (row.where, row.setting, row.values) == ("vit_2", "same weights as", (DEFAULT, "vit"))
    assert drawing_difference(apart, shared, words).changed == (("vit_2", "same weights as", DEFAULT, "vit"),)


def test_settings_that_differ(base):
    other = replace(
        base, nodes={"vit": replace(base.nodes["vit"], knobs={"patch_dropout": 0.5})},
        recipe=replace(base.recipe, learning_rate=3e-4, callbacks={"clipping": {"norm": 2.0}}, stages=(Stage(name="one"),)),
    )  # fmt: skip
    rows = {(row.where, row.setting): row.values for row in settings_difference([base, other])}
    assert rows["recipe", "learning_rate"] == ("0.001", "0.0003")
    assert rows["recipe", "callbacks.clipping.norm"] == (DEFAULT, "2")
    assert rows["vit", "width"] == ("192", DEFAULT)
    assert rows["vit", "patch_dropout"] == (DEFAULT, "0.5")
    assert rows["loss", "block"] == ("objectives.info_nce", "")
    assert ("recipe", "stages 1.name") in rows
    assert ("recipe", "batch_size") not in rows


def test_drawings_that_differ(base):
    other = Document(
        nodes={"vit": replace(base.nodes["vit"], muted=True), "mlp": Node(id="mlp", block="connectors.mlp")},
        wires=(Wire(source=End(node="vit", port="tokens"), target=End(node="mlp", port="tokens")),),
    )
    found = drawing_difference(base, other)
    assert found.added == ("mlp",)
    assert found.removed == ("loss",)
    assert found.changed == (("vit", "muted", DEFAULT, "on"),)
    assert found.wires_added == ("vit.tokens>mlp.tokens",)
    assert found.wires_removed == ("vit.tokens>loss.left",)


def test_the_view_shows_both(qtbot, base):
    view = CompareView()
    qtbot.addWidget(view)
    runs = [RunFacts(id=n, uid=f"u{n}", name=f"<b>run {n}</b>", status="finished") for n in (1, 2)]
    view.set_runs(runs, [base, replace(base, recipe=replace(base.recipe, seed=7))])
    assert view.settings_rows() == [["training recipe", "seed", "0", "7"]]
    assert "The graphs are the same." in view.drawing_text()
    assert "<b>run" not in view._names.text()


def test_a_document_that_cannot_be_read_is_said(qtbot, base):
    view = CompareView()
    qtbot.addWidget(view)
    view.set_runs([RunFacts(id=n, uid=f"u{n}", name="x", status="finished") for n in (1, 2)], [base, None])
    assert "cannot be read" in view.drawing_text()


@pytest.fixture
def words():
    knobs = (
        Knob(name="width", kind="integer", default=192, help=""),
        Knob(name="drop", kind="number", default=0.0, help=""),
    )
    vit = BlockSpec(key="encoders.vit", title="ViT", role="block", family="Encoders", summary="", knobs=knobs)
    clipping = OptionSpec(key="clipping", title="Clipping", family="callback", knobs=(
        Knob(name="norm", kind="number", default=1.0, help=""),))  # fmt: skip
    return Vocabulary([vit], [clipping])


def test_a_value_beside_the_same_default_is_no_difference(base, words):
    left = replace(base, recipe=replace(base.recipe, callbacks={"clipping": {"norm": 1}}))
    bare = replace(base, nodes={**base.nodes, "vit": replace(base.nodes["vit"], knobs={})},
                   recipe=replace(base.recipe, callbacks={"clipping": {}}))  # fmt: skip
    assert settings_difference([left, bare], words) == []
    assert drawing_difference(left, bare, words).is_same()
    turned = replace(bare, nodes={**bare.nodes, "vit": replace(bare.nodes["vit"], knobs={"drop": 0.5})})
    (row,) = settings_difference([left, turned], words)
    assert (row.where, row.setting, row.values) == ("vit", "drop", ("0", "0.5"))
    (off,) = settings_difference([base, bare], words)[:1]
    assert (off.setting, off.values) == ("callbacks.clipping", (DEFAULT, "on"))


def test_losses_of_other_batches_are_not_compared_in_silence(qtbot, base):
    larger = replace(base, recipe=replace(base.recipe, batch_size=32))
    found = incomparable([base, larger])
    assert [row.setting for row in found["losses"]] == ["batch_size"]
    assert found["scores"] == []
    colder = replace(base, nodes={**base.nodes, "loss": replace(base.nodes["loss"], knobs={"temperature": 0.01})})
    assert [row.where for row in incomparable([base, colder])["losses"]] == ["loss"]
    assert incomparable([base, replace(base, recipe=replace(base.recipe, seed=3))]) == {"losses": [], "scores": []}
    view = CompareView()
    qtbot.addWidget(view)
    runs = [RunFacts(id=n, uid=f"u{n}", name=f"run {n}", status="finished") for n in (1, 2)]
    view.set_runs(runs, [base, larger])
    assert view.warning_text() == "The losses of these runs cannot be compared: recipe.batch_size 128 / 32."
    view.set_runs(runs, [base, base])
    assert view.warning_text() == ""
