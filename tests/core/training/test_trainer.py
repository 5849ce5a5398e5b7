"""Stages, freezing, control, callbacks: what each promises, measured."""

from __future__ import annotations

import gc
import math
import threading
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from core.blocks.catalog import blocks
from core.graph import edits
from core.graph.recipe import Rule, Stage
from core.problems import Refused
from core.telemetry.events import AttentionMap, Exhibit, Histogram, LogLine, Mark, Samples
from core.training.control import Control
from core.training.gradients import plain
from core.training.optimization import decaying
from tests.core.training.running import Said, same, trainer, weights
from tests.documents import tiny_clip


def test_same_seed_same_run_and_another_seed_another() -> None:
    runs = [trainer(edits.set_recipe(tiny_clip(steps=3), seed=seed)) for seed in (1, 1, 2)]
    for run in runs:
        run.train()
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


def test_frozen_parts_stay_bit_identical_and_in_eval_mode() -> None:
    stages = (Stage(name="heads", rules={"vit": Rule(frozen=True)}), Stage(name="joint"))
    run = trainer(tiny_clip(steps=6, stages=stages))
    before = {name: p.clone() for name, p in run.experiment.node("vit").state_dict().items()}
    other = {name: p.clone() for name, p in run.experiment.node("text_transformer").state_dict().items()}
    for _ in range(3):
        run._step()
        assert not run.experiment.node("vit").training
        assert run.experiment.node("text_transformer").training
    after = run.experiment.node("vit").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not all(torch.equal(other[n], p) for n, p in run.experiment.node("text_transformer").state_dict().items())
    run.train()
    assert run.experiment.node("vit").training
    assert not all(torch.equal(before[name], p) for name, p in run.experiment.node("vit").state_dict().items())
    marks = [event.text for event in run.listener if isinstance(event, Mark) and event.kind == "stage"]  # type: ignore[attr-defined]
    assert marks == ["heads", "joint"]


def test_a_rate_of_its_own_for_a_node() -> None:
    rules = {"vit": Rule(learning_rate=1e-5)}
    run = trainer(tiny_clip(steps=2, rules=rules, learning_rate=1e-3))
    run.train()
    said = run.listener
    assert isinstance(said, Said)
    for (_, own), (_, others) in zip(said.scalars("rate/vit"), said.scalars("rate/projection")):
        assert own / others == pytest.approx(0.01)


def test_biases_norms_and_temperature_do_not_decay() -> None:
    run = trainer(tiny_clip())
    run._step()
    run.feed.close()
    decayed = {id(p) for group in run.groups.optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    for name, parameter in run.experiment.named_parameters():
        is_matrix = parameter.ndim >= 2 and not any(w in name for w in ("position", "cls_", "query_11D", "embedding"))
        assert (id(parameter) in decayed) == is_matrix, name


STILL = (
    "bias",
    "norm",
    "grn",
    "embedding",
    "position",
    "places",
    "slots",
    "queries",
    "query_",
    "latent",
    "cls_",
    "type_",
    "mask_",
    "in_E1H",
    "out_E1D",
    "vectors",  # a language's
    "embed_tokens",
    "rel_attn_embed",
    "band_",
    "place_",
    "leading_",
    "shift_",
    "rel_pos_const",
    "parametrizations",  # a kernel that is normed: how long it is says nothing
)


@pytest.mark.parametrize("key", [key for key in blocks if key != "encoders.teacher" and "open_clip" not in key])
def test_what_decays_multiplies(key: str) -> None:
    """Over the catalogue: matrices and kernels decay; whatever is added, or stands as a token, does not."""
    cls = blocks[key]
    module = cls(cls.Config(**cls.tiny()), cls.example())
    decays = decaying(module)
    for name, parameter in module.named_parameters():
        kernel = "convolution" in name or "patch_embedding" in name
        added = parameter.ndim < 2 or (any(word in name for word in STILL) and not kernel)
        assert (name in decays) != added, name


def test_stop_ends_at_the_next_step_and_pause_waits() -> None:
    control = Control()
    run = trainer(tiny_clip(steps=100_000), control=control)
    control.pause()
    thread = threading.Thread(target=run.train)
    thread.start()
    control.set_rate("", 0.5)
    control.resume()
    control.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert run.status == "stopped"
    assert run.position.step < 100


def test_a_rate_for_all_is_for_all_and_old_and_new_are_told() -> None:
    control = Control()
    run = trainer(tiny_clip(steps=3), control=control)
    control.set_rate("vit", 0.5)
    control.set_rate("", 0.25)  # asked for later: it holds for the block above, too
    control.set_rate("text_transformer", 0.125)
    run.train()
    notes = [mark for mark in run.listener.of(Mark) if mark.kind == "note"]  # type: ignore[attr-defined]
    assert [mark.text for mark in notes] == [
        "learning rate of vit: 0.001 → 0.5", "learning rate: 0.001 to 0.5 → 0.25",
        "learning rate of text_transformer: 0.25 → 0.125",
    ]  # fmt: skip
    assert notes[1].data["old"]["vit"] == 0.5
    bases = run.groups.bases(0)
    assert (bases["vit"], bases["text_transformer"]) == (0.25, 0.125)
    now, end = run.groups.factors(1)
    lines = [line.text for line in run.listener.of(LogLine)]  # type: ignore[attr-defined]
    assert f"{notes[0].text}. The schedule multiplies it by {now:.3g} now and by {end:.3g} at the end." in lines


def test_a_rate_changed_by_hand_holds() -> None:
    control = Control()
    run = trainer(
        tiny_clip(steps=4, schedule=replace(tiny_clip().recipe.schedule, key="constant", knobs={"warm_up": 0.0})),
        control=control,
    )
    control.set_rate("vit", 0.123)
    run.train()
    rates = run.listener.scalars("rate/vit")  # type: ignore[attr-defined]
    assert rates[0][1] == pytest.approx(1e-3)
    assert [value for _, value in rates[1:]] == pytest.approx([0.123] * 3)


def test_a_loss_that_is_not_a_number_stops_before_the_optimiser() -> None:
    run = trainer(tiny_clip(steps=5, callbacks={"watchdog": {}}))
    run._step()
    before = weights(run)

    def spoiled(trainer: object) -> dict[str, torch.Tensor]:
        losses = plain(run)
        return {key: loss * math.nan for key, loss in losses.items()}

    run.gradient = spoiled
    assert run.train() == "diverged"
    assert run.position.step == 1
    assert same(weights(run), before)
    assert "Samples in the batch" in run.reason


@pytest.mark.parametrize("per", ["all", "block", "modality"])
def test_clipping_keeps_every_groups_norm_below_the_limit(per: str) -> None:
    limit = 0.01
    run = trainer(tiny_clip(steps=1, callbacks={"clipping": {"norm": limit, "per": per}}))
    norms: dict[str, float] = {}

    class After:
        order, key = 99, "after"

        def __getattr__(self, name: str) -> object:
            return lambda *_: None

        def gradient_ready(self, run: object) -> None:
            groups = clip._groups(run)  # type: ignore[attr-defined]
            norms.update({k: float(nn.utils.get_total_norm([p.grad for p in v])) for k, v in groups.items()})

    clip = run.callback("clipping")
    run.callbacks.append(After())  # type: ignore[arg-type]
    run.train()
    assert norms
    assert all(norm <= limit * 1.001 for norm in norms.values())
    assert len(norms) == {"all": 1, "block": 6, "modality": 3}[per]


def test_the_moving_average_has_its_closed_form() -> None:
    decay = 0.8
    run = trainer(tiny_clip(steps=4, callbacks={"ema": {"decay": decay}}))
    expected = weights(run)
    names = [name for name, _ in run.experiment.named_parameters()]
    for _ in range(4):
        run._step() if run.position.step else run.tell("began") or run._step()
        now = weights(run)
        expected = {name: decay * expected[name] + (1 - decay) * now[name] for name in names}
    run.feed.close()
    average = run.callback("ema").average  # type: ignore[union-attr]
    for name in names:
        torch.testing.assert_close(average[name], expected[name], atol=1e-6, rtol=1e-5)


def test_recomputing_activations_changes_nothing() -> None:
    runs = [
        trainer(tiny_clip(steps=3, dropout=0.2, callbacks=callbacks))
        for callbacks in ({}, {"gradient_checkpointing": {}})
    ]
    for run in runs:
        run.train()
    assert same(weights(runs[0]), weights(runs[1]))


def test_activations_are_recomputed_in_the_named_blocks_only() -> None:
    run = trainer(tiny_clip(steps=1, callbacks={"gradient_checkpointing": {"nodes": "vit"}}))
    run.train()
    stacks = {key: run.experiment.node(key).stack.recompute for key in ("vit", "text_transformer")}
    assert stacks == {"vit": True, "text_transformer": False}
    with pytest.raises(Refused, match="'vot', which is not in the run"):
        trainer(tiny_clip(steps=1, callbacks={"gradient_checkpointing": {"nodes": "vit, vot"}})).train()


def test_kept_frozen_features_change_nothing_but_rounding() -> None:
    rules = {name: Rule(frozen=True) for name in ("text_transformer",)}
    runs = [trainer(tiny_clip(steps=6, batch_size=400, rules=rules, callbacks=h)) for h in ({}, {"frozen_cache": {}})]
    for run in runs:
        run.train()
    assert runs[1].callback("frozen_cache").ends  # type: ignore[union-attr]
    for name, value in weights(runs[0]).items():
        torch.testing.assert_close(weights(runs[1])[name], value, atol=2e-4, rtol=1e-2)


def test_frozen_features_serve_the_next_run_of_the_very_same_blocks() -> None:
    """As in a sweep; with other weights, data or settings they are computed again."""
    rules = {"text_transformer": Rule(frozen=True)}

    def trained(**more: Any) -> Any:
        run = trainer(tiny_clip(steps=2, batch_size=400, rules=rules, callbacks={"frozen_cache": {}}, **more))
        run.train()
        return run

    first = trained()
    shelf = first.callback("frozen_cache")._kept["emoji"]
    assert shelf.values
    again = trained(learning_rate=0.5)
    assert again.callback("frozen_cache")._kept["emoji"] is shelf
    assert trained(seed=5).callback("frozen_cache")._kept["emoji"] is not shelf  # other random weights
    last = trained()
    assert last.callback("frozen_cache")._kept["emoji"] is not shelf  # only the newest run's lie about
    for name, value in weights(first).items():
        assert torch.equal(weights(last)[name], value)


def test_frozen_features_serve_another_seed_of_a_sweep_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pretrained tower has the same weights whatever the seed; a run alone leaves nothing that is too large."""
    monkeypatch.setattr("core.training.callbacks.frozen_cache.MOST_LEFT_BYTES", 1)
    rules = {"text_transformer": Rule(frozen=True)}

    def run_of(seed: int, start: Any = None, **control: Any) -> Any:
        document = tiny_clip(steps=2, batch_size=400, rules=rules, callbacks={"frozen_cache": {}}, seed=seed)
        run = trainer(document)
        run.control = Control(**control)
        if start is not None:
            run.experiment.node("text_transformer").load_state_dict(start)
        run.train()
        return run

    first = run_of(0, others_follow=True)
    shelf = first.callback("frozen_cache")._kept["emoji"]
    tower = first.experiment.node("text_transformer").state_dict()
    other = run_of(1, tower, others_follow=True)
    assert other.callback("frozen_cache")._kept["emoji"] is shelf
    last = run_of(2, tower)
    assert last.callback("frozen_cache")._kept["emoji"] is shelf
    assert run_of(0, tower).callback("frozen_cache")._kept["emoji"] is not shelf


def test_early_stopping_waits_its_patience() -> None:
    callbacks = {"evaluation": {"every": 1}, "early_stopping": {"patience": 2, "least_gain": 1.0}}
    run = trainer(tiny_clip(steps=50, callbacks=callbacks))
    assert run.train() == "finished"
    assert run.position.step == 3
    assert "stopped early" in run.reason


def test_diagnostics_say_what_they_see() -> None:
    diagnostics = {
        "similarity": {"every": 1},
        "attention": {"every": 2, "samples": 4},
        "gradients": {"every": 1},
        "samples": {},
    }
    run = trainer(tiny_clip(steps=2, diagnostics=diagnostics, callbacks={"evaluation": {"every": 2}}))
    run.train()
    said = run.listener
    assert isinstance(said, Said)
    negatives = [e for e in said.of(Histogram) if e.series.endswith("negative")]
    assert all(e.counts.sum() == 16 * 15 for e in negatives)
    maps = {e.series: e for e in said.of(AttentionMap)}
    assert set(maps) == {"attention/vit/0", "attention/text_transformer/0", "attention/pool_2/0"}
    vit = maps["attention/vit/0"]
    assert vit.weights.shape == (4, 2, 17, 17)
    assert vit.keys == {"kind": "patches", "height": 4, "width": 4, "extra": 1}
    assert maps["attention/pool_2/0"].queries["kind"] == "latents"
    assert abs(vit.weights.astype(float).sum(-1) - 1).max() < 5e-3
    assert {e.name for e in said.of(Exhibit)} == {"probe", "held out"}
    assert {e.series for e in said.of(Samples)} == {"samples/image_to_text", "samples/text_to_image"}
    assert said.scalars("gradient/modality/image")
    assert said.scalars("retrieval/test/image_to_text/R@1")


def test_a_diagnostic_that_fails_does_not_stop_the_run() -> None:
    run = trainer(tiny_clip(steps=3, diagnostics={"similarity": {"every": 1}}))

    def broken(*_: object) -> None:
        raise RuntimeError("no picture today")

    run.diagnostics[0].step_ended = broken  # type: ignore[method-assign]
    assert run.train() == "finished"
    assert any("switched off" in event.text for event in run.listener if hasattr(event, "text"))  # type: ignore[attr-defined]


def test_a_batch_larger_than_the_data_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="fewer than one batch"):
        trainer(tiny_clip(batch_size=4000)).train()


def test_the_graph_does_not_leak() -> None:
    """Nothing keeps a step's graph alive: tensors that hold one, or a gradient, stay level (pitfall 8)."""

    def holds(tensor: torch.Tensor) -> bool:
        return tensor.grad_fn is not None or (tensor.is_leaf and tensor.grad is not None)

    gc.collect()
    gc.freeze()  # only what is made from here on is looked through
    run = trainer(tiny_clip(steps=12, diagnostics={"similarity": {"every": 1}, "gradients": {"every": 1}}))
    run.tell("began")
    counts = []
    for _ in range(8):
        run._step()
        run.listener.clear()  # type: ignore[attr-defined]
        gc.collect()
        counts.append(sum(holds(o) for o in gc.get_objects() if isinstance(o, torch.Tensor)))
    run.feed.close()
    assert counts[-1] > 0
    assert len(set(counts[3:])) == 1, counts
