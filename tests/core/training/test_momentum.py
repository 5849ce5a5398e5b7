"""A queue in a run: its keys come from the slowly following copy, caching stays exact, resuming stays bitwise."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from core.graph import edits
from core.graph.document import Document, End
from core.training.gradients import cached, plain
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.core.training.test_gradients import gradients
from tests.documents import tiny_clip


def with_negatives(document: Document, *chain: tuple[str, dict[str, object]]) -> Document:
    """A row of choices before the objective."""
    before = None
    for block, knobs in chain:
        document, node = edits.add_node(document, block, 0.0, 0.0, knobs)
        for side, projection in (("left", "projection"), ("right", "projection_2")):
            document = edits.connect(document, End(node=projection, port="embedding"), End(node=node, port=side))
        if block == "negatives.levels":
            document = edits.connect(document, End(node="emoji", port="classes"), End(node=node, port="classes"))
        if before:
            document = edits.connect(document, before, End(node=node, port="negatives"))
        before = End(node=node, port="negatives")
    assert before is not None
    return edits.connect(document, before, End(node="info_nce", port="negatives"))


QUEUE = ("negatives.queue", {"size": 50, "momentum": 0.9})


def test_the_copy_is_the_average_in_closed_form_and_makes_the_keys() -> None:
    run = trainer(with_negatives(tiny_clip(steps=4, dropout=0.0), QUEUE))
    name = "nodes.n_projection.linear.weight"
    history = [dict(run.experiment.named_parameters())[name].detach().clone()]
    run.tell("began")
    for _ in range(4):
        run._step()
        history.append(dict(run.experiment.named_parameters())[name].detach().clone())
    run.feed.close()
    expected = 0.9**4 * history[0] + 0.1 * sum(0.9 ** (4 - n) * history[n] for n in range(1, 5))
    twin = run.experiment.twins["queue"]
    copied = twin.copies[twin._order.index("projection")].linear.weight
    torch.testing.assert_close(copied, expected, atol=1e-6, rtol=1e-5)
    queue = run.experiment.node("queue")
    left, right = twin.sides(run.batch)
    assert int(queue.filled) == 64
    newest = [(48 + n) % 50 for n in range(16)]
    torch.testing.assert_close(queue.left_KD[newest], left)
    torch.testing.assert_close(queue.right_KD[newest], right)
    assert not any(p.requires_grad for p in twin.parameters())


@pytest.mark.parametrize("chunk", [5, 16])
def test_caching_with_chosen_negatives_is_the_whole_batch(chunk: int) -> None:
    document = tiny_clip(batch_size=16, dropout=0.0)
    document = edits.change_node(document, "vit", knobs={**document.nodes["vit"].knobs, "patch_dropout": 0.0})
    document = with_negatives(document, ("negatives.levels", {"near": 2.0}), ("negatives.hardest", {"count": 6}))
    whole, parts = gradients(trainer(document), plain), gradients(trainer(document), partial(cached, chunk=chunk))
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_run_with_a_queue_resumes_bitwise(momentum: float, tmp_path: Path) -> None:
    chain = (("negatives.queue", {"size": 50, "momentum": momentum}), ("negatives.mix", {"schedule": "thirds"}))
    document = with_negatives(tiny_clip(steps=6), *chain)
    whole = trainer(document)
    assert whole.train() == "finished"
    part = trainer(document)
    part.tell("began")
    for _ in range(3):
        part._step()
    part.feed.close()
    state = checkpoint(part, tmp_path)
    later = resumed(document, tmp_path, state)
    later.train()
    assert same(weights(whole), weights(later))


def test_evaluation_and_attention_leave_the_queue_alone() -> None:
    document = with_negatives(
        tiny_clip(steps=3, callbacks={"evaluation": {"every": 1}}, diagnostics={"attention": {"every": 1}}), QUEUE
    )
    run = trainer(document)
    assert run.train() == "finished"
    assert int(run.experiment.node("queue").filled) == 48
