"""Where things are on the canvas: a node's size and ports, a wire's path. Pure functions of values, in scene units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QPainterPath

from core.graph.document import Node
from core.graph.ports import Port
from core.graph.vocabulary import BlockSpec
from widgets.canvas import ink
from widgets.look.language import tr

HEADER, ROW, DETAIL, FOOT = 32.0, 20.0, 22.0, 8.0
SAMPLE = 26.0  # of what flows out: less than a frame leaves below its blocks, and a tidy drawing between two
NARROWEST, WIDEST = {"source": 150.0, "transform": 150.0, "block": 200.0, "objective": 160.0}, 340.0
MARGIN, COUNT_ROOM, BAR = 14.0, 50.0, 4.0
PORT_RADIUS = 4.5
STACK_STEP = 5.0
GRID = 20.0
FARTHEST = 1e6  # drawings beyond this are shown at this edge: Qt's index and scroll bars cannot reach farther
DRIFT = 6  # device pixels: a press that moves less is a click
PORT_REACH, WIRE_REACH = 11.0, 7.0  # device pixels


@dataclass(frozen=True, slots=True)
class Spot:
    """A port as drawn: its place relative to the node's top left corner."""

    port: Port
    outgoing: bool
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class NodeShape:
    """A node as drawn."""

    width: float
    height: float
    title: str  # already cut to fit
    spots: tuple[Spot, ...]

    def spot(self, name: str, outgoing: bool) -> Spot | None:
        """The port of that name on that side."""
        for spot in self.spots:
            if spot.outgoing == outgoing and spot.port.name == name:
                return spot
        return None


def title_of(node: Node, spec: BlockSpec) -> str:
    """What a node is called: a person's own title first."""
    return node.title or tr(spec.title)


def shape_of(
    node: Node, spec: BlockSpec, takes: tuple[Port, ...], gives: tuple[Port, ...], *, has_sample: bool = False
) -> NodeShape:
    """A node's size and ports, with room for a sample below the ports; it depends on what was drawn only, so a node never jumps when its costs arrive."""
    rows = max(len(takes), len(gives))
    badge = 30.0 if node.repeat > 1 else 0.0
    title = title_of(node, spec)
    wanted = MARGIN * 2 + ink.text_width("title", title) + COUNT_ROOM + badge
    for index in range(0 if node.collapsed else rows):
        left = ink.text_width("port", tr(takes[index].name)) if index < len(takes) else 0.0
        right = ink.text_width("port", tr(gives[index].name)) if index < len(gives) else 0.0
        wanted = max(wanted, left + right + MARGIN * 2 + 24)
    width = math.ceil(min(max(wanted, NARROWEST[spec.role]), WIDEST))
    room = width - MARGIN * 2 - COUNT_ROOM - badge
    height = HEADER if node.collapsed else HEADER + rows * ROW + DETAIL + 2 + SAMPLE * has_sample
    spots = [*_side(takes, False, 0.0, node.collapsed), *_side(gives, True, width, node.collapsed)]
    return NodeShape(width, height, ink.elided("title", title, room), tuple(spots))


def _side(ports: tuple[Port, ...], outgoing: bool, x: float, collapsed: bool) -> list[Spot]:
    if collapsed:
        return [Spot(port, outgoing, x, HEADER / 2) for port in ports]
    return [Spot(port, outgoing, x, HEADER + ROW * (index + 0.5)) for index, port in enumerate(ports)]


def on_canvas(value: float) -> float:
    """A coordinate that Qt can draw."""
    return min(max(value, -FARTHEST), FARTHEST) if math.isfinite(value) else 0.0


def snapped(value: float) -> float:
    """The nearest grid line."""
    return round(value / GRID) * GRID


Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]  # a cubic: start, two handles, end


def curves(start: Point, end: Point, via: tuple[Point, ...] = ()) -> list[Curve]:
    """A wire as cubic curves that leave and arrive level, through its reroute points."""
    stops = [start, *((on_canvas(x), on_canvas(y)) for x, y in via), end]
    return [_curve(a, b) for a, b in pairwise(stops)]


def _curve(a: Point, b: Point) -> Curve:
    reach = b[0] - a[0]
    pull = max(abs(reach) * 0.5, min(60.0, abs(b[1] - a[1]) * 0.6)) if reach >= 0 else min(60 - reach * 0.6, 220.0)
    return a, (a[0] + pull, a[1]), (b[0] - pull, b[1]), b


def path_of(pieces: list[Curve]) -> QPainterPath:
    """The curves as a path Qt can draw."""
    path = QPainterPath(QPointF(*pieces[0][0]))
    for _, one, two, end in pieces:
        path.cubicTo(*one, *two, *end)
    return path


def lines_of(pieces: list[Curve]) -> list[QLineF]:
    """The curves as short lines."""
    found = []
    for piece in pieces:
        (ax, ay), _, _, (bx, by) = piece
        steps = 1 if abs(by - ay) < 0.5 and bx > ax else int(min(max((abs(bx - ax) + abs(by - ay)) / 9, 10), 48))
        points = [QPointF(*point_on(piece, step / steps)) for step in range(steps + 1)]
        found += [QLineF(a, b) for a, b in pairwise(points)]
    return found


def box_of(pieces: list[Curve]) -> QRectF:
    """A rectangle that holds the curves."""
    xs = [x for piece in pieces for x, _ in piece]
    ys = [y for piece in pieces for _, y in piece]
    return QRectF(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def middle_of(pieces: list[Curve]) -> Point:
    """The middle of the middle curve: where a wire's chip sits."""
    return point_on(pieces[len(pieces) // 2], 0.5 if len(pieces) % 2 else 0.0)


def point_on(piece: Curve, t: float) -> Point:
    """The point of a cubic at ``t`` from 0 to 1."""
    s = 1 - t
    weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
    return (
        sum(w * p[0] for w, p in zip(weights, piece)),
        sum(w * p[1] for w, p in zip(weights, piece)),
    )


def nearest(pieces: list[Curve], x: float, y: float) -> tuple[float, int]:
    """Distance from a point to the wire, and which curve it is nearest to."""
    best, which = math.inf, 0
    for index, piece in enumerate(pieces):
        before = piece[0]
        for step in range(1, 17):
            after = point_on(piece, step / 16)
            distance = _to_segment(x, y, before, after)
            if distance < best:
                best, which = distance, index
            before = after
    return best, which


def _to_segment(x: float, y: float, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    t = 0.0 if length == 0 else min(max(((x - a[0]) * dx + (y - a[1]) * dy) / length, 0.0), 1.0)
    return math.hypot(x - a[0] - t * dx, y - a[1] - t * dy)


def between(one: QRectF, other: QRectF) -> tuple[QPointF, QPointF]:
    """The line from middle to middle, from where it leaves the first box to where it enters the other."""
    return _edge(one, other.center()), _edge(other, one.center())


def _edge(box: QRectF, towards: QPointF) -> QPointF:
    """Where the line from a box's middle to a point leaves the box; the point itself where it lies inside."""
    along = towards - box.center()
    shares = [
        half / abs(reach) for half, reach in ((box.width() / 2, along.x()), (box.height() / 2, along.y())) if reach
    ]
    return box.center() + along * min([1.0, *shares])
