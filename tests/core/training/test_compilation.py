"""Compiled towers are the plain ones: same losses with dropout, exact gradient caching, maps as ever; and mixed precision."""

from __future__ import annotations

import shutil
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch._inductor import config as inductor

from core.blocks.objectives.info_nce import InfoNCE
from core.telemetry.events import AttentionMap
from core.training.gradients import cached, plain
from tests.core.training.running import trainer
from tests.core.training.test_gradients import gradients
from tests.documents import tiny_clip


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # what the compiler warns itself of
def test_compiled_towers_give_the_plain_losses_with_dropout_and_patch_dropout() -> None:
    if shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler")
    diagnostics = {"attention": {"every": 2, "samples": 4}}
    runs = [
        trainer(tiny_clip(steps=4, dropout=0.2, diagnostics=diagnostics, callbacks=h))
        for h in ({}, {"compilation": {}})
    ]
    with inductor.patch(compile_threads=1):  # no thread is left behind
        for run in runs:
            assert run.train() == "finished"
    plainly, compiled = (torch.tensor(run.listener.scalars("loss")) for run in runs)  # type: ignore[attr-defined]
    torch.testing.assert_close(compiled, plainly, atol=1e-5, rtol=1e-5)
    maps = [run.listener.of(AttentionMap) for run in runs]  # type: ignore[attr-defined]
    assert [event.series for event in maps[0]] == [event.series for event in maps[1]]
    assert len(maps[0]) == 9


@pytest.mark.parametrize(
    ("kind", "callbacks", "replays"),
    [
        ("cuda", {}, True),
        ("cuda", {"gradient_cache": {}}, False),
        ("cuda", {"accumulation": {}}, False),
        ("cpu", {}, False),
    ],
)
def test_cuda_graphs_are_replayed_only_where_no_chunk_waits_for_another(
    kind: str, callbacks: dict[str, Any], replays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, *, options: given.append(options))
    run = trainer(tiny_clip(callbacks={"compilation": {"mode": "reduce-overhead"}, **callbacks}))
    run.device = torch.device(kind)
    callback = run.callback("compilation")
    assert callback is not None
    callback.began(run)
    assert len(given) == len(run.experiment.towers())
    assert all(bool(options["triton.cudagraphs"]) is replays and options["fallback_random"] for options in given)


def test_objectives_stay_in_float32_where_towers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autocast on logits of up to 100 would round them by half a unit."""
    seen: dict[str, torch.dtype] = {}
    logits = InfoNCE.logits

    def watched(self: InfoNCE, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        made = logits(self, left, right)
        seen["left"], seen["logits"] = left.dtype, made.dtype
        return made

    monkeypatch.setattr(InfoNCE, "logits", watched)
    run = trainer(tiny_clip(steps=1, dropout=0.0, callbacks={"mixed_precision": {"insist": True}}))
    run.experiment.node("vit").register_forward_hook(lambda _m, _i, out: seen.update(tower=out["tokens"].x_BND.dtype))
    attention = run.experiment.node("vit").stack.layers[0].mlp  # type: ignore[union-attr, index]
    attention.register_forward_hook(lambda _m, _i, out: seen.update(layer=out.dtype))
    run.train()
    assert seen["layer"] == torch.bfloat16
    assert (seen["left"], seen["logits"]) == (torch.float32, torch.float32)
    left, right = run.sides["info_nce"]
    by_hand = InfoNCE(InfoNCE.Config(), {"left": left, "right": right})(left.float(), right.float())["loss"]
    (_, said), *_ = run.listener.scalars("loss")  # type: ignore[attr-defined]
    assert said == pytest.approx(float(by_hand.detach()), abs=1e-5)


def test_caching_in_bfloat16_is_the_whole_batch_in_bfloat16() -> None:
    """Losses see the same float32 numbers, whichever way towers were run."""
    document = tiny_clip(batch_size=16, dropout=0.0, callbacks={"mixed_precision": {"insist": True}})
    runs = [trainer(document) for _ in range(2)]
    for run in runs:
        run.callbacks[0].began(run)
    whole, parts = gradients(runs[0], plain), gradients(runs[1], partial(cached, chunk=16))
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-6, rtol=1e-4)
