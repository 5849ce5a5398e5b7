"""One module at several places: counted once, run at each, refused where it does not fit; the script calls it twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils import _pytree as pytree

from core.blocks.block import Objective
from core.blocks.values import main_tensor
from core.compiler.compile import analyse, compile
from core.compiler.contract.checks import as_trained
from core.compiler.module import Experiment
from core.compiler.script import script
from core.graph import edits
from core.graph.document import Document, End, Node
from core.graph.recipe import Rule
from core.knobs import configure
from core.problems import Refused
from tests.core.compiler.test_script import losses, told
from tests.core.test_every_block import KEYS, build, small_published
from tests.documents import Drawing, siamese


@pytest.fixture(autouse=True)
def _small_published(monkeypatch: pytest.MonkeyPatch) -> None:
    small_published(monkeypatch)


def apart(document: Document) -> Document:
    """The same drawing with weights for every place."""
    for key in document.nodes:
        document = edits.own_weights(document, key)
    return document


def test_weights_count_once_and_work_at_both_places() -> None:
    whole, two = analyse(siamese()), analyse(apart(siamese()))
    assert whole.is_runnable
    assert 2 * whole.parameters == two.parameters + 1  # the temperature stands once in both
    assert whole.flops == two.flops
    assert whole.mebibytes < two.mebibytes
    assert (whole.nodes["vit"].weights_of, whole.nodes["vit_2"].weights_of) == ("", "vit")
    assert whole.nodes["vit_2"].parameters == 0
    assert whole.nodes["vit_2"].flops == whole.nodes["vit"].flops
    assert whole.nodes["vit_2"].outputs == whole.nodes["vit"].outputs


def test_one_module_registered_once() -> None:
    plan = compile(siamese())
    experiment = Experiment(plan)
    assert plan.owners == ("vit", "pool", "pool_2", "mlp_projection", "nt_xent")
    assert experiment.node("vit_2") is experiment.node("vit")
    assert not any("vit_2" in name for name in experiment.state_dict())
    assert sum(p.numel() for p in experiment.parameters()) == plan.analysis.parameters


def test_an_owner_that_is_disabled_keeps_its_name() -> None:
    """Muting the first view's chain leaves the weights where they were: a checkpoint of one fits the other."""
    draw = Drawing()
    draw.document = edits.set_recipe(siamese(), callbacks={})
    draw.add("connectors.projection", width=16)
    draw.wire("vit_2.tokens", "pool_2.tokens")
    draw.wire("pool_2.embedding", "projection.embedding")
    draw.wire("projection.embedding", "nt_xent.left")
    document = edits.change_node(draw.document, "vit", muted=True)
    plan = compile(document)
    assert "vit" not in plan.batch_nodes
    names = Experiment(plan).state_dict()
    assert any("n_vit." in name for name in names)
    assert plan.analysis.nodes["vit_2"].parameters == compile(siamese()).analysis.nodes["vit"].parameters


def test_a_width_that_does_not_fit_is_a_problem_with_a_remedy() -> None:
    draw = Drawing()
    draw.document = siamese()
    draw.add("connectors.projection", width=40)
    draw.wire("pool_2.embedding", "projection.embedding")
    draw.wire("projection.embedding", "mlp_projection_2.embedding")
    (problem,) = [p for p in analyse(draw.document).problems if p.severity == "error"]
    assert problem.node == "mlp_projection_2"
    assert "same weights as MLP projection" in problem.what
    assert problem.fix is not None
    mended = getattr(edits, problem.fix.edit)(draw.document, **problem.fix.arguments)
    assert analyse(mended).is_runnable


def test_other_words_are_a_problem_though_the_shapes_fit() -> None:
    draw = Drawing()
    draw.add("sources.emoji", image_size=16, second_artist="none")
    for number, words in (("", 300), ("_2", 500)):
        draw.add("transforms.tokenizer", vocabulary=words, length=8)
        draw.add("encoders.text_transformer", width=16, depth=1, heads=2)
        draw.wire("emoji.sentence", f"tokenizer{number}.sentence")
        draw.wire(f"tokenizer{number}.text", f"text_transformer{number}.text")
    document = edits.share_weights(draw.document, "text_transformer_2", "text_transformer")
    assert "vocabulary of 500; the weights are made for 300" in " ".join(p.what for p in analyse(document).problems)


def test_sequences_may_differ_in_length_where_the_module_allows() -> None:
    draw = Drawing()
    draw.add("sources.emoji", image_size=16, second_artist="none")
    for number, length in (("", 12), ("_2", 8)):
        draw.add("transforms.tokenizer", vocabulary=300, length=length)
        draw.add("encoders.text_transformer", width=16, depth=1, heads=2)
        draw.wire("emoji.sentence", f"tokenizer{number}.sentence")
        draw.wire(f"tokenizer{number}.text", f"text_transformer{number}.text")
    document = edits.share_weights(draw.document, "text_transformer_2", "text_transformer")
    found = analyse(document).nodes
    assert found["text_transformer"].outputs["tokens"].concrete == "B 12 16"
    assert found["text_transformer_2"].outputs["tokens"].concrete == "B 8 16"


def test_a_document_with_a_chain_is_refused_with_a_remedy() -> None:
    document = siamese()
    chained = {**document.nodes, "vit": Node(id="vit", block="encoders.vit", same_as="vit_2")}
    with pytest.raises(Refused, match="another block itself"):
        compile(replace(document, nodes=chained))


def test_memory_of_a_place_follows_recomputation_named_at_either() -> None:
    plain = analyse(siamese(batch_size=64)).nodes["vit"].activation_mebibytes
    for name in ("vit", "vit_2"):
        named = analyse(siamese(batch_size=64, callbacks={"gradient_checkpointing": {"nodes": name}})).nodes
        assert named["vit"].activation_mebibytes == named["vit_2"].activation_mebibytes < plain


def test_the_script_has_one_module_and_calls_it_twice(tmp_path: Path) -> None:
    document = siamese(steps=4, rules={"vit": Rule(learning_rate=1e-4)})
    text = script(compile(document))
    assert text.count("self.vit = ") == 1
    assert text.count("self.vit(") == 4  # both places, once for the sizes and once in forward
    assert "self.vit_2" not in text
    assert told(document, tmp_path) == pytest.approx(losses(document), abs=2e-5)


@pytest.mark.parametrize("key", KEYS)
def test_every_block_at_two_places_learns_at_both(key: str) -> None:
    """One module called twice: its gradient is the sum of what two copies of it get, in float64 to 1e-12."""
    block, example = build(key)
    if not any(p.requires_grad for p in block.parameters()):
        pytest.skip("it has no weights")
    torch.manual_seed(3)
    other = type(block)(configure(type(block).Config, type(block).tiny()), example)
    other.load_state_dict(block.state_dict())
    block, other = block.double().train(), other.double().train()
    torch.manual_seed(4)
    _total(block, example, 5).backward()
    _total(block, example, 6).backward()
    twin = type(block)(configure(type(block).Config, type(block).tiny()), example)
    twin.load_state_dict({name: value.float() for name, value in other.state_dict().items()})
    twin = twin.double().train()
    _total(other, example, 5).backward()
    _total(twin, example, 6).backward()
    for (name, one), two, three in zip(block.named_parameters(), other.parameters(), twin.parameters()):
        if one.requires_grad:
            assert one.grad is not None, name
            torch.testing.assert_close(one.grad, two.grad + three.grad, atol=1e-12, rtol=1e-10)


def _total(block: torch.nn.Module, example: dict[str, object], seed: int) -> torch.Tensor:
    wide = pytree.tree_map(
        lambda x: x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x, dict(example)
    )
    torch.manual_seed(seed)
    incoming = {name: as_trained(value) for name, value in wide.items()}
    made = block(**incoming)
    total = torch.stack([main_tensor(value).double().pow(2).sum() for value in made.values()]).sum()
    return total + block.opposing(**incoming) if isinstance(block, Objective) and block.opposed else total  # type: ignore[operator]


def test_both_ends_of_a_shared_block_are_made() -> None:
    experiment = Experiment(compile(siamese(batch_size=4))).eval()
    image = torch.rand(4, 3, 16, 16)
    batch = {End(node="augment", port="image"): image, End(node="augment_2", port="image"): image}
    values = experiment.run(batch)
    one, other = (values[End(node=key, port="embedding")] for key in ("mlp_projection", "mlp_projection_2"))
    assert torch.equal(one, other)
