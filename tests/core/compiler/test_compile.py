"""Compiling: shapes are the real ones, mute and bypass are carried out, every Problem is a sentence with a place."""

from __future__ import annotations

import pytest
import torch

from core.blocks.values import main_tensor
from core.compiler.compile import analyse, compile
from core.compiler.feed import feeds, sample_graphs
from core.compiler.module import Experiment
from core.compiler.shapes import concrete
from core.graph import edits
from core.graph.document import Document, End
from core.graph.recipe import Rule
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from core.telemetry.diagnostics.memory import saved_bytes
from tests.documents import Drawing, tiny_clip


def whats(document: Document) -> str:
    return " ".join(problem.sentence() for problem in analyse(document).problems)


def test_analysis_equals_the_real_run() -> None:
    document = tiny_clip(batch_size=8)
    plan = compile(document)
    graph = sample_graphs(plan)
    graph.prepare()
    feed = feeds(plan, graph, torch.device("cpu"))["emoji"]
    experiment = Experiment(plan).train()
    batch, _ = feed.next(0, 0)
    feed.close()
    values = experiment.run(batch)
    for end, value in values.items():
        assert plan.analysis.nodes[end.node].outputs[end.port].concrete == concrete(value), str(end)
    for key in plan.batch_nodes:
        count = sum(p.numel() for p in experiment.node(key).parameters())
        assert plan.analysis.nodes[key].parameters == count


def test_flops_of_a_linear_map_and_of_attention() -> None:
    document = tiny_clip(batch_size=8)
    facts = analyse(document).nodes
    assert facts["projection"].flops == 2 * 24 * 16  # a multiply-add is two
    vit = document.nodes["vit"].knobs
    depth, width, tokens = vit["depth"], vit["width"], 13  # CLS and 12 of 16 patches
    layer = tokens * width * width * (2 * 4 + 2 * 8) + 4 * tokens * tokens * width
    cut = 2 * 16 * 48 * width
    assert facts["vit"].flops == depth * layer + cut


def test_activation_bytes_match_what_autograd_saves() -> None:
    plan = compile(tiny_clip(batch_size=8))
    module, embedding = Experiment(plan).train().node("projection"), torch.randn(8, 24)
    kept = 8 * 24 * 4 + 8 * 16 * 4 + 8 * 4 * 2  # what the map saw, what was normalised, two lengths: not the weights
    assert saved_bytes(module, {"embedding": embedding}) == pytest.approx(kept, rel=0.02)
    assert plan.analysis.nodes["projection"].activation_mebibytes * 2**20 == saved_bytes(
        module, {"embedding": embedding}
    )


def test_frozen_and_trained_show_on_nodes_and_wires() -> None:
    document = edits.set_rule(tiny_clip(), "vit", frozen=True)
    facts = analyse(document).nodes
    assert facts["vit"].frozen
    assert facts["vit"].trained_parameters == 0
    assert not facts["vit"].outputs["tokens"].trained
    assert facts["projection"].outputs["embedding"].trained


@pytest.mark.parametrize("adapter", ["none", "LoRA", "bottleneck", "prefix tuning", "frozen"])
def test_beside_an_adapter_only_what_learns_is_counted(adapter: str) -> None:
    """What the analysis counts as trained is what an optimiser of the real module would move."""
    drawn = Drawing()
    drawn.add("sources.emoji", image_size=16)
    drawn.add("transforms.tokenizer", vocabulary=300, length=8)
    knobs = {"width": 16, "depth": 1, "heads": 2, "adapter": adapter, "adapter_start": 0.5}
    says = drawn.add("generators.language_decoder", **knobs)
    drawn.add("objectives.next_word")
    for source, target in (
        ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", f"{says}.text"), (f"{says}.logits", "next_word.logits"),
        ("tokenizer.text", "next_word.text"),
    ):  # fmt: skip
        drawn.wire(source, target)
    plan = compile(drawn.document)
    node = Experiment(plan).node(says)
    facts = plan.analysis.nodes[says]
    assert facts.trained_parameters == sum(p.numel() for p in node.parameters() if p.requires_grad)
    assert (facts.trained_parameters == facts.parameters) == (adapter == "none")


def test_a_muted_block_takes_what_hangs_on_it_along() -> None:
    document = edits.change_node(tiny_clip(), "tokenizer", muted=True)
    assert "InfoNCE is left out" in whats(document)
    assert "text_transformer" not in analyse(document).nodes


def test_a_bypassed_block_passes_its_input_through() -> None:
    document = edits.change_node(tiny_clip(), "augment", bypassed=True)
    plan = compile(document)
    assert plan.inputs["vit"]["image"] == End(node="emoji", port="image")
    assert "augment" not in plan.sample_nodes


@pytest.mark.parametrize(
    ("disabled", "passes"), [("", "projection"), ("text_transformer", "projection"), ("vit", "projection_2")]
)
def test_of_two_vectors_bypassed_into_one_the_other_passes_where_the_first_is_disabled(
    disabled: str, passes: str
) -> None:
    """So a sweep can put two encoders before one objective, a configuration each."""
    draw = Drawing()
    draw.document = tiny_clip()
    draw.add("fusion.concat")
    draw.add("objectives.classification")
    for source, target in (
        ("projection.embedding", "concat.left"), ("projection_2.embedding", "concat.right"),
        ("concat.embedding", "classification.embedding"), ("emoji.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    document = edits.change_node(draw.document, "concat", bypassed=True)
    if disabled:
        document = edits.change_node(document, disabled, muted=True)
    inputs = compile(document).inputs
    assert inputs["classification"]["embedding"] == End(node=passes, port="embedding")


def test_bypassed_sides_stay_on_their_sides() -> None:
    words = declared_vocabulary()
    assert words.spec("fusion.early").ways_through() == [("left", "left"), ("right", "right")]
    assert words.spec("fusion.progressive").ways_through() == [("left", "left"), ("right", "right")]
    assert words.spec("fusion.cross_attention").ways_through() == [("tokens", "tokens")]
    assert words.spec("connectors.compress").ways_through() == [("tokens", "tokens")]
    assert words.spec("transforms.augment").ways_through() == [("image", "image")]


def test_a_loss_beside_the_tokens_is_not_their_modality() -> None:
    words = declared_vocabulary()
    assert words.spec("connectors.compress").modality == "any"
    assert words.spec("objectives.extra_loss").modality == "loss"


def test_repeat_is_n_copies_with_weights_of_their_own() -> None:
    draw = Drawing()
    document = edits.change_node(tiny_clip(), "projection", repeat=3)
    plan = compile(document)
    node = Experiment(plan).node("projection")
    assert len(list(node.parameters())) == 3
    assert plan.analysis.nodes["projection"].detail.endswith("×3")
    assert draw.document.nodes == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: Document(), "canvas is empty"),
        (lambda d: edits.disconnect(d, [d.wires[0].key]), "needs something at 'image'"),
        (lambda d: edits.set_knob(d, "vit", "heads", 7), "Heads (7) must divide the width (24)"),
        (lambda d: edits.set_knob(d, "vit", "patch_size", 5), "Patch size 5 does not divide"),
        (lambda d: edits.set_knob(d, "projection", "width", 24), "left D is 24, right D is 16"),
        (lambda d: edits.set_knob(d, "vit", "depht", 2), "Did you mean depth"),
        (lambda d: edits.set_knob(d, "vit", "depth", 1000), "must lie between 0 and 64"),
        (lambda d: edits.add_node(d, "encoders.from_2030", 0, 0)[0], "no block called 'encoders.from_2030'"),
        (lambda d: edits.add_node(d, "sources.emoji", 0, 0)[0], "feeds no objective"),
        (lambda d: edits.set_recipe(d, batch_size=2), "almost nothing to compare"),
        (lambda d: edits.set_recipe(d, rules={n: Rule(frozen=True) for n in d.nodes}), "Nothing learns"),
    ],
)  # fmt: skip
def test_problems_are_sentences(change: object, sentence: str) -> None:
    assert sentence in whats(change(tiny_clip()))  # type: ignore[operator]


def test_a_fix_that_is_clicked_removes_its_problem() -> None:
    document = edits.set_recipe(tiny_clip(), batch_size=2)
    problem = next(p for p in analyse(document).problems if p.fix)
    assert problem.fix
    fixed = getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)
    assert problem.what not in whats(fixed)


def test_compile_raises_every_error_at_once() -> None:
    document = edits.set_knob(edits.set_knob(tiny_clip(), "vit", "heads", 7), "text_transformer", "heads", 5)
    with pytest.raises(Refused) as caught:
        compile(document)
    assert {problem.node for problem in caught.value.problems} >= {"vit", "text_transformer"}


def test_a_monster_is_refused_before_it_takes_memory() -> None:
    document = edits.set_knob(tiny_clip(), "vit", "width", 4096)
    document = edits.set_knob(document, "vit", "heads", 64)
    assert analyse(document).nodes["vit"].parameters > 200_000_000  # counted on meta, nothing allocated


def test_weights_depend_on_the_node_not_on_the_drawing() -> None:
    one = Experiment(compile(tiny_clip()), seed=3)
    document, _ = edits.add_node(tiny_clip(), "connectors.pool", 0, 0)
    document = edits.connect(document, End(node="vit", port="tokens"), End(node="pool_3", port="tokens"))
    two = Experiment(compile(document), seed=3)
    for a, b in zip(one.node("vit").parameters(), two.node("vit").parameters()):
        assert torch.equal(a, b)
    assert main_tensor(next(one.parameters())) is not None
