"""The compiler goes through subgraphs: shapes, costs, Problems, remedies and questions are those of the flat form, told where they are drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.compiler.compile import analyse, compile
from core.compiler.script import script
from core.graph import edits
from core.graph.document import Document, End
from core.graph.mixing import giving_sources, source_nodes
from core.graph.subgraphs import borders
from core.graph.subgraphs.facts import at_level, fix_at
from core.graph.subgraphs.flat import flat_document, flattened
from core.graph.subgraphs.grouping import group
from core.graph.subgraphs.levels import level, with_level
from core.graph.sweep import Axis, Sweep
from core.problems import Problem, Refused
from tests.documents import tiny_clip
from tests.subgraphs import WORDS, three_deep, two_copies
from widgets.look.titles import titles_of


@pytest.fixture(scope="module")
def drawn() -> Document:
    return edits.set_rule(three_deep(), "tower", frozen=True)


def test_facts_are_those_of_the_flat_form_and_copies_are_their_sum(drawn: Document) -> None:
    found, flat = analyse(drawn, WORDS), analyse(flat_document(drawn), WORDS)
    assert found.problems == flat.problems == ()
    assert (found.parameters, found.trained_parameters, found.flops) == (
        flat.parameters,
        flat.trained_parameters,
        flat.flops,
    )
    assert dict(found.nodes) == dict(flat.nodes)
    tower = found.wholes["tower_2"]
    inner = [facts for key, facts in flat.nodes.items() if key.startswith("tower_2.")]
    assert tower.parameters == sum(facts.parameters for facts in inner) > 0
    assert not tower.frozen
    assert found.wholes["tower"].frozen
    assert tower.outputs["embedding"] == flat.nodes["tower_2.mlp_projection"].outputs["embedding"]
    assert found.borders["tower_2.body.entry"].outputs["image"] == flat.nodes["augment_2"].outputs["image"]


def test_a_level_has_the_facts_of_the_copy_that_was_entered(drawn: Document) -> None:
    found, flat = analyse(drawn, WORDS), flattened(drawn)
    here = at_level(found, flat, ("tower_2", "body"))
    assert here.nodes["core"].outputs["tokens"].concrete.endswith("32")
    assert at_level(found, flat, ("tower", "body")).nodes["core"].outputs["tokens"].concrete.endswith("24")
    assert {"pool", "core", "entry"} <= set(here.nodes)


def test_a_plan_is_that_of_the_flat_form(drawn: Document) -> None:
    one, other = compile(drawn), compile(flat_document(drawn))
    assert one.document == other.document
    assert (one.batch_nodes, one.inputs, one.tasks) == (other.batch_nodes, other.inputs, other.tasks)
    assert script(one) == script(other)


def problems(document: Document) -> dict[str, Problem]:
    return {problem.node: problem for problem in analyse(document, WORDS).problems}


def test_what_is_wrong_inside_is_told_there_and_at_the_copy_on_the_way() -> None:
    document = two_copies()
    inside = edits.set_knob(level(document, ("tower",)), "vit", "heads", 5)
    document = with_level(document, ("tower",), inside)
    found = analyse(document, WORDS)
    assert {"tower.vit", "tower_2.vit"} == {problem.node for problem in found.problems if problem.severity == "error"}
    assert "tower.vit" in found.problems[0].sentence()
    flat = flattened(document)
    assert {problem.node for problem in at_level(found, flat, ()).problems} == {"tower", "tower_2"}
    assert {problem.node for problem in at_level(found, flat, ("tower",)).problems} == {"vit"}
    with pytest.raises(Refused, match=r"tower\.vit"):
        compile(document)


def test_remedies_are_edits_of_the_level_they_lie_in() -> None:
    document = two_copies()
    inside, node = edits.add_node(level(document, ("tower",)), "encoders.from_the_future", 0, 0)
    document = with_level(document, ("tower",), inside)
    told = problems(document)[f"tower.{node}"]
    assert told.fix is not None
    found = fix_at(told.fix, flattened(document), document)
    assert found is not None
    path, fix = found
    assert path == ("tower",)
    mended = with_level(document, path, getattr(edits, fix.edit)(level(document, path), **fix.arguments))
    assert f"tower.{node}" not in problems(mended)


def test_a_setting_that_the_copy_shows_is_mended_at_the_copy() -> None:
    document = borders.show_knob(two_copies(), "tower", "mlp_projection", "width")
    document = edits.set_knob(document, "tower_2", "width_2", 24)
    told = problems(document)["nt_xent"]
    assert told.fix is not None
    found = fix_at(told.fix, flattened(document), document)
    assert found is not None
    path, fix = found
    assert path == ()
    mended = getattr(edits, fix.edit)(document, **fix.arguments)
    assert mended.nodes["tower_2"].knobs["width_2"] == 16
    assert analyse(mended, WORDS).is_runnable


def test_a_remedy_across_a_border_is_not_offered() -> None:
    document = two_copies()
    document, sentence = edits.add_node(document, "transforms.tokenizer", 0, 0)
    document = edits.connect(document, End(node="emoji", port="sentence"), End(node=sentence, port="sentence"))
    document = edits.connect(document, End(node=sentence, port="text"), End(node="tower", port="image"))
    told = problems(document)["tower.vit"]
    assert told.port == "image"
    assert told.fix is None


def test_a_sweep_turns_what_a_copy_shows() -> None:
    document = replace(two_copies(), sweep=Sweep(axes=(Axis(path="tower_2.width", values=(8, 32)),)))
    assert analyse(document, WORDS).problems == ()
    broken = replace(document, sweep=Sweep(axes=(Axis(path="tower_2.height", values=(8,)),)))
    assert any("height" in problem.what for problem in analyse(broken, WORDS).problems)


def test_a_source_inside_is_a_source_by_its_path() -> None:
    document, copy = group(tiny_clip(), ["emoji", "augment", "tokenizer"], WORDS, "Data")
    assert source_nodes(document) == [f"{copy}.emoji"]
    assert giving_sources(document, WORDS) == (f"{copy}.emoji",)
    plan = compile(document)
    assert plan.sources == (f"{copy}.emoji",)
    assert titles_of(document)[f"{copy}.emoji"].startswith("Data › ")
