"""A node as drawn: one item that paints its ports, texts and marks itself."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from core.graph.analysis import NodeFacts
from core.graph.document import Node
from core.graph.ports import Port
from core.graph.subgraphs.definitions import is_copy
from core.graph.vocabulary import BlockSpec
from widgets.canvas import geometry as g
from widgets.canvas import ink
from widgets.canvas.items.drawn import Drawn
from widgets.canvas.items.glimpse import Glimpse, paint_glimpse
from widgets.canvas.items.pictures import Pictures
from widgets.look import quantities
from widgets.look.glyphs import draw_glyph
from widgets.look.language import tr
from widgets.look.shapes import shape
from widgets.look.theme import theme

NO_FACTS = NodeFacts()
OUTSIDE = 12.0  # what is painted beyond the box: ports, badge, stack
NAMES_FROM, PORTS_FROM = 0.56, 0.4  # scales below which names and costs, then ports are left out: unreadable
FADED = 0.32
LEAST_MARK = 13.0  # device pixels of the mark of shared weights


class NodeItem(Drawn):
    """Draws one node; the scene tells it everything through ``show_*`` and the plain attributes."""

    pictures = Pictures()
    glimpse: Glimpse | None = None  # what flows out of it
    has_sample = False  # whether there is room for that
    scale_now = 1.0  # of all nodes: whoever paints or asks says first from where, see CanvasScene.look_from

    def __init__(
        self, node: Node, spec: BlockSpec, takes: tuple[Port, ...], gives: tuple[Port, ...], *, has_sample: bool = False
    ) -> None:
        super().__init__()
        self.has_sample = has_sample
        self.facts = NO_FACTS
        self.severity = ""
        self.told = ""  # what a step of training did here
        self.pauses_at = ""  # breakpoints on it, in words
        self.waits = False  # a run waits at one of them
        self.is_shared = False  # its weights are in other places too
        self.selected = self.hovered = self.running = self.dropped_on = False
        self.fitting: frozenset[tuple[str, bool]] | None = None  # while a wire is drawn: the ports that would take it
        self.wired: frozenset[tuple[str, bool]] = frozenset()
        self.hot: tuple[str, bool] | None = None  # the port under the mouse
        self.chosen: tuple[str, bool] | None = None  # the port chosen by keyboard
        self.pulse = 0.0  # 1 at the start of a pulse, 0 when it is over
        self._version = 0
        self._alone: tuple[int, str, tuple[tuple[QPointF, str], ...]] | None = None  # zoom step, role, lines
        self.show_node(node, spec, takes, gives)

    def show_node(self, node: Node, spec: BlockSpec, takes: tuple[Port, ...], gives: tuple[Port, ...]) -> None:
        """Draw this node from now on."""
        self.prepareGeometryChange()
        self.node, self.spec, self._alone = node, spec, None
        self.shape_now = g.shape_of(node, spec, takes, gives, has_sample=self.has_sample)
        extra = g.STACK_STEP * 2 if node.repeat > 1 else 0.0
        self._bounds = QRectF(
            -OUTSIDE, -OUTSIDE, self.shape_now.width + 2 * OUTSIDE + extra, self.shape_now.height + 2 * OUTSIDE + extra
        )
        self._box = QRectF(0, 0, self.shape_now.width, self.shape_now.height)
        self.colour = ink.modality_colour(spec.modality)
        self.show_facts(self.facts)

    def show_facts(self, facts: NodeFacts) -> None:
        """Draw what the node costs."""
        self.facts = facts
        self._version += 1
        self._count = quantities.count(facts.parameters) if facts.parameters else ""
        detail = " · ".join(tr(part) for part in facts.detail.split(" · ") if part)
        family = tr("Subgraph") if is_copy(self.node) else tr(self.spec.family)
        kind = family if self.spec.known else tr("not in this version")
        parts = [detail or (tr("loading…") if self.spec.loading else kind)]
        if self.node.bypassed:
            parts.insert(0, tr("bypassed"))
        elif self.node.muted:
            parts.insert(0, tr("disabled"))
        if self.told:
            parts = [self.told]
        elif facts.flops:
            parts.append(quantities.flops(facts.flops))
        self._learns = bool(facts.parameters or facts.shared_parameters)
        room = self.shape_now.width - 2 * g.MARGIN - (18 if self._learns else 0)
        self._detail = ink.elided("detail", " · ".join(parts), room)
        self.update()

    def show_glimpse(self, glimpse: Glimpse | None) -> None:
        """Draw what flows out of it; nothing where that is not known."""
        self.glimpse = glimpse
        self._version += 1
        self.update()

    @property
    def _size(self) -> tuple[float, float]:
        return self._bounds.width(), self._bounds.height()

    @property
    def box(self) -> QRectF:
        """The node's rectangle in scene units."""
        return self._box.translated(self.pos())

    def spot_at(self, name: str, outgoing: bool) -> QPointF:
        """Where a port is in scene units; a port that is not there is at the header's edge."""
        spot = self.shape_now.spot(name, outgoing)
        x, y = (spot.x, spot.y) if spot else (self.shape_now.width if outgoing else 0.0, g.HEADER / 2)
        return self.pos() + QPointF(x, y)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        sharpness = painter.device().devicePixelRatioF()
        state = (self.scale_now, sharpness, *self._state())
        picture = self.pictures.find(self, state)
        if picture is None:
            picture = self._picture(sharpness)
            self.pictures.keep(self, state, picture)
        corner = painter.deviceTransform().map(self._bounds.topLeft())  # on whole pixels: letters are not smeared
        at = QRect(math.floor(corner.x() + 0.5), math.floor(corner.y() + 0.5), picture.width(), picture.height())
        painter.setWorldTransform(QTransform.fromScale(1 / sharpness, 1 / sharpness))
        painter.drawPixmap(at, picture, picture.rect())

    def _state(self) -> tuple[object, ...]:
        """All that decides how the node looks."""
        return (
            self._version, self.is_shared, bool(self.pauses_at), self.waits, self.selected, self.hovered, self.running, self.dropped_on, self.fitting, self.wired,
            self.hot, self.chosen, self.severity, self.pulse, (self.scale_now >= NAMES_FROM) + (self.scale_now >= PORTS_FROM),
        )  # fmt: skip

    def _picture(self, sharpness: float) -> QPixmap:
        """The node painted apart, for a screen of so many device pixels a pixel."""
        ratio = self.scale_now * sharpness
        picture = QPixmap(math.ceil(self._bounds.width() * ratio), math.ceil(self._bounds.height() * ratio))
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(ratio, ratio)
        painter.translate(-self._bounds.topLeft())
        self._paint_fully(painter)
        painter.end()
        return picture

    def _paint_fully(self, painter: QPainter) -> None:
        if self.scale_now < PORTS_FROM:
            self._paint_simply(painter)
            return
        if self.node.muted or (self.fitting is not None and not self.fitting):
            painter.setOpacity(FADED if self.fitting is not None else 0.5)
        self._paint_box(painter)
        near = self.scale_now >= NAMES_FROM
        (self._paint_header if near else self._paint_title_alone)(painter)
        self._paint_ports(painter)
        if near and not self.node.collapsed:
            self._paint_detail(painter)
            if self.has_sample and self.glimpse is not None:
                self._paint_sample(painter, self.glimpse)
        if self.node.bypassed:
            self._paint_way_through(painter)
        if self.severity:
            self._paint_badge(painter)
        if self.is_shared:
            self._paint_chain(painter)
        if self.pauses_at or self.waits:
            self._paint_breakpoint(painter)

    def _paint_simply(self, painter: QPainter) -> None:
        """From some distance: a box, its colour and its title, without smooth edges."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if self.node.muted or (self.fitting is not None and not self.fitting):
            painter.setOpacity(FADED)
        painter.setPen(self._border())
        painter.setBrush(ink.node_fill())
        painter.drawRect(self._box)
        painter.fillRect(QRectF(-1, 0, g.BAR + 2, self._box.height()), ink.brush(self.colour))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_title_alone(painter)
        if self.severity:
            self._paint_badge(painter)
        if self.is_shared:
            self._paint_chain(painter)
        if self.pauses_at or self.waits:
            self._paint_breakpoint(painter)

    def title_alone(self) -> tuple[str, tuple[tuple[QPointF, str], ...]]:
        """Seen from some distance the title is all that can be read: its role, and its lines with their places."""
        step = ink.zoom_step(self.scale_now)
        if self._alone is None or self._alone[0] != step:
            title = g.title_of(self.node, self.spec) + (f" ×{self.node.repeat}" if self.node.repeat > 1 else "")
            room = self._box.adjusted(g.MARGIN - 2, 3, -(g.MARGIN - 4), -3)
            self._alone = (step, *ink.lettered(title, room.x(), room.center().y(), room.width(), room.height(), step))
        return self._alone[1:]

    def _paint_title_alone(self, painter: QPainter) -> None:
        role, lines = self.title_alone()
        painter.setFont(ink.font(role))
        painter.setPen(ink.pen(theme().text))
        for place, text in lines:
            painter.drawStaticText(place, ink.laid_out(role, text))
        if self.running:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.brush(theme().good))
            painter.drawEllipse(QPointF(self.shape_now.width - 8, 8), 4, 4)

    def _paint_box(self, painter: QPainter) -> None:
        colours = theme()
        width, height = self.shape_now.width, self.shape_now.height
        painter.setBrush(ink.node_fill())
        if self.node.repeat > 1:
            painter.setPen(ink.pen(colours.line))
            for step in (2 * g.STACK_STEP, g.STACK_STEP):
                painter.drawRoundedRect(QRectF(step, step, width, height), 6, 6)
        if self.pulse > 0:
            painter.setPen(ink.pen(colours.accent, 4.0, int(255 * self.pulse)))
            grown = 8.0 * (1 - self.pulse) + 2
            painter.drawRoundedRect(self._box.adjusted(-grown, -grown, grown, grown), 9, 9)
        painter.setPen(self._border())
        painter.drawRoundedRect(self._box, 6, 6)
        if is_copy(self.node):  # a second edge: there is more inside
            painter.setPen(ink.pen(colours.edge))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self._box.adjusted(3, 3, -3, -3), 4, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.brush(self.colour))
        painter.drawRoundedRect(QRectF(-1, 0, g.BAR + 1, height), 2.5, 2.5)

    def _border(self) -> object:
        colours = theme()
        if self.selected or self.dropped_on:
            return ink.pen(colours.accent, 2.0)
        if self.running:
            return ink.pen(colours.good, 2.0)
        if not self.spec.known and not self.spec.loading:
            return ink.pen(colours.warning, 1.2, 255, True)
        if self.node.muted or self.node.bypassed:
            return ink.pen(colours.muted, 1.0, 255, True)
        return ink.pen(colours.muted if self.hovered else colours.line, 1.0)

    def _paint_header(self, painter: QPainter) -> None:
        colours = theme()
        role, title = self._header_title()
        painter.setFont(ink.font(role))
        painter.setPen(ink.pen(colours.text))
        lift = (ink.SIZES[role] - ink.SIZES["title"]) / 2
        painter.drawStaticText(QPointF(g.MARGIN, 8 - lift), ink.laid_out(role, title))
        right = self.shape_now.width - g.MARGIN + 2
        room = right - g.MARGIN - ink.text_width(role, title) - 6
        if self._count and room >= ink.text_width("detail", self._count):  # a title that needs its place goes first
            right -= ink.text_width("detail", self._count)
            painter.setFont(ink.font("detail"))
            painter.setPen(ink.pen(colours.muted))
            painter.drawStaticText(QPointF(right, 9.5), ink.laid_out("detail", self._count))
        if self.node.repeat > 1:
            self._paint_repeat(painter, right - 6)
        if self.running:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.brush(colours.good))
            painter.drawEllipse(QPointF(self.shape_now.width - 8, 8), 3, 3)

    def _header_title(self) -> tuple[str, str]:
        """The title over the ports: larger than drawn where it would be too small to read on the screen."""
        size = math.ceil(ink.LEAST_PIXELS / max(self.scale_now, 0.1))
        if size <= ink.SIZES["title"]:
            return "title", self.shape_now.title
        role = f"fill_{min(size, 17)}"
        room = self.shape_now.width - 2 * g.MARGIN - (32 if self.node.repeat > 1 else 0)
        return role, ink.elided(role, g.title_of(self.node, self.spec), round(room))

    def _paint_repeat(self, painter: QPainter, right: float) -> None:
        text = f"×{self.node.repeat}"
        wide = ink.text_width("detail", text) + 10
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.brush(self.colour, 60))
        painter.drawRoundedRect(QRectF(right - wide, 8, wide, 17), 5, 5)
        painter.setFont(ink.font("detail"))
        painter.setPen(ink.pen(theme().text))
        painter.drawStaticText(QPointF(right - wide + 5, 9.5), ink.laid_out("detail", text))

    def _paint_ports(self, painter: QPainter) -> None:
        named = self.scale_now >= NAMES_FROM and not self.node.collapsed
        colours = theme()
        if named:
            painter.setFont(ink.font("port"))
        for spot in self.shape_now.spots:
            key = (spot.port.name, spot.outgoing)
            fits = self.fitting is None or key in self.fitting
            if named:
                painter.setPen(ink.pen(colours.text if fits else colours.muted, 1.0, 235 if fits else 120))
                name = tr(spot.port.name, "port")
                x = spot.x - 12 - ink.text_width("port", name) if spot.outgoing else spot.x + g.MARGIN
                painter.drawStaticText(QPointF(x, spot.y - 8.5), ink.laid_out("port", name))
            self._paint_port(painter, spot, key, fits)

    def _paint_port(self, painter: QPainter, spot: g.Spot, key: tuple[str, bool], fits: bool) -> None:
        colour = ink.modality_colour(spot.port.modality)
        filled = key in self.wired or spot.outgoing
        painter.setPen(ink.pen(colour, 1.6, 255 if fits else 90))
        painter.setBrush(ink.brush(colour, 255 if fits else 90) if filled else ink.node_fill())
        big = key == self.hot or (self.fitting is not None and fits)
        radius = g.PORT_RADIUS + (2.0 if big else 0.0) - (0.8 if not filled else 0.0)
        if theme().is_high:
            painter.drawPath(shape(spot.port.modality, QPointF(spot.x, spot.y), radius))
        else:
            painter.drawEllipse(QPointF(spot.x, spot.y), radius, radius)
        if key == self.chosen:
            painter.setPen(ink.pen(theme().text, 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(spot.x, spot.y), radius + 4, radius + 4)

    def _paint_detail(self, painter: QPainter) -> None:
        top = self.shape_now.height - g.DETAIL
        painter.setFont(ink.font("detail"))
        painter.setPen(ink.pen(theme().muted))
        painter.drawStaticText(QPointF(g.MARGIN, top + 1), ink.laid_out("detail", self._detail))
        if self._learns:
            mark, colour = ("frozen", theme().accent) if self.facts.frozen else ("trained", theme().warning)
            box = QRectF(self.shape_now.width - g.MARGIN - 10, top + 2, 12, 12)
            draw_glyph(painter, mark, box, colour)

    def _paint_sample(self, painter: QPainter, glimpse: Glimpse) -> None:
        """Between the ports and the costs."""
        top = self.shape_now.height - g.DETAIL - g.SAMPLE
        painter.save()
        paint_glimpse(painter, glimpse, QRectF(g.MARGIN, top, self.shape_now.width - 2 * g.MARGIN, g.SAMPLE - 2))
        painter.restore()

    def _paint_way_through(self, painter: QPainter) -> None:
        painter.setPen(ink.pen(theme().muted, 1.6, 255, True))
        for taken, given in self.spec.ways_through()[:1]:
            a, b = self.shape_now.spot(taken, False), self.shape_now.spot(given, True)
            if a and b:
                painter.drawLine(QPointF(a.x, a.y), QPointF(b.x, b.y))

    def _paint_chain(self, painter: QPainter) -> None:
        """At the upper left corner, where nothing else is, so that it shows collapsed and from afar."""
        side = min(26.0, max(17.0, LEAST_MARK / max(self.scale_now, 0.1)))  # no smaller on the screen than can be told
        box = QRectF(-9, -10, side, side)
        painter.setOpacity(1.0)
        painter.setPen(ink.pen(theme().line))
        painter.setBrush(ink.brush(theme().canvas))
        painter.drawEllipse(box)
        inner = side * 0.18
        draw_glyph(painter, "chain", box.adjusted(inner, inner, -inner, -inner), theme().accent)

    def _paint_breakpoint(self, painter: QPainter) -> None:
        """At the lower left corner: an outline where a run would pause, filled where one waits."""
        side = min(26.0, max(17.0, LEAST_MARK / max(self.scale_now, 0.1)))
        box, colours = QRectF(-9, self.shape_now.height - side + 9, side, side), theme()
        painter.setOpacity(1.0)
        painter.setPen(ink.pen(colours.bad, 1.4))
        painter.setBrush(ink.brush(colours.bad if self.waits else colours.canvas))
        painter.drawEllipse(box)
        inner = side * 0.25
        draw_glyph(
            painter, "pause", box.adjusted(inner, inner, -inner, -inner), colours.canvas if self.waits else colours.bad
        )

    def _paint_badge(self, painter: QPainter) -> None:
        painter.setOpacity(1.0)
        box = QRectF(self.shape_now.width - 10, -9, 18, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.brush(theme().canvas))
        painter.drawEllipse(box.adjusted(-2, -2, 2, 2))
        draw_glyph(painter, self.severity, box, severity_colour(self.severity))


def severity_colour(severity: str) -> str:
    """The colour of a Problem."""
    colours = theme()
    return {"error": colours.bad, "warning": colours.warning}.get(severity, colours.accent)
