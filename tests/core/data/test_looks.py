"""Further looks at held-out samples: asked of steps that have any, the same every time, and never in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from core.data.base import Transform
from core.data.loading import batches
from core.data.pipeline import SampleGraph
from core.graph.ports import port
from tests.core.data.made import Made


class Looks(Transform):
    """Gives which look it is, and a number that it draws."""

    takes = {"image": port("image", "")}
    gives = {"number": port("number", "")}

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        return {"number": -1.0}

    def evaluated(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        return {"number": 0.0}

    def seen_again(self, values: Mapping[str, Any], generator: np.random.Generator, look: int) -> dict[str, Any]:
        return {"number": look + generator.uniform(0, 0.5)}


class OneLook(Looks):
    """As most steps are."""

    seen_again = Transform.seen_again


def numbers(step: type[Transform], epoch: int, *, training: bool, workers: int = 0) -> list[float]:
    parts = (("source", Made(Made.Config(count=6)), {}), ("step", step(None), {"image": ("source", "image")}))
    graph = SampleGraph(parts=parts, wanted=(("step", "number"),))
    try:
        made = batches(graph, range(6), 3, epoch=epoch, training=training, workers=workers)
        return torch.cat([batch["step", "number"] for batch in made]).tolist()
    finally:
        graph.close()


def test_a_further_look_is_asked_for_where_nothing_is_trained() -> None:
    assert numbers(Looks, 0, training=False) == [0.0] * 6
    second = numbers(Looks, 2, training=False)
    assert all(2 <= number < 2.5 for number in second)
    assert len(set(second)) == 6
    assert numbers(Looks, 2, training=False) == second
    assert numbers(Looks, 2, training=True) == [-1.0] * 6


def test_a_step_with_one_look_gives_it_again() -> None:
    assert numbers(OneLook, 3, training=False) == [0.0] * 6
