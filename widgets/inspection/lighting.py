"""From a chosen map and what is pointed at to what is lit: places of the picture, and words. Pure; axes as in ``values``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from widgets.inspection.values import GREATEST, HeatMap, Layer, Subject, Way
from widgets.look.heat.side import Side, on_patches, real_count

NOTHING = -1


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """A query or a key under the mouse, or kept by a click."""

    axis: str = ""  # query, key; empty: nothing
    index: int = NOTHING


@dataclass(frozen=True, kw_only=True)
class Lit:
    """What two views show."""

    heat: NDArray[np.float32] | None = None  # [h, w]
    grid: tuple[int, int] = (0, 0)
    marked_patch: tuple[int, int] | None = None
    words: tuple[str, ...] = ()
    word_weights: NDArray[np.float32] | None = None
    marked_word: int = NOTHING

    @property
    def most(self) -> float:
        """The greatest that is shown over the picture; of words where there is none."""
        shown = self.heat if self.heat is not None else self.word_weights
        return float(np.max(shown, initial=0.0)) if shown is not None else 0.0


def head_map(layer: Layer, head: int) -> NDArray[np.float32]:
    """[Q, K] of one head, or of all: their mean or the greatest of each pair."""
    weights_HQK = layer.weights_HQK
    if head == GREATEST:
        return weights_HQK.max(axis=0)
    return weights_HQK[head] if 0 <= head < len(weights_HQK) else weights_HQK.mean(axis=0)


def map_of(subject: Subject, way: Way, layer: str, head: int) -> HeatMap | None:
    """The map of a way of looking; None where the subject has none."""
    if way == "layer":
        found = next((one for one in subject.layers if one.key == layer), None)
        return None if found is None else layer_map(found, head)
    rule = subject.rules.get(way)
    if rule is None or (rule.place_K is None and rule.word_Q is None):
        return None
    is_relevance = way == "gradient"
    if rule.place_K is None or rule.places is None:
        assert rule.word_Q is not None
        words = subject.words or Side(kind="other")
        return HeatMap(
            weights_QK=rule.word_Q[None], queries=Side(kind="other"), keys=words, whole_K=rule.word_Q, is_relevance=is_relevance
        )  # fmt: skip
    queries = subject.words if rule.by_word_QK is not None and subject.words is not None else Side(kind="other")
    weights = rule.by_word_QK if rule.by_word_QK is not None else rule.place_K[None]
    return HeatMap(
        weights_QK=weights, queries=queries, keys=rule.places, whole_K=rule.place_K, whole_Q=rule.word_Q, is_relevance=is_relevance
    )  # fmt: skip


def layer_map(layer: Layer, head: int) -> HeatMap:
    weights_QK = head_map(layer, head)
    return HeatMap(
        weights_QK=weights_QK, queries=layer.queries, keys=layer.keys, whole_K=default_row(weights_QK, layer.queries)
    )


def default_row(weights_QK: NDArray[np.float32], queries: Side) -> NDArray[np.float32]:
    """What a class token gathers, where there is one; else the mean over real queries."""
    if queries.kind == "patches" and queries.extra:
        return weights_QK[0]
    row: NDArray[np.float32] = weights_QK[: real_count(queries, len(weights_QK))].mean(axis=0)
    return row


def lit_by(heat: HeatMap, pointed: Pointed) -> Lit:
    """What is lit: the keys of a query, the queries of a key, or where nothing is pointed at the whole."""
    asks = pointed.axis == "query" and 0 <= pointed.index < heat.weights_QK.shape[0]
    asked = pointed.axis == "key" and 0 <= pointed.index < heat.weights_QK.shape[1]
    keys = heat.weights_QK[pointed.index] if asks else heat.whole_K
    queries = heat.weights_QK[:, pointed.index] if asked else heat.whole_Q
    both = heat.queries.kind == heat.keys.kind
    found = Lit()
    for side, weights, token in (
        (heat.queries, queries, pointed.index if asks else NOTHING), (heat.keys, None if asked and both else keys, pointed.index if asked else NOTHING),
    ):  # fmt: skip
        found = _with_side(found, side, weights, token)
    return found


def _with_side(lit: Lit, side: Side, weights: NDArray[np.float32] | None, token: int) -> Lit:
    """The same with one axis shown: its weights where it has some, and its marked token."""
    if side.kind == "patches":
        heat = on_patches(side, weights) if weights is not None else lit.heat
        marked = side.patch(token) if token != NOTHING else lit.marked_patch
        return replace(lit, heat=heat, grid=(side.height, side.width), marked_patch=marked)
    if len(side.words) < 2:
        return lit
    return replace(
        lit, words=side.words, word_weights=weights if weights is not None else lit.word_weights,
        marked_word=token if token != NOTHING else lit.marked_word,
    )  # fmt: skip


def pointed_word(heat: HeatMap, index: int) -> Pointed:
    """A word under the mouse is a query where words ask, else a key."""
    if index == NOTHING:
        return Pointed()
    return Pointed(
        axis="key" if heat.queries.kind == "patches" or len(heat.queries.words) < 2 else "query", index=index
    )


def pointed_patch(heat: HeatMap, row: int, column: int) -> Pointed:
    """A patch under the mouse is a query where patches ask, else a key."""
    if row == NOTHING:
        return Pointed()
    side, axis = (heat.queries, "query") if heat.queries.kind == "patches" else (heat.keys, "key")
    return Pointed(axis=axis, index=side.token(row, column)) if side.kind == "patches" else Pointed()


def difference(one: Lit, other: Lit) -> Lit | None:
    """The second less the first; None where they are of different shapes."""
    same = all(
        (a is None) == (b is None) and (a is None or b is None or a.shape == b.shape)
        for a, b in ((one.heat, other.heat), (one.word_weights, other.word_weights))
    )
    if not same:
        return None
    return replace(
        other, heat=None if one.heat is None or other.heat is None else other.heat - one.heat,
        word_weights=None if one.word_weights is None or other.word_weights is None else other.word_weights - one.word_weights,
    )  # fmt: skip
