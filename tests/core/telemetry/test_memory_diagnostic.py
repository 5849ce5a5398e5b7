"""Measuring what fusion keeps leaves the run as it was."""

from __future__ import annotations

import torch
from torch import nn

from core.graph import edits
from core.telemetry.events import Scalars
from tests.core.compiler.test_saved_bytes import drawn
from tests.core.training.running import Said, trainer


def test_batch_norm_sees_no_held_out_samples() -> None:
    """A tower with batch norm ends with the same statistics, bit for bit, whether its memory is measured or not."""
    found = []
    for diagnostics in ({}, {"memory": {"every": 1, "samples": 4}}):
        run = trainer(edits.set_recipe(drawn(), diagnostics=diagnostics, steps=2))
        vit = run.experiment.node("vit")
        width = vit.cut.out_channels if isinstance(vit.cut, nn.Conv2d) else vit.cut[-1].out_channels
        vit.cut = nn.Sequential(vit.cut, nn.BatchNorm2d(width))
        run.train()
        said = run.listener
        assert isinstance(said, Said)
        assert any("memory/cross_attention" in event.values for event in said.of(Scalars)) == bool(diagnostics)
        found.append({name: value.clone() for name, value in run.experiment.named_buffers()})
    assert any("running_mean" in name for name in found[0])
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
