"""Tidy layout: layers from left to right by longest path, rows ordered by barycentre sweeps (Sugiyama et al. 1981)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from core.graph.document import Document

GAP_X, GAP_Y, SWEEPS = 90.0, 36.0, 8
FRAME_Y = 56.0  # what two frames, one above the other, need more: the lower edge of one and the title of the next
Size = tuple[float, float]
Line = Literal["left", "center", "right", "top", "middle", "bottom"]


def arrange(
    document: Document,
    sizes: Mapping[str, Size],
    nodes: Iterable[str] | None = None,
    frames: Mapping[str, str] | None = None,
) -> dict[str, tuple[float, float]]:
    """New places for the nodes (all, or the given ones), keeping the top left corner where it was.

    ``sizes`` gives each node's drawn width and height in scene units, ``frames`` the frame that each node is in, if any.
    """
    chosen = [n for n in document.order() if nodes is None or n in set(nodes)]
    chosen += [n for n in (document.nodes if nodes is None else nodes) if n in document.nodes and n not in chosen]
    if not chosen:
        return {}
    into: dict[str, list[str]] = {node: [] for node in chosen}
    out: dict[str, list[str]] = {node: [] for node in chosen}
    place = {node: index for index, node in enumerate(chosen)}
    for wire in document.wires:
        a, b = wire.source.node, wire.target.node
        if a in place and b in place and place[a] < place[b]:
            into[b].append(a)
            out[a].append(b)
    layers = _layers(chosen, into, out)
    rows = _ordered(layers, into, out)
    left = min(document.nodes[n].x for n in chosen)
    top = min(document.nodes[n].y for n in chosen)
    return _placed(rows, into, sizes, frames or {}, left, top)


def _layers(chosen: list[str], into: Mapping[str, list[str]], out: Mapping[str, list[str]]) -> list[list[str]]:
    depth: dict[str, int] = {}
    for node in chosen:
        depth[node] = max((depth[before] + 1 for before in into[node]), default=0)
    for node in reversed(chosen):  # pull sources right, next to what they feed
        if not into[node] and out[node]:
            depth[node] = max(0, min(depth[after] for after in out[node]) - 1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in chosen:
        layers[depth[node]].append(node)
    return [layer for layer in layers if layer]


def _ordered(layers: list[list[str]], into: Mapping[str, list[str]], out: Mapping[str, list[str]]) -> list[list[str]]:
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        neighbours = into if forward else out
        walk = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        rank = {node: index / max(len(layer), 1) for layer in layers for index, node in enumerate(layer)}
        for index in walk:
            layer = layers[index]
            weight = {
                node: sum(rank[n] for n in neighbours[node]) / len(neighbours[node]) if neighbours[node] else rank[node]
                for node in layer
            }
            layers[index] = sorted(layer, key=lambda node, weight=weight: weight[node])  # type: ignore[misc]
            rank.update({node: i / len(layers[index]) for i, node in enumerate(layers[index])})
    return layers


def _placed(
    layers: list[list[str]],
    into: Mapping[str, list[str]],
    sizes: Mapping[str, Size],
    frames: Mapping[str, str],
    left: float,
    top: float,
) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    x = left
    for layer in layers:
        bottom, above = -float("inf"), ""
        for node in layer:
            if above and frames.get(above) != frames.get(node):
                bottom += FRAME_Y
            above = node
            height = sizes.get(node, (160.0, 90.0))[1]
            wanted = [places[before][1] for before in into[node] if before in places]
            y = max(sum(wanted) / len(wanted) if wanted else max(bottom, 0.0), bottom)
            places[node] = (x, y)
            bottom = y + height + GAP_Y
        x += max(sizes.get(node, (160.0, 90.0))[0] for node in layer) + GAP_X
    lift = top - min(y for _, y in places.values())
    return {node: (x, y + lift) for node, (x, y) in places.items()}


def align(
    document: Document, sizes: Mapping[str, Size], nodes: Iterable[str], line: Line
) -> dict[str, tuple[float, float]]:
    """New places of nodes whose edges or middles are to stand on one line: of the outermost edge, or the mean of the middles."""
    chosen = [document.nodes[key] for key in nodes if key in document.nodes]
    if not chosen:
        return {}
    across = line in ("left", "center", "right")  # whether they move sideways
    share = {"left": 0.0, "top": 0.0, "center": 0.5, "middle": 0.5, "right": 1.0, "bottom": 1.0}[line]
    lengths = {node.id: sizes[node.id][0 if across else 1] for node in chosen}
    lines = [(node.x if across else node.y) + share * lengths[node.id] for node in chosen]
    goal = min(lines) if share == 0 else max(lines) if share == 1 else sum(lines) / len(lines)
    starts = {node.id: goal - share * lengths[node.id] for node in chosen}
    return {node.id: (starts[node.id], node.y) if across else (node.x, starts[node.id]) for node in chosen}


def distribute(
    document: Document, sizes: Mapping[str, Size], nodes: Iterable[str], *, across: bool
) -> dict[str, tuple[float, float]]:
    """New places of nodes with equal gaps between them, from left to right or from top to bottom; the outermost two stay."""
    chosen = [document.nodes[key] for key in nodes if key in document.nodes]
    if len(chosen) < 3:
        return {}
    chosen.sort(key=lambda node: node.x if across else node.y)
    lengths = [sizes[node.id][0 if across else 1] for node in chosen]
    first, last = ((node.x if across else node.y) for node in (chosen[0], chosen[-1]))
    gap = (last + lengths[-1] - first - sum(lengths)) / (len(chosen) - 1)
    places, at = {}, first
    for node, length in zip(chosen, lengths, strict=True):
        places[node.id] = (at, node.y) if across else (node.x, at)
        at += length + gap
    return places
