"""A run of a drawing with subgraphs is the run of the same drawing written out by hand, bit for bit; so are its checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from core.graph import edits
from core.graph.document import Document, End
from core.graph.file import dumps
from core.graph.subgraphs.flat import flat_document
from core.store.resuming import trains_the_same
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.subgraphs import one_tower, three_deep, two_copies


def by_hand(**options: object) -> Document:
    """Two towers drawn block by block under the ids that the flat form has; nothing of subgraphs is asked."""
    document = one_tower(**options)  # type: ignore[arg-type]
    nodes = {
        key: node for key, node in document.nodes.items() if key not in ("vit", "pool", "mlp_projection", "nt_xent")
    }
    wires = [("augment", "image", "tower.vit", "image"), ("augment_2", "image", "tower_2.vit", "image")]
    order = ["tower", "tower_2"]
    for copy in order:
        for key in ("vit", "pool", "mlp_projection"):
            nodes[f"{copy}.{key}"] = replace(document.nodes[key], id=f"{copy}.{key}")
        wires += [
            (f"{copy}.vit", "tokens", f"{copy}.pool", "tokens"),
            (f"{copy}.pool", "embedding", f"{copy}.mlp_projection", "embedding"),
        ]
    nodes["tower_2.vit"] = replace(nodes["tower_2.vit"], knobs={**nodes["tower_2.vit"].knobs, "width": 32})
    nodes["nt_xent"] = document.nodes["nt_xent"]
    document = replace(document, nodes=nodes, wires=tuple(w for w in document.wires if w.source.node == "emoji"))
    wires += [
        ("tower.mlp_projection", "embedding", "nt_xent", "left"),
        ("tower_2.mlp_projection", "embedding", "nt_xent", "right"),
    ]
    for source, out, target, into in wires:
        document = edits.connect(document, End(node=source, port=out), End(node=target, port=into))
    return document


def test_losses_and_weights_are_equal_bit_for_bit(tmp_path: Path) -> None:
    one, other = trainer(two_copies()), trainer(by_hand())
    one.train()
    other.train()
    assert one.listener.scalars("loss") == other.listener.scalars("loss")  # type: ignore[attr-defined]
    assert len(one.listener.scalars("loss")) == 3  # type: ignore[attr-defined]
    assert same(weights(one), weights(other))
    assert any(name.startswith("nodes.n_tower_2·vit.") for name in weights(one))
    state = checkpoint(other, tmp_path / "by_hand")
    again = resumed(two_copies(), tmp_path / "by_hand", state)  # the checkpoint of the one is that of the other
    assert same(weights(again), weights(other))
    assert trains_the_same(dumps(two_copies()), dumps(flat_document(two_copies())))
    assert not trains_the_same(dumps(two_copies()), dumps(edits.set_knob(two_copies(), "tower_2", "width", 40)))


def test_shared_weights_at_depth_three_are_one_module() -> None:
    run = trainer(edits.share_weights(three_deep(steps=1), "tower_2", "tower"))
    assert not any("tower_2" in name for name in weights(run))
    run.train()
    assert all(torch.isfinite(value).all() for value in weights(run).values() if value.is_floating_point())
