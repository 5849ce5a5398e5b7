"""Ablations: which configurations there are, what is said of those that cannot be, controls of the same size."""

from __future__ import annotations

import pytest

from core.compiler.compile import analyse
from core.graph import edits
from core.graph.configurations import applied, grid_configurations
from core.problems import Refused
from core.runs.ablation import FULL, NONE, ablation
from core.runs.declared import declared_vocabulary
from tests.documents import tiny_clip

WORDS = declared_vocabulary()


def test_full_each_one_off_and_all_off() -> None:
    document = edits.change_node(tiny_clip(), "augment", title="Augment")
    made = ablation(document, ["augment", "projection"], WORDS, analyse, seeds=4, controls=False)
    assert made.document.sweep is not None
    configurations = grid_configurations(made.document.sweep)
    names = [configuration.name for configuration in configurations]
    assert names[:2] == [FULL, "without Augment"]
    assert made.document.sweep.seeds == 4
    assert made.document.sweep.baseline == FULL
    assert configurations[1].bypassed == ("augment",)
    for configuration in configurations:
        assert analyse(applied(document, configuration, 0, WORDS), WORDS).is_runnable
    assert set(names) - {FULL, "without Augment", "without projection", NONE} == set()
    said = [problem.what for problem in made.left_out]
    assert len(names) + len(said) == 4  # nothing is dropped without a word


def test_what_everything_hangs_on_is_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="cannot be trained"):
        ablation(tiny_clip(), ["info_nce"], WORDS, analyse)
    with pytest.raises(Refused, match="No block was chosen"):
        ablation(tiny_clip(), ["gone"], WORDS, analyse)


def test_a_control_has_as_many_parameters_as_the_whole() -> None:
    document = tiny_clip()
    document, name = edits.add_node(document, "connectors.mlp_projection", 0, 0, {"width": 24})
    wire = next(wire.key for wire in document.wires if wire.target.node == "projection")
    document = edits.insert_on_wire(document, name, wire, WORDS)
    whole = analyse(document, WORDS)
    made = ablation(document, [name], WORDS, analyse, seeds=2)
    assert made.document.sweep is not None
    configurations = grid_configurations(made.document.sweep)
    assert [configuration.name for configuration in configurations[:2]] == [FULL, f"without {name}"]
    less = analyse(applied(document, configurations[1], 0, WORDS), WORDS).parameters
    assert less < 0.95 * whole.parameters
    assert len(configurations) == 3
    control = analyse(applied(document, configurations[2], 0, WORDS), WORDS)
    assert abs(control.parameters - whole.parameters) <= 0.05 * whole.parameters
    assert set(configurations[2].bypassed) == {name}
