"""What a person is looking at, carried over from a window to the one made in its place: another language, another size."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt, QTimer

from core.store.answers import Axis
from studio.window.frame import Frame


@dataclass(frozen=True, kw_only=True)
class KeptView:
    """Page, place on the canvas, selection, watched run and the cursor in it."""

    page: str
    scale: float
    centre: QPointF  # scene units
    nodes: tuple[str, ...]
    wires: tuple[str, ...]
    frames: tuple[str, ...]
    left_tab: int
    runs: tuple[str, ...]  # selected in the library
    step: int  # -1: live
    axis: Axis
    state: Qt.WindowState

    def apply(self, window: Frame) -> None:
        """Look at the same in this window."""
        canvas = window.canvas
        canvas.select(self.nodes, self.wires, self.frames)
        window.show_left_tab(self.left_tab)
        if self.runs:
            window.library.select(self.runs)
        session = window.session
        if session.watched:
            session.watch(session.watched, self.step)
        window.timeline.set_axis(self.axis)
        window.pump.set_axis(self.axis)
        canvas.look_from(self.scale, self.centre)
        QTimer.singleShot(
            0, canvas, lambda: canvas.look_from(self.scale, self.centre)
        )  # once the docks have their sizes


def view_of(window: Frame) -> KeptView:
    """What is seen in a window."""
    canvas, cursor = window.canvas, window.pump.cursor
    return KeptView(
        page=window.pages.current or "design", scale=canvas.scale_now, centre=canvas.seen().center(),
        nodes=tuple(canvas.selection()), wires=tuple(canvas.selected_wires), frames=tuple(canvas.selected_frames),
        left_tab=window.left_tab(), runs=window.chosen_runs(),
        step=-1 if cursor.follows_head else cursor.step, axis=cursor.axis, state=window.windowState(),
    )  # fmt: skip
