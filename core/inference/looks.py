"""Where a trained plan looks: attention of every layer over an image, a sentence, or both, beside whatever answer it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.inference.trained import Trained


@dataclass(frozen=True, kw_only=True)
class Look:
    """Where the model looked: one attention map over a picture, a sentence, a sound or a film."""

    layer: str
    weights: NDArray[np.float32]  # [heads, queries, keys]
    queries: Mapping[str, Any]
    keys: Mapping[str, Any]
    words: tuple[str, ...] = ()


def looks(
    trained: Trained,
    *,
    sentence: str | None = None,
    picture: Path | None = None,
    sound: Path | None = None,
    film: Path | None = None,
    index: int | None = None,
    split: str = "",
) -> list[Look]:
    """Attention maps over a picture file, a sentence, both, a sound file, a video, or a sample of a split's task."""
    task = trained.task(split)
    given = trained.given(sentence=sentence, picture=picture, sound=sound, film=film, index=index, task=task)
    words = trained.words(given, task)
    maps = trained.experiment.attention_maps(trained.batch(given, task))
    return [
        Look(layer=name, weights=rows[0].float().cpu().numpy(), queries=queries, keys=keys,
             words=words if "words" in (queries["kind"], keys["kind"]) else ())
        for name, (rows, queries, keys) in maps.items()
    ]  # fmt: skip
