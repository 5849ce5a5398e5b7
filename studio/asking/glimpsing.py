"""A live sample in every block's own box: computed behind the window block by block, kept while nothing before the block changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QImage

from core.graph.document import Document
from core.graph.inside import Flow, Wish
from core.graph.subgraphs.flat import flattened
from core.graph.upstream import upstream_key
from core.problems import Refused
from studio.asking.seeing import Seeing
from studio.session import Session
from widgets.canvas.items.glimpse import Glimpse
from widgets.inside.drawn import bands_image
from widgets.look.language import tr
from widgets.look.pictures import heat_of, image_of, readable
from widgets.look.sounds import sound_image

if TYPE_CHECKING:
    from studio.window.frame import Frame

PAUSE = 120  # milliseconds after the last change, or the last turn of the wheel
PATIENCE = 400  # milliseconds after which what is not confirmed is shown as out of date
MOST_KEPT, MOST_IMAGES, MOST_WORDS = 256, 3, 120
HIGH, WIDE = 72, 360  # pixels of a picture at most: twice what a block shows at full size


class Glimpsing(QObject):
    """Between the canvas and the engine's lane for looking inside; idle while the switch is off."""

    def __init__(self, session: Session, window: Frame, seeing: Seeing) -> None:
        super().__init__(window)
        self._session, self._canvas, self._seeing = session, window.canvas, seeing
        self._turn = 0
        self._kept: OrderedDict[Hashable, Glimpse | None] = OrderedDict()  # the engine's lane only
        self._later_timer, self._stale_timer = (
            QTimer(self, singleShot=True, interval=each) for each in (PAUSE, PATIENCE)
        )
        self._later_timer.timeout.connect(self.look)
        self._stale_timer.timeout.connect(self._fade)
        self._waiting: dict[str, None] = {}  # nodes of the level whose answer is still to come
        for signal in (session.documentChanged, session.vocabularyChanged, session.levelChanged, seeing.wishChanged):
            signal.connect(lambda *_: self.later())
        session.lookedAgain.connect(self._forget)
        self._canvas.viewChanged.connect(self.later)
        self.switch(session.preferences.samples)

    @property
    def is_on(self) -> bool:
        """Whether blocks show samples."""
        return self._session.preferences.samples

    def switch(self, on: bool) -> None:
        """Blocks have room for a sample, or none."""
        self._session.preferences.samples = on
        self._canvas.show_samples(on)
        if on and self._canvas.isVisible() and not self._canvas.nodes_in_sight():
            self._session.say(tr("Zoom in: blocks show their samples from where their text can be read."))
        self.later()

    def later(self) -> None:
        """Whatever is under way is stale."""
        self._turn += 1
        if self.is_on:
            self._later_timer.start()

    def _forget(self) -> None:
        self._session.engine.look_inside(self._kept.clear, lambda *_: self.later())

    def look(self) -> None:
        """Ask for the blocks that are seen from near enough, one after the other; those that are known are shown at once."""
        session = self._session
        if not (self.is_on and session.is_engine_ready and self._canvas.isVisible()):
            return
        self._turn += 1
        names = self._canvas.nodes_in_sight()
        self._waiting = dict.fromkeys(name for name in session.levels.document.order() if name in names)
        self._stale_timer.start()
        self._ask_next(flattened(session.document).document, self._turn)

    def _ask_next(self, document: Document, turn: int) -> None:
        """One question of the lane at a time, so that the panel's own come between."""
        if not self._waiting or self._session.engine.is_closed:
            return
        name = next(iter(self._waiting))
        wish = replace(self._seeing.wish, node=self._session.levels.flat_of(name))

        def told(glimpse: Glimpse | None, _: str) -> None:
            if turn == self._turn:
                self._waiting.pop(name, None)
                self._canvas.set_glimpses({name: glimpse})
                self._ask_next(document, turn)

        self._session.engine.look_inside(lambda: self._glimpse(document, wish, turn), told)

    def _fade(self) -> None:
        """What flows out of these is still computed: what they show is of before."""
        shown = self._canvas.glimpses()
        self._canvas.set_glimpses(
            {name: replace(shown[name], is_stale=True) for name in self._waiting if name in shown}
        )

    def _glimpse(self, document: Document, wish: Wish, turn: int) -> Glimpse | None:
        """On the lane; None where nothing flows out of the block yet."""
        from core.inference.answering import Cancelled  # torch

        if turn != self._turn or wish.node not in document.nodes:
            return None
        key = upstream_key(document, wish.node), wish.weights.token, wish.source, wish.split, wish.place
        if key not in self._kept:
            try:
                found = self._seeing.glimpse(document, wish, go_on=lambda: turn == self._turn)
                self._kept[key] = glimpse_of(found.flows)
            except Cancelled:
                return None
            except Refused:  # the block's own badge says why
                self._kept[key] = None
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]


def glimpse_of(flows: Sequence[Flow]) -> Glimpse | None:
    """The first pictures and the first words of what flows; of numbers alone their size. None where there is nothing."""
    images = [small(image) for flow in flows for image in _images(flow)][:MOST_IMAGES]
    words = next(filter(None, map(_words, flows)), "")
    return Glimpse(images=tuple(images), words=words) if images or words else None


def _images(flow: Flow) -> list[QImage]:
    """The medium with its heat beside it; of what has no medium its values, tokens down and channels across."""
    found = [image_of(frame) for frame in (flow.picture, *flow.frames[:MOST_IMAGES]) if frame is not None]
    if flow.bands_FT is not None:
        found.append(bands_image(flow.bands_FT))
    if flow.samples_S is not None:
        found.append(sound_image(flow.samples_S, WIDE, HIGH, HIGH))
    if flow.heat is not None:
        found.append(heat_of(flow.heat))
    if not found and flow.channels_NC is not None:
        found.append(heat_of(_raised(flow.channels_NC)))
    return found


def _raised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """From nothing up; few rows as high as can be seen beside many columns."""
    values = np.repeat(values, max(1, values.shape[1] // (6 * values.shape[0])), axis=0)
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(finite - finite.min(initial=0.0), dtype=np.float32)


def _words(flow: Flow) -> str:
    if flow.sentence or flow.words:
        return (flow.sentence or " ".join(readable(flow.words)))[:MOST_WORDS]
    return f"{flow.numbers.mean:.4g}" if flow.numbers is not None and not flow.numbers.shape else ""


def small(image: QImage) -> QImage:
    """A picture for a block; a small one keeps its pixels."""
    if image.height() <= HIGH and image.width() <= WIDE:
        return image
    kept, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(WIDE, HIGH, kept, smooth)
