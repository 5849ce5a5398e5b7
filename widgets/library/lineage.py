"""Runs as the tree of what was forked from what: in which order rows stand, and the lines before a run's name.

A family stands where the first of its members would stand by itself, with the parent before its forks; what is filtered
out is passed over, and its forks hang on the nearest run above it that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.store.answers import RunFacts
from widgets.look.theme import theme

STEP = 18  # pixels that a fork stands further in
MOST_LEVELS = 6  # drawn; deeper ones stand below the last


@dataclass(frozen=True, kw_only=True)
class Branch:
    """How a row hangs in the tree."""

    place: int  # from the top
    goes_on: tuple[
        bool, ...
    ] = ()  # of itself and what is above it, from the outside in: whether a sibling follows; none of a root

    @property
    def depth(self) -> int:
        """How many runs it descends from."""
        return len(self.goes_on)


def tree(
    shown: Sequence[RunFacts], every: Sequence[RunFacts], rank: Callable[[RunFacts], Any], *, descending: bool
) -> dict[str, Branch]:
    """Every shown run by uid. ``every``: also those that are filtered out; ``rank``: what is sorted by."""
    known, uids = {run.uid: run for run in every}, {run.uid for run in shown}
    children: dict[str, list[RunFacts]] = {}
    for run in shown:
        children.setdefault(_above(run, known, uids), []).append(run)
    first: dict[str, Any] = {}
    for run in _leaves_first(children):
        below = [first[child.uid] for child in children.get(run.uid, ())]
        first[run.uid] = (max if descending else min)([_key(rank(run), descending), *below])
    found: dict[str, Branch] = {}
    waiting: list[tuple[RunFacts, tuple[bool, ...]]] = []

    def put(parent: str, above: tuple[bool, ...], is_root: bool) -> None:
        own = sorted(children.get(parent, ()), key=lambda run: first[run.uid], reverse=descending)
        rows = [(run, () if is_root else (*above, run is not own[-1])) for run in own]
        waiting.extend(reversed(rows))

    put("", (), True)
    while waiting:
        run, goes_on = waiting.pop()
        found[run.uid] = Branch(place=len(found), goes_on=goes_on)
        put(run.uid, goes_on, False)
    return found


def ordered(
    shown: Sequence[RunFacts], rank: Callable[[RunFacts], Any], *, descending: bool
) -> list[RunFacts]:  # fmt: skip
    """Row by row; what is missing comes last either way."""
    return sorted(shown, key=lambda run: _key(rank(run), descending), reverse=descending)


def _above(run: RunFacts, known: Mapping[str, RunFacts], shown: set[str]) -> str:
    """The nearest shown run that it descends from; empty where there is none."""
    seen, parent = {run.uid}, run.parent
    while parent in known and parent not in seen:
        if parent in shown:
            return parent
        seen.add(parent)
        parent = known[parent].parent
    return ""


def _leaves_first(children: Mapping[str, Sequence[RunFacts]]) -> list[RunFacts]:
    order, waiting = list[RunFacts](), list(children.get("", ()))
    while waiting:
        run = waiting.pop()
        order.append(run)
        waiting += children.get(run.uid, ())
    return order[::-1]


def _key(value: Any, descending: bool) -> tuple[bool, Any]:
    """What is missing comes last either way."""
    missing = isinstance(value, float) and math.isnan(value)
    return (missing != descending, 0.0 if missing else value)


class LineageName(QStyledItemDelegate):
    """A run's name behind the lines that lead to the run it was forked from."""

    def __init__(self, branch: Callable[[Any], Branch | None], parent: QWidget) -> None:
        """``branch``: that of an index; None where the tree is not shown."""
        super().__init__(parent)
        self._branch = branch

    def initStyleOption(self, option: QStyleOptionViewItem, index: Any) -> None:
        super().initStyleOption(option, index)
        option.rect.setLeft(option.rect.left() + self._indent(index))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        whole = QRect(option.rect)
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        super().paint(painter, option, index)
        branch = self._branch(index)
        if branch is not None and branch.depth:
            chosen = option.state & QStyle.StateFlag.State_Selected
            colour = option.palette.highlightedText().color() if chosen else QColor(theme().muted)
            self._paint_lines(painter, whole, branch, colour)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Any) -> None:
        option.rect.setLeft(option.rect.left() + self._indent(index))
        super().updateEditorGeometry(editor, option, index)

    def _indent(self, index: Any) -> int:
        branch = self._branch(index)
        return STEP * min(branch.depth, MOST_LEVELS) if branch is not None else 0

    def _paint_lines(self, painter: QPainter, place: QRect, branch: Branch, colour: QColor) -> None:
        painter.save()
        painter.setPen(QPen(colour, 1))
        middle, levels = place.center().y(), branch.goes_on[-MOST_LEVELS:]
        for level, goes_on in enumerate(levels):
            x = place.left() + STEP * level + STEP // 2
            is_own = level == len(levels) - 1
            if is_own or goes_on:
                painter.drawLine(QPoint(x, place.top()), QPoint(x, place.bottom() if goes_on else middle))
            if is_own:
                painter.drawLine(QPoint(x, middle), QPoint(x + STEP // 2 - 1, middle))
        painter.restore()
