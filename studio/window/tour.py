"""The stops of the tour through this window, and where it was left."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from studio.session import Session
from studio.window.frame import Frame
from widgets.look.language import tr
from widgets.tour import Stop, Tour


def tour_of(session: Session, window: Frame) -> Tour:
    """The tour; where it is left is remembered."""
    tour = Tour(window, stops(window))
    tour.pageRequested.connect(lambda page: window.show_page(page) if window.pages.current != page else None)
    tour.stopped.connect(lambda at: setattr(session.preferences, "tour", at))
    return tour


def stops(window: Frame) -> list[Stop]:
    """What is shown, in order; every stop is found in the window as it is."""

    def left(panel: QWidget) -> QWidget | None:
        window.panels.bring("left")
        window.show_left(panel)
        return window.docks["left"]

    def brought(key: str) -> QWidget:
        window.panels.bring(key)
        return window.docks[key]

    return [
        Stop(title=tr("The canvas"), page="design", found=lambda: window.canvas, text=tr("An experiment is a graph: data flows from a source through encoders into an objective. Tab adds a block, dragging from a port draws a wire; P and Enter do so by keyboard.")),
        Stop(title=tr("Blocks, outline, problems, advice"), page="design", found=lambda: left(window.palette_panel), text=tr("Drag blocks from the list. The outline is the same graph as a list; Problems says what stands against a run and mends it; Advice says what could be better, and why.")),
        Stop(title=tr("Settings"), page="design", found=lambda: brought("inspector"), text=tr("What is selected is set here; with nothing selected, how the whole experiment is trained. Inside shows what flows out of a block before a run.")),
        Stop(title=tr("Run"), page="design", found=lambda: window.top.run, text=tr("Ctrl+Enter trains what is drawn. It can be paused, stopped with a checkpoint, and continued.")),
        Stop(title=tr("Monitors"), page="design", found=lambda: brought("monitors"), text=tr("Loss, similarities, attention and the machine, live. They read what is stored, so a past run looks the same.")),
        Stop(title=tr("The timeline"), page="design", found=lambda: window.timeline, text=tr("Drag it to look at any step of a run; a right click forks from a checkpoint.")),
        Stop(title=tr("Runs"), page="runs", found=lambda: window.library, text=tr("Every run is kept: compare, filter, replay, continue.")),
        Stop(title=tr("Query"), page="query", found=lambda: window.query, text=tr("A trained run is asked here with your own images, words, audio or videos.")),
        Stop(title=tr("Examples"), page="gallery", found=lambda: window.pages.gallery, text=tr("Open an example and press Run. F1 opens the help; this tour is in the menu Help.")),
    ]  # fmt: skip
