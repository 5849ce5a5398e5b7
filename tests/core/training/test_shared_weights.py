"""Training one tower in two places: gradients are the sum of two copies', state is kept once, everything around it counts it once."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._inductor import config as inductor

from core.compiler.answers.questions import questions_of
from core.compiler.compile import compile
from core.compiler.describe import vocabulary
from core.graph import edits
from core.graph.document import Document, End
from core.graph.recipe import Rule
from core.inference.export import export_model, export_tower, opened
from core.telemetry.events import AttentionMap, Histogram, Scalars
from core.training.callbacks.grad_norm import shared_parameters
from core.training.gradients import accumulated, cached, plain
from core.training.trainer import Trainer
from tests.core.compiler.test_shared_weights import apart
from tests.core.training.running import checkpoint, resumed, same, trainer, weights
from tests.core.training.test_gradients import double, gradients
from tests.documents import Drawing, siamese

OTHERS = {"n_vit_2": "n_vit", "n_mlp_projection_2": "n_mlp_projection"}


def two_copies(document: Document) -> Trainer:
    """The same drawing with weights for every place, which begin as those of the shared tower."""
    run, shared = trainer(apart(document)), trainer(document)
    given = shared.experiment.state_dict()
    run.experiment.load_state_dict({name: given[_shared(name)] for name in run.experiment.state_dict()})
    return run


def _shared(name: str) -> str:
    for own, owner in OTHERS.items():
        name = name.replace(f"nodes.{own}.", f"nodes.{owner}.")
    return name


def test_a_gradient_is_the_sum_of_two_copies() -> None:
    one, two = gradients(double(trainer(siamese())), plain), gradients(double(two_copies(siamese())), plain)
    assert len(two) > len(one)
    sums: dict[str, torch.Tensor] = {}
    for name, gradient in two.items():
        sums[_shared(name)] = sums.get(_shared(name), torch.zeros_like(gradient)) + gradient
    assert sums.keys() == one.keys()
    for name in one:
        torch.testing.assert_close(one[name], sums[name], atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("chunk", [5, 16])
def test_cached_gradients_embed_both_places_again(chunk: int) -> None:
    whole = gradients(double(trainer(siamese())), plain)
    parts = gradients(double(trainer(siamese())), partial(cached, chunk=chunk))
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-12, rtol=1e-10)
    mean = gradients(double(trainer(siamese())), partial(accumulated, chunks=2))
    assert mean.keys() == whole.keys()


def test_recomputed_layers_give_the_same_gradient() -> None:
    run = double(trainer(siamese(callbacks={"gradient_checkpointing": {"nodes": "vit_2"}})))
    run.tell("began")
    again, whole = gradients(run, plain), gradients(double(trainer(siamese())), plain)
    for name in whole:
        torch.testing.assert_close(again[name], whole[name], atol=1e-12, rtol=1e-10)


def test_a_run_resumed_anywhere_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    document = siamese(steps=6, dropout=0.2, callbacks={"ema": {}, "clipping": {}})
    whole = trainer(document)
    whole.train()
    first = trainer(document)
    first.tell("began")
    for _ in range(3):
        first._step()
    first.feed.close()
    state = checkpoint(first, tmp_path)
    assert not any("vit_2" in name for name in weights(first))
    again = resumed(document, tmp_path, state)
    again.train()
    assert same(weights(whole), weights(again))
    kept = [run.callback("ema").average for run in (whole, again)]
    assert same(*kept)
    assert not any("vit_2" in name for name in kept[0])


def test_groups_rates_and_decay_hold_the_weights_once() -> None:
    run = trainer(siamese(steps=2, rules={"vit": Rule(learning_rate=0.5, weight_decay=0.25)}))
    held = [id(p) for group in run.groups.optimizer.param_groups for p in group["params"]]
    assert len(held) == len(set(held)) == len(list(run.experiment.parameters()))
    rates = run.groups.set_rates(0, 0)
    assert set(rates) == {"vit", "mlp_projection", "nt_xent"}
    assert rates["vit"] / rates["mlp_projection"] == pytest.approx(500)
    assert run.groups.override("vit_2", 0.1, 0) == {"vit": (0.5, 0.1)}


def test_freezing_the_owner_freezes_both_places_and_their_features_are_kept() -> None:
    plain_views = edits.remove_nodes(siamese(), ["augment", "augment_2"], _words())
    document = edits.set_recipe(
        plain_views, steps=8, batch_size=400, rules={"vit": Rule(frozen=True)}, callbacks={"frozen_cache": {}}
    )
    run = trainer(document)
    before = weights(run)
    run.train()
    after = weights(run)
    assert all(torch.equal(before[name], after[name]) for name in before if "n_vit." in name)
    assert any(not torch.equal(before[name], after[name]) for name in before if "n_mlp_projection." in name)
    ends = run.callback("frozen_cache").ends
    assert ends == {"emoji": (End(node="pool", port="embedding"), End(node="pool_2", port="embedding"))}
    without = trainer(edits.set_recipe(document, callbacks={}))
    without.train()
    losses = [[value for _, value in one.listener.scalars("loss")] for one in (run, without)]  # type: ignore[attr-defined]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def _words() -> Any:
    return vocabulary()


def queued() -> Document:
    """The shared tower before InfoNCE with a queue, whose keys a slowly following copy makes."""
    draw = Drawing()
    draw.document = edits.remove_nodes(siamese(steps=4), ["nt_xent"], _words())
    draw.add("negatives.queue", size=50, momentum=0.9)
    draw.add("objectives.info_nce")
    for side, head in (("left", "mlp_projection"), ("right", "mlp_projection_2")):
        draw.wire(f"{head}.embedding", f"queue.{side}")
        draw.wire(f"{head}.embedding", f"info_nce.{side}")
    draw.wire("queue.negatives", "info_nce.negatives")
    return draw.document


def test_a_queue_copies_shared_weights_once() -> None:
    run = trainer(queued())
    name = "nodes.n_vit.cut.weight"
    history = [dict(run.experiment.named_parameters())[name].detach().clone()]
    run.tell("began")
    for _ in range(3):
        run._step()
        history.append(dict(run.experiment.named_parameters())[name].detach().clone())
    run.feed.close()
    twin: Any = run.experiment.twins["queue"]
    assert len(twin.copies) == 4  # a tower, a head, and two poolings without weights
    expected = 0.9**3 * history[0] + 0.1 * sum(0.9 ** (3 - n) * history[n] for n in range(1, 4))
    copied = twin.copies[0].cut.weight
    torch.testing.assert_close(copied, expected, atol=1e-6, rtol=1e-5)
    assert int(run.experiment.node("queue").filled) == 48
    left, right = twin.sides(run.batch)
    assert left.shape == right.shape == (16, 16)
    assert not torch.equal(left, right)


def test_what_is_watched_is_named_by_place_and_norms_by_weights() -> None:
    diagnostics = {"attention": {"every": 1, "samples": 4}, "gradients": {"every": 1}}
    run = trainer(siamese(steps=2, diagnostics=diagnostics))
    run.train()
    said: Any = run.listener
    maps = {event.series for event in said.of(AttentionMap)}
    assert {"attention/vit/0", "attention/vit_2/0"} <= maps
    named = {name for event in said.of(Scalars) for name in event.values}
    assert "gradient/vit" in named
    assert "gradient/vit_2" not in named
    assert "rate/vit_2" not in named


def test_experts_are_told_by_place() -> None:
    draw = Drawing()
    draw.document = siamese(steps=1, diagnostics={"experts": {"every": 1}})
    for place in ("", "_2"):
        draw.add("experts.mixture", experts=4)
        draw.wire(f"vit{place}.tokens", f"mixture{place}.tokens")
        draw.wire(f"mixture{place}.tokens", f"pool{place}.tokens")
    run = trainer(edits.share_weights(draw.document, "mixture_2", "mixture"))
    run.train()
    said: Any = run.listener
    counts = {event.series: event.counts.tolist() for event in said.of(Histogram) if "experts" in event.series}
    assert set(counts) == {"experts/mixture/image", "experts/mixture_2/image"}
    assert sum(counts["experts/mixture/image"]) == sum(counts["experts/mixture_2/image"])
    assert counts["experts/mixture/image"] != counts["experts/mixture_2/image"]


def test_one_balance_for_objectives_that_reach_different_places() -> None:
    """GradNorm's shared part is found through weights, not through places."""
    draw = Drawing()
    draw.document = siamese()
    for side in ("", "_2"):
        draw.add("objectives.info_nce")
        draw.wire(f"mlp_projection{side}.embedding", f"info_nce{side}.left")
        draw.wire(f"mlp_projection{side}.embedding", f"info_nce{side}.right")
    run = trainer(edits.remove_nodes(draw.document, ["nt_xent"], _words()))
    run._enter_stage()
    assert len(shared_parameters(run)) == len(list(run.experiment.node("vit").parameters())) + len(
        list(run.experiment.node("mlp_projection").parameters())
    )


@pytest.mark.filterwarnings("ignore")  # what the exporter warns itself of
def test_exports_hold_the_weights_once(tmp_path: Path) -> None:
    document = siamese(steps=1)
    run = trainer(document)
    run.train()
    state = checkpoint(run, tmp_path / "step")
    (tmp_path / "step" / "state.json").write_text(json.dumps(state))
    experiment, data = opened(tmp_path / "step", document)
    feed = data["emoji"]
    batch = feed.fixed_examples(3)
    feed.close()
    made = torch.export.load(export_model(tmp_path / "step", tmp_path / "towers.pt2", document))
    inputs = [batch[end] for end in experiment.plan.tasks[0].carried]
    sides = made.module()(*inputs)
    with torch.no_grad():
        values = experiment.run(batch, ["mlp_projection", "mlp_projection_2"])
    for side, key in zip(sides, ("mlp_projection", "mlp_projection_2")):
        torch.testing.assert_close(side, values[End(node=key, port="embedding")], atol=1e-5, rtol=1e-4)
    assert sum(p.numel() for p in made.state_dict.values()) == sum(p.numel() for p in experiment.state_dict().values())
    pytest.importorskip("transformers")
    assert export_tower(tmp_path / "step", "vit_2", tmp_path / "folder", document) == "ViTModel"


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # what the exporter warns itself of
def test_onnx_holds_the_weights_once_and_answers_at_both_places(tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    document = siamese(steps=1)
    run = trainer(document)
    run.train()
    (tmp_path / "step").mkdir()
    (tmp_path / "step" / "state.json").write_text(json.dumps(checkpoint(run, tmp_path / "step")))
    path = export_model(tmp_path / "step", tmp_path / "towers.onnx", document)
    cut = run.experiment.node("vit").cut.weight
    held = [list(part.dims) for part in onnx.load(str(path)).graph.initializer]
    assert held.count(list(cut.shape)) == 1
    experiment, data = opened(tmp_path / "step", document)
    feed = data["emoji"]
    batch = feed.fixed_examples(3)
    feed.close()
    given = {f"{end.node}.{end.port}": batch[end].numpy() for end in experiment.plan.tasks[0].carried}
    sides = runtime.InferenceSession(str(path)).run(None, given)
    with torch.no_grad():
        values = experiment.run(batch, ["mlp_projection", "mlp_projection_2"])
    for side, key in zip(sides, ("mlp_projection", "mlp_projection_2")):
        torch.testing.assert_close(
            torch.from_numpy(side), values[End(node=key, port="embedding")], atol=1e-4, rtol=1e-4
        )


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # what the compiler warns itself of
def test_a_compiled_tower_is_one_at_both_places() -> None:
    if shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler")
    runs = [trainer(siamese(steps=3, dropout=0.2, callbacks=callbacks)) for callbacks in ({}, {"compilation": {}})]
    with inductor.patch(compile_threads=1):  # no thread is left behind
        for run in runs:
            run.train()
    losses = [[value for _, value in run.listener.scalars("loss")] for run in runs]  # type: ignore[attr-defined]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_a_trained_siamese_tower_is_asked_with_an_image() -> None:
    found = questions_of(compile(siamese()))
    assert list(found) == [frozenset({"picture"})]
    assert found[frozenset({"picture"})].finds == "pictures"
