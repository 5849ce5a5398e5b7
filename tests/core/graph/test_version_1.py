"""Documents of version 1 open without loss: nothing but the words that changed is different."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.graph import file
from core.graph.configurations import Configuration, grid_configurations
from core.graph.sweep import DEFAULT_METRIC
from core.graph.upgrades.v1 import path

OLD = sorted((Path(__file__).parent / "version_1").glob("*.cms.json"))


def in_old_words(data: dict[str, Any]) -> dict[str, Any]:
    """A document of version 2 as version 1 wrote it, by replacing words of its text: not by the upgrade's own code."""
    text = json.dumps(data, ensure_ascii=False)
    for new, old in (
        ('"callbacks": {', '"habits": {'), ('"diagnostics": {', '"probes": {'), ('"callbacks.', '"habits.'),
        ('"diagnostics.', '"probes.'), ('"version": 2', '"version": 1'),
    ):  # fmt: skip
        text = text.replace(new, old)
    return json.loads(text)


def test_there_are_old_files() -> None:
    assert len(OLD) == 4
    assert all(json.loads(one.read_text("utf-8"))["version"] == 1 for one in OLD)


@pytest.mark.parametrize("old", OLD, ids=lambda one: one.name)
def test_an_old_document_opens_without_loss(old: Path) -> None:
    document = file.read(old)
    assert document.recipe.callbacks
    raw = json.loads(old.read_text("utf-8"))
    if raw.get("sweep", {}).get("metric") == DEFAULT_METRIC:
        del raw["sweep"]["metric"]  # what stands at its default is not written
    raw["wires"] = [wire for wire in raw["wires"] if not wire["to"].endswith(".share")]  # lengths travel with the sound
    for node in raw["nodes"].values():  # an old tower of sound goes on as it learned: told of padding at its end alone
        if node["block"] == "encoders.audio_cnn":
            node["knobs"] = {**node.get("knobs", {}), "mask_inside": False}
    assert in_old_words(file.to_data(document)) == raw


@pytest.mark.parametrize("old", OLD, ids=lambda one: one.name)
def test_an_old_sweep_has_the_same_configurations(old: Path) -> None:
    before, now = file.read(old), file.read(Path("resources/experiments") / old.name)
    assert (before.sweep is None) == (now.sweep is None)
    if before.sweep is not None and now.sweep is not None:
        assert grid_configurations(before.sweep) == grid_configurations(now.sweep)


def test_an_axis_keeps_the_name_that_its_configurations_were_kept_under() -> None:
    raw = json.loads(OLD[0].read_text("utf-8"))
    raw["sweep"] = {"axes": [{"path": "habits.ema.decay", "values": [0.9, 0.99]}], "baseline": "0.9"}
    (axis,) = file.from_data(raw).sweep.axes  # type: ignore[union-attr]
    assert (axis.path, axis.title) == ("callbacks.ema.decay", "habits.ema.decay")


def test_a_block_that_is_called_habits_keeps_its_paths() -> None:
    assert path("habits.width", {"habits": {}}) == "habits.width"
    assert path("probes.attention.every", {"habits": {}}) == "diagnostics.attention.every"


def test_a_configuration_that_was_kept_before_is_read() -> None:
    text = '{"name": "a", "at": {"x": 1}, "values": {"habits.ema.decay": 0.5, "vit.width": 8}, "muted": [], "bypassed": []}'
    assert Configuration.from_json(text).values == {"callbacks.ema.decay": 0.5, "vit.width": 8}
