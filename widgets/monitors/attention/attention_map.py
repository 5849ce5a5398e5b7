"""From a stored attention map to what one picture needs: one matrix, and what its rows and columns stand for.

Axes: Q queries, K keys. Rollout after Abnar and Zuidema (arXiv 2005.00928).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.store.answers import AttentionAt, ExhibitFacts
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.pictures import readable
from widgets.monitors.attention.frame_sheet import across, cell_of, cell_on_sheet, laid_out, sheet
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.titles import run_titles

MEAN = -1  # as a head: the mean over heads; as a query: the mean over queries
SIMILARITY = "words in the image"  # no block: what the diagnostic of that name calls its map
ROLLOUT = -2  # as a head: all heads of all layers up to this one


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one axis of a map stands for: patches of the picture, or of a film's frames on one sheet, or words of the sentence."""

    kind: str  # patches, words, other
    height: int = 0
    width: int = 0
    extra: int = 0  # leading tokens that are no place in the picture
    words: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()  # of a film, when each of the frames on the sheet is shown

    @property
    def _frame(self) -> tuple[int, int, int]:
        """Frames, and rows and columns of cells in each."""
        frames = max(len(self.seconds), 1)
        return frames, self.height // (frames // across(frames)), self.width // across(frames)

    @property
    def frames_on_sheet(self) -> tuple[int, int]:
        """Rows and columns of frames; one of a picture."""
        frames = max(len(self.seconds), 1)
        return frames // across(frames), across(frames)

    def over(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """[h, w] weights of the tokens that are places, each in its place."""
        return laid_out(weights[self.extra : self.extra + self.height * self.width].reshape(self._frame))

    def frame_at(self, row: int, column: int) -> int:
        """The frame that a place on the sheet is in."""
        _, high, wide = self._frame
        return row // high * self.frames_on_sheet[1] + column // wide

    def patch(self, index: int) -> tuple[int, int] | None:
        """Row and column of a token in the picture, where it has one."""
        place = index - self.extra
        if self.kind != "patches" or not 0 <= place < self.height * self.width:
            return None
        return cell_on_sheet(place, *self._frame)

    def token(self, row: int, column: int) -> int:
        """The token at a place in the picture."""
        return self.extra + cell_of(row, column, *self._frame)


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
    height, width = int(description.get("height", 0)), int(description.get("width", 0))
    each = description.get("each", ())
    if sample < len(each):
        height, width = (int(edge) for edge in each[sample])
    extra = int(description.get("extra", 0))
    if description.get("kind") == "patches" and height * width > 0 and extra + height * width <= size:
        return Side(kind="patches", height=height, width=width, extra=extra)
    film = _film_side(description, exhibit, sample, size)
    if film is not None:
        return film
    if description.get("kind") == "words" and exhibit is not None:
        known = exhibit.words[sample] if sample < len(exhibit.words) else ()
        words = known or tuple(exhibit.sentences[sample].split()) if sample < len(exhibit.sentences) else known
        return Side(kind="words", words=readable(words[:size]), extra=extra)
    if description.get("kind") == "times" and description.get("step") and not extra:
        first, step = float(description.get("first", 0.0)), float(description["step"])
        return Side(
            kind="other", words=tuple(tr("{seconds} s", seconds=f"{first + n * step:.2f}") for n in range(size))
        )
    return Side(kind="other", words=tuple(str(number) for number in range(size)))


def _film_side(description: Mapping[str, Any], exhibit: ExhibitFacts | None, sample: int, size: int) -> Side | None:
    """Cells of frames, where the frames were kept and are as many as tell when each cell is."""
    shown = exhibit.frames[sample] if exhibit is not None and sample < len(exhibit.frames) else ()
    frames, high, wide, extra = (int(description.get(name, 0)) for name in ("time", "height", "width", "extra"))
    count = frames * high * wide
    if description.get("kind") != "frames" or not shown or not 0 < count <= size - extra or len(shown) % frames:
        return None
    columns = across(frames)
    return Side(
        kind="patches", height=frames // columns * high, width=columns * wide, extra=extra, seconds=shown[:: len(shown) // frames],
    )  # fmt: skip


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
    return value.weights_QK[: _real(value.queries, len(value.weights_QK))].mean(axis=0)


def column_for(value: AttentionValue, key: int) -> NDArray[np.float32]:
    """[Q] who looks at a key."""
    return value.weights_QK[:, min(max(key, 0), value.weights_QK.shape[1] - 1)]


def told_words(side: Side, size: int) -> Sequence[int]:
    """Tokens that have letters: no start, no end, no padding; all where none has."""
    found = [index for index, word in enumerate(side.words[:size]) if not is_sign(word)]
    return found or range(_real(side, size))


def is_sign(word: str) -> bool:
    """``⟨start⟩``, ``[CLS]``, ``</s>`` and whatever has no letter."""
    return not any(map(str.isalnum, word)) or word[0] + word[-1] in ("⟨⟩", "[]", "<>")


def _real(side: Side, size: int) -> int:
    """Padding is left out of a mean."""
    if side.kind == "patches":
        return max(1, min(size, side.extra + side.height * side.width))
    return max(1, min(size, len(side.words))) if side.kind == "words" else size


def on_patches(side: Side, weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """[h, w] weights over the picture, where the side is one."""
    if side.kind != "patches":
        return None
    return side.over(weights)
