"""Histograms, attention maps, samples and exhibits as blobs, and back. Nothing is pickled.

Attention is kept as bytes with a scale a head: the error is at most a 510th of the head's largest weight.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.problems import refuse
from core.store import made
from core.store.answers import AttentionAt, ExhibitFacts, HistogramAt, PairsAt, SamplesAt
from core.store.made import Made, Packed
from core.store.points import finite
from core.telemetry.events import (
    AttentionMap,
    Codes,
    Embeddings,
    Exhibit,
    Histogram,
    Offsets,
    Pairs,
    Pictures,
    Samples,
    Segments,
    Sounds,
)  # fmt: skip

Snapshot = Histogram | AttentionMap | Samples | Pairs | Made
KINDS: Mapping[type[Any], str] = {
    Histogram: "histogram", AttentionMap: "attention", Samples: "samples", Pairs: "pairs", Pictures: "pictures",
    Sounds: "sounds", Segments: "segments", Codes: "codes", Offsets: "offsets",
    Embeddings: "embeddings",
}  # fmt: skip


def pack(event: Snapshot) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A snapshot's row, without ``series_id``, and the files that it names."""
    if isinstance(event, Pictures | Sounds):
        files, names, originals = made.files_of(event)
        pack_named: Callable[..., Packed] = made.pack_pictures if isinstance(event, Pictures) else made.pack_sounds
        return _row(event, pack_named(event, names, originals)), files
    packers: Mapping[type[Any], Callable[[Any], Packed]] = {
        Histogram: _pack_histogram, AttentionMap: _pack_attention, Samples: _pack_samples, Pairs: _pack_pairs,
        Segments: made.pack_segments, Codes: made.pack_codes, Offsets: made.pack_offsets,
        Embeddings: made.pack_embeddings,
    }  # fmt: skip
    return _row(event, packers[type(event)](event)), {}


def _row(event: Snapshot, packed: Packed) -> dict[str, Any]:
    codec, about, data = packed
    return {"step": int(event.at.step), "seconds": finite(event.at.seconds), "codec": codec, **_blob(about, data)}


def unpack_made(unpack: Callable[[str, int, Mapping[str, Any], bytes], Any], name: str, row: Any) -> Any:
    """What a row of :mod:`core.store.made` says. Raises Refused where it is not as it was written."""
    return unpack(name, row.step, _about(row), row.data)


def pack_exhibit(event: Exhibit) -> dict[str, Any]:
    """An exhibit's row, without ``run_id``."""
    pictures = np.ascontiguousarray(event.pictures, dtype=np.uint8)
    about = {
        "shape": pictures.shape, "sentences": event.sentences, "words": event.words, "groups": event.groups,
        **({"sizes": event.sizes} if event.sizes else {}), **({"frames": event.frames} if event.frames else {}),
    }  # fmt: skip
    data = zlib.compress(pictures.tobytes(), 1)
    return {"name": clean(event.name), **_blob(about, data)}


def unpack_histogram(name: str, row: Any) -> HistogramAt:
    """A histogram from its row."""
    about = _about(row)
    counts = np.frombuffer(row.data, dtype="<u4")
    return HistogramAt(name=name, step=row.step, low=_float(about["low"]), high=_float(about["high"]), counts=counts)


def stacked(rows: Sequence[Any]) -> tuple[NDArray[np.float64], float, float]:
    """Counts of many histograms [n, bins] on common edges, and the edges' low and high.

    A row begins with about, checksum and data. Most runs never change their edges, so that is one copy.
    """
    parts = [(about, data) for about, checksum, data, *_ in rows if _checked(about, checksum, data)]
    edges = {text: json.loads(text) for text in {about for about, _ in parts}}
    low = min(_float(one["low"]) for one in edges.values())
    high = max(_float(one["high"]) for one in edges.values())
    sizes = {len(data) for _, data in parts}
    bins = max(sizes) // 4
    if len(edges) == len(sizes) == 1:
        counts = np.frombuffer(b"".join([data for _, data in parts]), dtype="<u4")
        return counts.reshape(len(rows), bins).astype(np.float64), low, high
    own = [(edges[about], np.frombuffer(data, dtype="<u4")) for about, data in parts]
    laid = [_resampled(counts, one["low"], one["high"], low, high, bins) for one, counts in own]
    return np.stack(laid), low, high


def unpack_attention(name: str, row: Any) -> AttentionAt:
    """An attention map from its row, as float32."""
    about = _about(row)
    data = zlib.decompress(row.data)
    shape = tuple(about["shape"])
    if row.codec == "u8z":
        heads = shape[0] * shape[1]
        scale = np.frombuffer(data, dtype="<f4", count=heads).reshape(shape[0], shape[1], 1, 1)
        weights = np.frombuffer(data, dtype=np.uint8, offset=4 * heads).reshape(shape).astype(np.float32) * scale
    else:
        weights = np.frombuffer(data, dtype="<f2").reshape(shape).astype(np.float32)
    return AttentionAt(
        name=name, step=row.step, weights=weights, queries=about["queries"], keys=about["keys"],
        exhibit=about["exhibit"],
    )  # fmt: skip


def unpack_samples(name: str, row: Any) -> SamplesAt:
    """Nearest answers from their row."""
    about = _about(row)
    data, (questions, answers) = row.data, about["shape"]
    truth = np.frombuffer(data, dtype="<i4", count=questions)
    nearest = np.frombuffer(data, dtype="<i4", count=questions * answers, offset=4 * questions)
    scores = np.frombuffer(data, dtype="<f4", offset=4 * questions * (1 + answers))
    return SamplesAt(
        name=name, step=row.step, truth=truth, nearest=nearest.reshape(questions, answers),
        scores=scores.reshape(questions, answers), exhibit=about["exhibit"],
    )  # fmt: skip


def unpack_pairs(name: str, row: Any) -> PairsAt:
    """Pairs from their row."""
    about = _about(row)
    data, count = row.data, about["count"]
    left, right = (np.frombuffer(data, dtype="<i4", count=count, offset=4 * count * place) for place in (0, 1))
    return PairsAt(
        name=name, step=row.step, left=left, right=right,
        cosine=np.frombuffer(data, dtype="<f4", count=count, offset=8 * count),
        origin=np.frombuffer(data, dtype=np.uint8, count=count, offset=12 * count), origins=tuple(about["origins"]),
        hardest=about["hardest"],
    )  # fmt: skip


def unpack_exhibit(row: Any) -> ExhibitFacts:
    """An exhibit from its row."""
    about = _about(row)
    every = np.frombuffer(zlib.decompress(row.data), dtype=np.uint8).reshape(about["shape"])
    sizes = about.get("sizes", ())
    pictures = [picture[:height, :width] for picture, (height, width) in zip(every, sizes)]
    return ExhibitFacts(
        name=row.name, pictures=tuple(pictures) if sizes else every, sentences=tuple(about["sentences"]),
        words=tuple(tuple(words) for words in about["words"]), groups=tuple(about["groups"]),
        frames=tuple(tuple(times) for times in about.get("frames", ())),
    )  # fmt: skip


def clean(text: str) -> str:
    """A text that SQLite takes: half a surrogate pair becomes a question mark."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def text_of(value: Any) -> str:
    """JSON of plain data; numbers of numpy are taken as numbers, what is left as its text."""
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)


def _blob(about: dict[str, Any], data: bytes) -> dict[str, Any]:
    text = text_of(about)
    return {"about": text, "checksum": zlib.crc32(data, zlib.crc32(text.encode())), "data": data}


def data_of(text: str) -> dict[str, Any]:
    """JSON of a row beside what it says; a damaged one costs no more than itself."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _about(row: Any) -> dict[str, Any]:
    """What a blob is. Raises Refused where it is not as it was written."""
    _checked(row.about, row.checksum, row.data)
    return dict(json.loads(row.about))


def _checked(about: str, checksum: int, data: bytes) -> bool:
    if zlib.crc32(data, zlib.crc32(about.encode())) != checksum:
        raise refuse(
            "A plot of this run is damaged on disk.", hint="Restore the store from a backup, or delete the run."
        )
    return True


def _float(value: Any) -> float:
    return float(value)


def _resampled(
    counts: NDArray[np.uint32], own_low: float, own_high: float, low: float, high: float, bins: int
) -> NDArray[np.float64]:
    """Counts on other edges; a bin's count is spread evenly over it."""
    if own_low == low and own_high == high and len(counts) == bins:
        return counts.astype(np.float64)
    if not own_high > own_low or not len(counts):
        return np.full(bins, counts.sum() / max(1, bins))
    own = np.linspace(own_low, own_high, len(counts) + 1)
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)])
    return np.diff(np.interp(np.linspace(low, high, bins + 1), own, below))


def _pack_histogram(event: Histogram) -> tuple[str, dict[str, Any], bytes]:
    counts = np.ascontiguousarray(event.counts, dtype="<u4")
    return "u4", {"low": float(event.low), "high": float(event.high)}, counts.tobytes()


def _pack_attention(event: AttentionMap) -> tuple[str, dict[str, Any], bytes]:
    weights = np.asarray(event.weights)
    about = {"shape": weights.shape, "queries": event.queries, "keys": event.keys, "exhibit": event.exhibit}
    if weights.ndim != 4:
        raise ValueError(f"attention {event.series!r} has shape {weights.shape}, not samples, heads, queries, keys")
    if not weights.size or not np.isfinite(weights).all() or weights.min() < 0:
        return "f2z", about, zlib.compress(weights.astype("<f2").tobytes(), 1)
    quantised, scale = _quantised(weights.astype(np.float32))
    return "u8z", about, zlib.compress(scale.astype("<f4").tobytes() + quantised.tobytes(), 1)


def _quantised(weights: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    scale = weights.max(axis=(2, 3), keepdims=True) / np.float32(255)
    scale[scale == 0] = 1
    return np.rint(weights / scale).astype(np.uint8), scale


def _pack_samples(event: Samples) -> tuple[str, dict[str, Any], bytes]:
    nearest = np.ascontiguousarray(event.nearest, dtype="<i4")
    scores = np.ascontiguousarray(event.scores, dtype="<f4")
    truth = np.ascontiguousarray(event.truth, dtype="<i4")
    if nearest.ndim != 2 or scores.shape != nearest.shape or truth.shape != nearest.shape[:1]:
        raise ValueError(f"samples {event.series!r} have shapes {truth.shape}, {nearest.shape}, {scores.shape}")
    about = {"shape": nearest.shape, "exhibit": event.exhibit}
    return "samples", about, truth.tobytes() + nearest.tobytes() + scores.tobytes()


def _pack_pairs(event: Pairs) -> tuple[str, dict[str, Any], bytes]:
    left, right = (np.ascontiguousarray(side, dtype="<i4") for side in (event.left, event.right))
    cosine = np.ascontiguousarray(event.cosine, dtype="<f4")
    origin = np.ascontiguousarray(event.origin, dtype=np.uint8)
    if left.ndim != 1 or not left.shape == right.shape == cosine.shape == origin.shape:
        raise ValueError(
            f"pairs {event.series!r} have shapes {left.shape}, {right.shape}, {cosine.shape}, {origin.shape}"
        )
    if len(origin) and int(origin.max()) >= len(event.origins):
        raise ValueError(f"pairs {event.series!r} name origin {int(origin.max())} of {len(event.origins)}")
    about = {"count": len(left), "hardest": int(event.hardest), "origins": event.origins}
    return "pairs", about, left.tobytes() + right.tobytes() + cosine.tobytes() + origin.tobytes()
