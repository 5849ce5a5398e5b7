"""From a stored attention map to what one picture needs: one matrix, and what its rows and columns stand for.

Axes: Q queries, K keys. Rollout after Abnar and Zuidema (arXiv 2005.00928).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.exploring.tray import Held
from core.store.answers import AttentionAt, ExhibitFacts
from core.store.reader import RunReader
from widgets.look.heat.sheet import sheet
from widgets.look.heat.side import Side, real_count, side_from, told_words
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.titles import run_titles

MEAN = -1  # as a head: the mean over heads; as a query: the mean over queries
SIMILARITY = "words in the image"  # no block: what the diagnostic of that name calls its map
ROLLOUT = -2  # as a head: all heads of all layers up to this one


@dataclass(frozen=True, kw_only=True)
class AttentionSettings:
    """What the person wants to see."""

    node: str = ""
    layer: int = -1  # -1: the last
    head: int = MEAN
    sample: int = 0
    query: int = MEAN
    rollout: bool = False


@dataclass(frozen=True, kw_only=True)
class AttentionValue:
    """One sample's map at the cursor, ready to be pointed at."""

    nodes: tuple[str, ...]
    layers: tuple[int, ...]
    node: str
    layer: int
    heads: int
    samples: int
    settings: AttentionSettings
    said_at: int  # the step the map was captured at
    weights_QK: NDArray[np.float32]
    queries: Side
    keys: Side
    can_roll_out: bool  # queries and keys are the same tokens
    picture: NDArray[np.uint8] | None  # [H, W, 3]
    sentence: str
    beside: tuple[Side, NDArray[np.float32]] | None = (
        None  # of a map over the picture alone: how the sentence is pooled
    )
    titles: Mapping[str, str] = field(default_factory=dict)  # by node
    is_cosine: bool = False  # no attention: how similar each query is to each key
    is_evidence: bool = False  # no attention: what in the image raises the similarity (Grad-CAM)


def read_attention(settings: AttentionSettings, reader: RunReader, cursor: Cursor) -> AttentionValue | None:
    """The map that the settings ask for, or the nearest there is."""
    layers = layers_by_node(series_names(reader, cursor, ("attention/",), kind="attention"))
    if not layers:
        return None
    if SIMILARITY in layers:  # the first thing that is seen: words to point at
        layers = {SIMILARITY: layers.pop(SIMILARITY), **layers}
    node = settings.node if settings.node in layers else next(iter(layers))
    layer = settings.layer if settings.layer in layers[node] else layers[node][-1]
    found = reader.attention_at(f"attention/{node}/{layer}", cursor.step)
    if found is None:
        return None
    sample = min(settings.sample, found.weights.shape[0] - 1)
    exhibit = reader.exhibit(found.exhibit)
    weights_QK = _chosen(
        settings, reader, cursor, node, [each for each in layers[node] if each <= layer], found, sample
    )
    queries, keys = (
        side_of(found.queries, exhibit, sample, weights_QK.shape[0]), side_of(found.keys, exhibit, sample, weights_QK.shape[1]),
    )  # fmt: skip
    pictured = exhibit is not None and sample < len(exhibit.pictures)
    worded = exhibit is not None and sample < len(exhibit.sentences)
    return AttentionValue(
        nodes=tuple(layers), layers=tuple(layers[node]), node=node, layer=layer, heads=found.weights.shape[1],
        samples=found.weights.shape[0], settings=settings, said_at=found.step, weights_QK=weights_QK,
        queries=queries, keys=keys,
        can_roll_out=dict(found.queries) == dict(found.keys) and weights_QK.shape[0] == weights_QK.shape[1],
        picture=_shown_picture(exhibit, sample, (queries, keys)) if exhibit is not None and pictured else None,
        sentence=exhibit.sentences[sample] if exhibit is not None and worded else "",
        beside=_sentence_beside(reader, cursor, layers, node, sample),
        titles=run_titles(reader), is_cosine=found.queries.get("measure") == "cosine",
        is_evidence=found.queries.get("measure") == "evidence",
    )  # fmt: skip


def held_of(value: AttentionValue) -> Held:
    """The place in the store of what is shown."""
    rolls = value.settings.rollout and value.can_roll_out
    return Held(
        kind="attention", series=f"attention/{value.node}/{value.layer}", step=value.said_at,
        index=min(value.settings.sample, value.samples - 1), head=ROLLOUT if rolls else value.settings.head,
        query=value.settings.query,
    )  # fmt: skip


def _sentence_beside(
    reader: RunReader, cursor: Cursor, layers: Mapping[str, list[int]], node: str, sample: int
) -> tuple[Side, NDArray[np.float32]] | None:
    """The words of the sentence and what one query gives each, from the first other block that pools words so."""
    for other in layers:
        found = reader.attention_at(f"attention/{other}/{layers[other][-1]}", cursor.step) if other != node else None
        if found is None or found.weights.shape[2] != 1 or sample >= found.weights.shape[0]:
            continue
        weights_K = np.asarray(found.weights[sample], dtype=np.float32).mean(axis=(0, 1))
        side = side_of(found.keys, reader.exhibit(found.exhibit), sample, len(weights_K))
        if side.kind == "words":
            return side, weights_K
    return None


def layers_by_node(names: Sequence[str]) -> dict[str, list[int]]:
    """``attention/vit/0`` ... as layers by node."""
    found: dict[str, list[int]] = {}
    for name in names:
        node, _, layer = name.removeprefix("attention/").rpartition("/")
        if node and layer.isdigit():
            found.setdefault(node, []).append(int(layer))
    return {node: sorted(layers) for node, layers in sorted(found.items())}


def _chosen(
    settings: AttentionSettings,
    reader: RunReader,
    cursor: Cursor,
    node: str,
    below: list[int],
    top: AttentionAt,
    sample: int,
) -> NDArray[np.float32]:
    weights_HQK = np.asarray(top.weights[sample], dtype=np.float32)
    if settings.rollout and weights_HQK.shape[1] == weights_HQK.shape[2]:
        maps = [reader.attention_at(f"attention/{node}/{layer}", cursor.step) for layer in below[:-1]]
        stack = [np.asarray(m.weights[sample], dtype=np.float32) for m in maps if m and len(m.weights) > sample]
        return rollout([*stack, weights_HQK])
    return weights_HQK[settings.head] if 0 <= settings.head < len(weights_HQK) else weights_HQK.mean(axis=0)


def rollout(layers_HQK: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Attention followed through the layers, half of each layer being its skip connection."""
    size = layers_HQK[-1].shape[-1]
    eye = np.eye(size, dtype=np.float32)
    through = eye
    for weights_HQK in layers_HQK:
        if weights_HQK.shape[-2:] == (size, size):
            through = (0.5 * weights_HQK.mean(axis=0) + 0.5 * eye) @ through
    return np.asarray(through / np.maximum(through.sum(axis=1, keepdims=True), 1e-12), dtype=np.float32)


def side_of(description: Mapping[str, Any], exhibit: ExhibitFacts | None, sample: int, size: int) -> Side:
    """What an axis stands for; one that cannot be placed gets numbered tokens."""
    frames = exhibit.frames[sample] if exhibit is not None and sample < len(exhibit.frames) else ()
    words: tuple[str, ...] | None = None
    if exhibit is not None:
        known = exhibit.words[sample] if sample < len(exhibit.words) else ()
        words = known or tuple(exhibit.sentences[sample].split()) if sample < len(exhibit.sentences) else known
    return side_from(description, size, words=words, frames=frames, sample=sample)


def _shown_picture(exhibit: ExhibitFacts, sample: int, sides: Sequence[Side]) -> NDArray[np.uint8]:
    """The sample's picture; of a film its frames on a sheet, as many as the map has."""
    picture = exhibit.pictures[sample]
    shown = len(exhibit.frames[sample]) if sample < len(exhibit.frames) else 0
    if not shown:
        return picture
    return sheet(picture, shown, next((len(side.seconds) for side in sides if side.seconds), shown))


def row_for(value: AttentionValue, query: int) -> NDArray[np.float32]:
    """[K] where a query looks; the mean over real queries for MEAN."""
    if 0 <= query < len(value.weights_QK):
        return value.weights_QK[query]
    if value.is_cosine:
        return value.weights_QK[list(told_words(value.queries, len(value.weights_QK)))].mean(axis=0)
    if value.queries.kind == "patches" and value.queries.extra:
        return value.weights_QK[0]  # the class token gathers the picture
    return value.weights_QK[: real_count(value.queries, len(value.weights_QK))].mean(axis=0)


def column_for(value: AttentionValue, key: int) -> NDArray[np.float32]:
    """[Q] who looks at a key."""
    return value.weights_QK[:, min(max(key, 0), value.weights_QK.shape[1] - 1)]
